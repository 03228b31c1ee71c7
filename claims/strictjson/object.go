package strictjson

import (
	"encoding/json"
	"slices"
	"unicode/utf8"
)

// Object reads one object member by member, exactly as strict as Decode, for readers that know what they look for and are in a hurry:
// nothing is built but what they ask for. After Next has said true, exactly one of Text, Texts, Number and Value must be called.
// Strings share the memory of the text. What was read is worth nothing before Err has said nil at the end.
//
//	for name, more := o.Next(); more; name, more = o.Next() { … }
type Object struct {
	reader reader
	err    error
	begun  bool
	few    [24]string // names that were seen; more of them go into many
	seen   int
	many   map[string]struct{}
}

// Open begins to read an object. maxDepth counts as for Decode.
func Open(text string, maxDepth int) Object {
	o := Object{reader: reader{text: text, depth: maxDepth}}
	if !utf8.ValidString(text) {
		o.err = o.reader.fail(ErrEncoding)
		return o
	}
	o.reader.skipSpace()
	if o.reader.peek() != '{' {
		o.err = o.reader.fail(ErrSyntax)
	}
	return o
}

// Err says why the text was refused; nil only if Next came to the end of an object and nothing follows it.
func (o *Object) Err() error { return o.err }

// Next moves to the next member. It says false at the end, and after the first error.
func (o *Object) Next() (name string, more bool) {
	if o.err != nil {
		return "", false
	}
	var last bool
	if o.begun {
		last, o.err = o.reader.next('}')
	} else {
		o.begun = true
		last, o.err = o.reader.open('}')
	}
	if o.err != nil {
		return "", false
	}
	if last {
		o.end()
		return "", false
	}
	start := o.reader.at
	if name, o.err = o.reader.name(); o.err != nil {
		return "", false
	}
	if o.repeated(name) {
		o.err = &Error{Reason: ErrRepeated, Offset: start, Member: printable(name)}
		return "", false
	}
	return name, true
}

func (o *Object) end() {
	o.reader.close()
	o.reader.skipSpace()
	if o.reader.at < len(o.reader.text) {
		o.err = o.reader.fail(ErrTrailing)
	}
}

// repeated notes a name. Few names are compared one by one, which is faster than hashing; beyond them the time must stay linear.
func (o *Object) repeated(name string) bool {
	if slices.Contains(o.few[:min(o.seen, len(o.few))], name) {
		return true
	}
	if o.seen < len(o.few) {
		o.few[o.seen] = name
		o.seen++
		return false
	}
	if _, is := o.many[name]; is {
		return true
	}
	if o.many == nil {
		o.many = map[string]struct{}{}
	}
	o.many[name] = struct{}{}
	return false
}

// Value reads any value, as Decode gives it.
func (o *Object) Value() any {
	if o.err != nil {
		return nil
	}
	var value any
	value, o.err = o.reader.value()
	return value
}

// IsText tells whether the value to be read is a string.
func (o *Object) IsText() bool { return o.err == nil && o.reader.peek() == '"' }

// Text reads a string and tells whether it was one.
func (o *Object) Text() (text string, is bool) {
	if o.IsText() {
		text, o.err = o.reader.str()
		return text, o.err == nil
	}
	o.Value()
	return "", false
}

// Number reads a number and tells whether it was one.
func (o *Object) Number() (number json.Number, is bool) {
	if b := o.reader.peek(); o.err == nil && (b == '-' || isDigit(b)) {
		number, o.err = o.reader.number()
		return number, o.err == nil
	}
	o.Value()
	return "", false
}

// Texts reads an array of strings and tells whether it was one.
func (o *Object) Texts() (list []string, is bool) {
	if o.err != nil || o.reader.peek() != '[' {
		o.Value()
		return nil, false
	}
	list, is = []string{}, true
	var last bool
	last, o.err = o.reader.open(']')
	for o.err == nil && !last {
		text, fits := o.Text()
		list, is = append(list, text), is && fits
		if o.err == nil {
			last, o.err = o.reader.next(']')
		}
	}
	if o.err != nil || !is {
		if o.err == nil {
			o.reader.close()
		}
		return nil, false
	}
	o.reader.close()
	return list, true
}
