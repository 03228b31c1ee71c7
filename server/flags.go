package server

import "github.com/writ-auth/writ/models"

// queryFlag gives a parameter of the query that is true or false; absent is false. Anything else is refused: a caller who writes
// revoketokens=yes must not believe that it happened.
func (in *input) queryFlag(name string) (bool, error) {
	switch in.query.get(name) {
	case "true":
		return true, nil
	case "", "false":
		return false, nil
	}
	return false, models.Illegal("%s must be true or false", name)
}

// optionalFlag gives a member of the body that is true or false; nil if it is absent.
func (in *input) optionalFlag(name string) (*bool, error) {
	if in.value(name) == nil {
		return nil, nil
	}
	value, err := in.flag(name, false)
	return &value, err
}

// nested gives a member of the body that is an object itself; nil if it is absent.
func (in *input) nested(name string) (map[string]any, error) {
	if _, err := in.object(); err != nil {
		return nil, err
	}
	switch value := in.value(name).(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return value, nil
	}
	return nil, models.Illegal("%s must be a JSON object", name)
}
