package server

import (
	"net/http"
	"strings"

	"github.com/writ-auth/writ/grants"
	"github.com/writ-auth/writ/models"
)

// maxConditions bounds a query; more make no sense for two properties.
const maxConditions = 50

func queryParse(reason string) *grants.Error {
	return grants.NewError(http.StatusBadRequest, "query_parse", "The query cannot be parsed: "+reason)
}

// parseQL reads the small query language of §8.2: [select *] [where] c ((and|or) c)*, where c compares username or email with a text in single
// quotes and "and" binds tighter. Within quotes a backslash takes the next character as it is.
func parseQL(text string) (models.UserFilter, error) {
	if text == "" {
		return models.UserFilter{}, nil // absent (§1.2)
	}
	words, err := wordsOfQL(text)
	if err != nil {
		return models.UserFilter{}, err
	}
	q := qlReader{words: words}
	everything := q.take("select")
	if everything && !q.take("*") {
		return models.UserFilter{}, queryParse("only select * is supported")
	}
	if everything && len(q.words) == 0 {
		return models.UserFilter{}, nil
	}
	q.take("where")
	return q.alternatives()
}

// word is a token of a query; text in quotes is never a keyword.
type word struct {
	text   string
	quoted bool
}

type qlReader struct{ words []word }

func (q *qlReader) next() word {
	if len(q.words) == 0 {
		return word{}
	}
	first := q.words[0]
	q.words = q.words[1:]
	return first
}

func (q *qlReader) take(keyword string) bool {
	if len(q.words) == 0 || q.words[0].quoted || !strings.EqualFold(q.words[0].text, keyword) {
		return false
	}
	q.words = q.words[1:]
	return true
}

func (q *qlReader) alternatives() (models.UserFilter, error) {
	var filter models.UserFilter
	all := []models.UserCondition{}
	for count := 1; ; count++ {
		condition, err := q.condition()
		if err != nil {
			return models.UserFilter{}, err
		}
		all = append(all, condition)
		switch {
		case count > maxConditions:
			return models.UserFilter{}, queryParse("too many conditions")
		case q.take("and"):
		case q.take("or"):
			filter.Any, all = append(filter.Any, all), nil
		case len(q.words) == 0:
			filter.Any = append(filter.Any, all)
			return filter, nil
		default:
			return models.UserFilter{}, queryParse("expected and, or, or the end")
		}
	}
}

func (q *qlReader) condition() (models.UserCondition, error) {
	property, equals, value := q.next(), q.next(), q.next()
	name := strings.ToLower(property.text)
	if property.quoted || name != "username" && name != "email" {
		return models.UserCondition{}, queryParse("expected username or email")
	}
	if equals.quoted || equals.text != "=" || !value.quoted {
		return models.UserCondition{}, queryParse("expected = and a text in single quotes")
	}
	return models.UserCondition{Property: name, Value: value.text}, nil
}

// wordsOfQL cuts a query into words, "=", "*" and quoted texts.
func wordsOfQL(text string) ([]word, error) {
	var words []word
	for {
		text = strings.TrimLeft(text, " \t\r\n")
		if text == "" {
			return words, nil
		}
		switch text[0] {
		case '\'':
			value, rest, err := quoted(text[1:])
			if err != nil {
				return nil, err
			}
			words, text = append(words, word{value, true}), rest
		case '=', '*':
			words, text = append(words, word{text[:1], false}), text[1:]
		default:
			end := strings.IndexAny(text, " \t\r\n='*")
			if end < 0 {
				end = len(text)
			}
			words, text = append(words, word{text[:end], false}), text[end:]
		}
	}
}

// quoted reads to the closing quote.
func quoted(text string) (value, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\'':
			return b.String(), text[i+1:], nil
		case '\\':
			i++
			if i == len(text) {
				return "", "", queryParse("a text does not end")
			}
		}
		b.WriteByte(text[i])
	}
	return "", "", queryParse("a text does not end")
}

// noQL refuses a query on a list that has nothing to compare; select * is everything and therefore no restriction.
func (r *request) noQL() error {
	filter, err := parseQL(r.in.query.get("ql"))
	if err != nil {
		return err
	}
	if filter.Any != nil {
		return queryParse("this list has no searchable properties")
	}
	return nil
}

// plainPage is the page of a list without a query.
func (r *request) plainPage() (models.Page, error) {
	if err := r.noQL(); err != nil {
		return models.Page{}, err
	}
	return r.page()
}
