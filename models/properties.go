package models

import (
	"bytes"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"maps"
)

// Properties are the custom properties of an entity, kept as JSON text. Numbers keep their spelling (json.Number).
type Properties map[string]any

// Value implements driver.Valuer.
func (p Properties) Value() (driver.Value, error) {
	if p == nil {
		return "{}", nil
	}
	text, err := json.Marshal(map[string]any(p))
	return string(text), err
}

// Scan implements sql.Scanner. What was there before goes, for encoding/json would merge into it.
func (p *Properties) Scan(value any) error {
	*p = Properties{}
	return scanJSON(value, (*map[string]any)(p))
}

// MaxProperties bounds the custom properties of one entity, in bytes of JSON: they are merged again and again by whoever may edit it.
const MaxProperties = 64 << 10

// Merge sets what changes names and removes what it sets to nil; other properties stay. It refuses to grow beyond MaxProperties.
func (p *Properties) Merge(changes map[string]any) error {
	next := maps.Clone(*p)
	if next == nil {
		next = Properties{}
	}
	for key, value := range changes {
		if value == nil {
			delete(next, key)
			continue
		}
		next[key] = value
	}
	text, err := json.Marshal(map[string]any(next))
	if err != nil {
		return err
	}
	if len(text) > MaxProperties {
		return Illegal("custom properties exceed %d bytes of JSON", MaxProperties)
	}
	*p = next
	return nil
}

func scanJSON(value, into any) error {
	switch text := value.(type) {
	case nil:
		return nil
	case string:
		return unmarshal([]byte(text), into)
	case []byte:
		return unmarshal(text, into)
	default:
		return fmt.Errorf("cannot read JSON from a column of type %T", value)
	}
}

func unmarshal(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}
