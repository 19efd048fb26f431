package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// A validator knows the keywords of JSON Schema that the schema uses, and
// fails at any other. Beyond the standard it refuses members that the schema
// does not name, since here it judges what mxsweep itself writes.
type validator struct{ root object }

func newValidator(t *testing.T) *validator {
	var root object
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	return &validator{root}
}

func (v *validator) line(line string) error {
	var value any
	if err := json.Unmarshal([]byte(line), &value); err != nil {
		return err
	}
	return v.check(v.root, value, "")
}

func (v *validator) check(schema object, value any, path string) error {
	for keyword, arg := range schema {
		if err := v.keyword(schema, keyword, arg, value, path); err != nil {
			return err
		}
	}
	return nil
}

func (v *validator) keyword(schema object, keyword string, arg, value any, path string) error {
	fail := func(why string) error { return fmt.Errorf("%s: %s (%s)", path, why, keyword) }
	switch keyword {
	case "$schema", "$defs", "title", "description", "contentEncoding":
	case "$ref":
		def, ok := v.root["$defs"].(object)[strings.TrimPrefix(arg.(string), "#/$defs/")].(object)
		if !ok {
			return fail("no such definition")
		}
		return v.check(def, value, path)
	case "oneOf", "anyOf":
		var errs []error
		for _, s := range arg.([]any) {
			errs = append(errs, v.check(s.(object), value, path))
		}
		valid := len(slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err != nil }))
		if valid == 0 || keyword == "oneOf" && valid > 1 {
			return errors.Join(errs...)
		}
	case "type":
		types, ok := arg.([]any)
		if !ok {
			types = []any{arg}
		}
		if !slices.ContainsFunc(types, func(t any) bool { return isType(value, t.(string)) }) {
			return fail("wrong type")
		}
	case "const":
		if value != arg {
			return fail("wrong value")
		}
	case "enum":
		if !slices.Contains(arg.([]any), value) {
			return fail("not in the list")
		}
	case "minimum":
		if n, ok := value.(float64); ok && n < arg.(float64) {
			return fail("too small")
		}
	case "format":
		if s, ok := value.(string); ok {
			_, err := time.Parse(time.RFC3339, s)
			return err
		}
	case "required":
		for _, name := range arg.([]any) {
			if m, ok := value.(object); ok && !has(m, name.(string)) {
				return fail("missing " + name.(string))
			}
		}
	case "items":
		list, _ := value.([]any)
		for i, item := range list {
			if err := v.check(arg.(object), item, fmt.Sprint(path, "/", i)); err != nil {
				return err
			}
		}
	case "properties", "additionalProperties":
		m, _ := value.(object)
		for name, member := range m {
			s, ok := arg.(object)[name].(object)
			if keyword == "additionalProperties" {
				s, ok = arg.(object), true
			}
			if !ok {
				return fail("member that the schema does not name: " + name)
			}
			if err := v.check(s, member, path+"/"+name); err != nil {
				return err
			}
		}
	default:
		return fail("unknown keyword")
	}
	return nil
}

func has(m object, name string) bool { _, ok := m[name]; return ok }

func isType(value any, name string) bool {
	switch value := value.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case float64:
		return name == "number" || name == "integer" && value == math.Trunc(value)
	case []any:
		return name == "array"
	case object:
		return name == "object"
	}
	return false
}
