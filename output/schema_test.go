package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

type object = map[string]any

// TestSchemaIsCurrent makes the schema from the record types and their
// comments, and compares it with the embedded one.
func TestSchemaIsCurrent(t *testing.T) {
	g := &generator{comments: map[string]string{}, values: map[string][]any{}, defs: object{}}
	for _, dir := range []string{"scanner", "scanner/smtp", "scanner/fingerprint", "scanner/advisory"} {
		g.readSource(t, filepath.Join("..", dir))
	}
	var records []any
	for _, record := range recordTypes() {
		records = append(records, g.typeSchema(record, false))
	}
	got, err := json.MarshalIndent(object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "mxsweep record",
		"description": fmt.Sprintf("One line of NDJSON that mxsweep writes, schema %d. A reader should pass over records of other types and ignore fields that it does not know.", scanner.SchemaVersion),
		"oneOf":       records,
		"$defs":       g.defs,
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile("schema.json", got, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(got, Schema()) {
		t.Error("schema.json is behind the record types: run go generate ./output")
	}
}

func recordTypes() []reflect.Type {
	return []reflect.Type{reflect.TypeFor[scanner.Run](), reflect.TypeFor[scanner.Service](), reflect.TypeFor[scanner.Domain](),
		reflect.TypeFor[scanner.Progress](), reflect.TypeFor[scanner.Summary]()}
}

// A generator makes JSON Schema of Go types.
type generator struct {
	comments map[string]string // of "Type" and "Type.Field"
	values   map[string][]any  // the constants of a string type
	defs     object
}

func (g *generator) readSource(t *testing.T, dir string) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if d, ok := decl.(*ast.GenDecl); ok {
				g.readDecl(d)
			}
		}
	}
}

func (g *generator) readDecl(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			g.comments[spec.Name.Name] = comment(d.Doc, spec.Doc)
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					for _, name := range f.Names {
						g.comments[spec.Name.Name+"."+name.Name] = comment(f.Doc, f.Comment)
					}
				}
			}
		case *ast.ValueSpec:
			typ, ok := spec.Type.(*ast.Ident)
			if !ok || d.Tok != token.CONST || len(spec.Values) != 1 {
				continue
			}
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				value, _ := strconv.Unquote(lit.Value)
				g.values[typ.Name] = append(g.values[typ.Name], value)
			}
		}
	}
}

func comment(groups ...*ast.CommentGroup) string {
	for _, group := range groups {
		if text := group.Text(); text != "" {
			return strings.Join(strings.Fields(text), " ")
		}
	}
	return ""
}

func (g *generator) typeSchema(t reflect.Type, nullable bool) object {
	switch t {
	case reflect.TypeFor[smtp.Raw]():
		return object{"type": []any{"string", "null"}}
	case reflect.TypeFor[time.Time]():
		return object{"type": []any{"string", "null"}, "format": "date-time"}
	case reflect.TypeFor[netip.Addr]():
		return object{"type": "string"}
	}
	switch t.Kind() {
	case reflect.String:
		if len(g.values[t.Name()]) > 0 {
			return g.ref(t, func() object { return object{"type": "string", "enum": g.enum(t.Name())} })
		}
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Uint16, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Pointer:
		elem := g.typeSchema(t.Elem(), false)
		if name, ok := elem["type"].(string); ok {
			elem["type"] = []any{name, "null"}
			return elem
		}
		return object{"anyOf": []any{elem, object{"type": "null"}}}
	case reflect.Slice:
		items := g.typeSchema(t.Elem(), false)
		if nullable {
			return object{"type": []any{"array", "null"}, "items": items}
		}
		return object{"type": "array", "items": items}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": g.typeSchema(t.Elem(), false)}
	case reflect.Struct:
		return g.ref(t, func() object { return g.structSchema(t) })
	}
	panic(fmt.Sprintf("no schema for %v", t))
}

// enum returns the constants of a type. Every outcome has a status; but an
// endpoint that was not contacted has no phase, and a vulnerability without a
// score no severity.
func (g *generator) enum(name string) []any {
	if name != "Status" {
		return append([]any{""}, g.values[name]...)
	}
	return g.values[name]
}

func (g *generator) ref(t reflect.Type, define func() object) object {
	if g.defs[t.Name()] == nil {
		g.defs[t.Name()] = object{} // for types that contain themselves
		def := define()
		def["description"] = g.comments[t.Name()]
		g.defs[t.Name()] = def
	}
	return object{"$ref": "#/$defs/" + t.Name()}
}

func (g *generator) structSchema(t reflect.Type) object {
	properties, required := object{}, []any{}
	for i := range t.NumField() {
		sf := t.Field(i)
		name := jsonName(sf)
		if name == "" {
			continue
		}
		required = append(required, name)
		property := g.typeSchema(sf.Type, nullableList(name))
		if name == "type" && slices.Contains(recordTypes(), t) {
			property = object{"const": strings.ToLower(t.Name())}
		}
		if text := g.comments[t.Name()+"."+sf.Name]; text != "" && name != "type" {
			property["description"] = text
		}
		properties[name] = property
		if sf.Type == reflect.TypeFor[smtp.Raw]() {
			properties[name+base64Suffix] = object{"type": "string", "contentEncoding": "base64",
				"description": "the exact bytes of " + name + ", where they are not UTF-8"}
		}
	}
	return object{"type": "object", "properties": properties, "required": required}
}

func TestSchemaDescribesWhatIsWritten(t *testing.T) {
	v := newValidator(t)
	lines := strings.SplitAfter(written(t, NDJSON, Options{}, sample()...), "\n")
	for _, r := range append(filledResults(), emptyResults()...) {
		lines = append(lines, string(AppendResult(nil, &r)))
	}
	for _, line := range lines {
		if line == "" {
			continue
		}
		if err := v.line(line); err != nil {
			t.Errorf("%v\n%s", err, line)
		}
	}
}

func TestSchemaRefusesOtherLines(t *testing.T) {
	v := newValidator(t)
	var good object
	if err := json.Unmarshal(AppendResult(nil, &scanner.Result{Service: typical()}), &good); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]any{"status": "fine", "port": "25", "attempts": 1.5, "ptr": "x", "mx": []any{}, "software": nil, "type": "host", "reused": nil, "timestamp": 5.0} {
		line := mapWith(good, name, bad)
		if v.line(line) == nil {
			t.Errorf("%s = %v is valid", name, bad)
		}
	}
	for name := range good {
		line := mapWith(good, name, nil)
		line = strings.Replace(line, `"`+name+`":null`, `"x":null`, 1)
		if v.line(line) == nil {
			t.Errorf("valid without %s", name)
		}
	}
}

func mapWith(m object, name string, value any) string {
	changed := object{}
	for k, v := range m {
		changed[k] = v
	}
	changed[name] = value
	line, err := json.Marshal(changed)
	if err != nil {
		return err.Error()
	}
	return string(line)
}
