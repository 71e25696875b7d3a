// Package schema holds JSON documents against the schemas that docs/ publishes. It
// knows of JSON Schema what these use: type, const, enum, required, properties,
// additionalProperties and items, and refuses a schema that uses more.
package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
)

// Schema is one that was read.
type Schema map[string]any

// Read reads a schema from a file.
func Read(file string) (Schema, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var s Schema
	return s, json.Unmarshal(text, &s)
}

// Check says what is wrong with a document.
func (s Schema) Check(doc []byte) error {
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		return err
	}
	return check(s, v, "document")
}

func check(s map[string]any, v any, at string) error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(at+": "+format, args...)) }
	for word, wanted := range s {
		switch word {
		case "$schema", "title", "description", "properties", "additionalProperties":
		case "type":
			if !isType(v, wanted) {
				wrong("%v is no %v", v, wanted)
			}
		case "const":
			if !reflect.DeepEqual(v, wanted) {
				wrong("%v is not %v", v, wanted)
			}
		case "enum":
			if !slices.ContainsFunc(wanted.([]any), func(one any) bool { return reflect.DeepEqual(one, v) }) {
				wrong("%v is none of %v", v, wanted)
			}
		case "required":
			of, _ := v.(map[string]any)
			for _, name := range wanted.([]any) {
				if _, there := of[name.(string)]; !there {
					wrong("lacks %v", name)
				}
			}
		case "items":
			list, _ := v.([]any)
			for i, one := range list {
				errs = append(errs, check(wanted.(map[string]any), one, fmt.Sprintf("%s[%d]", at, i)))
			}
		default:
			wrong("the schema says %s, which this test does not know", word)
		}
	}
	properties, _ := s["properties"].(map[string]any)
	of, _ := v.(map[string]any)
	for name, one := range of {
		p, known := properties[name].(map[string]any)
		switch {
		case known:
			errs = append(errs, check(p, one, at+"."+name))
		case s["additionalProperties"] == false:
			wrong("%s is not in the schema", name)
		}
	}
	return errors.Join(errs...)
}

func isType(v, wanted any) bool {
	switch wanted {
	case "object":
		_, ok := v.(map[string]any)
		return ok
	case "array":
		_, ok := v.([]any)
		return ok
	case "string":
		_, ok := v.(string)
		return ok
	case "boolean":
		_, ok := v.(bool)
		return ok
	case "number":
		_, ok := v.(float64)
		return ok
	case "integer":
		n, ok := v.(float64)
		return ok && n == float64(int64(n))
	}
	return false
}
