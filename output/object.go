package output

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// An Object is a JSON object that keeps its fields in their order and, where
// they are not set anew, byte for byte: for adding to records of other tools
// without losing what they say.
type Object struct {
	keys   []string
	values map[string]json.RawMessage
}

// ParseObject reads one JSON object.
func ParseObject(text []byte) (*Object, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.Join(errors.New("expected a JSON object"), err)
	}
	o := &Object{values: map[string]json.RawMessage{}}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("bad JSON: %w", err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("bad JSON: %w", err)
		}
		o.set(key.(string), value) // a key is always a string
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("bad JSON: %w", err)
	}
	if d.More() {
		return nil, errors.New("bad JSON: text behind the object")
	}
	return o, nil
}

func (o *Object) set(key string, value json.RawMessage) {
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

// Set sets a field, in its old place or at the end.
func (o *Object) Set(key string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("field %s: %w", key, err)
	}
	o.set(key, text)
	return nil
}

// Get decodes the field at the end of a path of nested objects into value. It
// reports whether the field is there, not null, and of that type.
func (o *Object) Get(value any, path ...string) bool {
	text, ok := o.values[path[0]]
	for _, key := range path[1:] {
		var inner map[string]json.RawMessage
		if !ok || json.Unmarshal(text, &inner) != nil {
			return false
		}
		text, ok = inner[key]
	}
	return ok && string(text) != "null" && json.Unmarshal(text, value) == nil
}

// Append appends the object as one line of JSON, without the line's end.
func (o *Object) Append(dst []byte) []byte {
	dst = append(dst, '{')
	for i, key := range o.keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		name, _ := json.Marshal(key) // a string always can be
		dst = append(append(dst, name...), ':')
		dst = append(dst, o.values[key]...)
	}
	return append(dst, '}')
}
