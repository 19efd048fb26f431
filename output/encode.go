package output

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// AppendResult appends r as one NDJSON line (RFC 8259 text and a line feed) to
// dst and returns the extended slice. It appends nothing where no field of r is
// set.
//
// The fields are those of the Go types, in their order, and every one of them
// is always there: "type" first, null for what was not seen. The bytes are
// UTF-8 whatever a server sent; see [smtp.Raw] for how the exact bytes are kept.
//
// Where r has an Unknown line, its further members follow; a record of an unknown
// type is written as it was read.
func AppendResult(dst []byte, r *scanner.Result) []byte {
	if r.Unknown == "" {
		return appendKnown(dst, r)
	}
	if known := appendKnown(nil, r); len(known) > 0 {
		return append(dst, withUnknown(known, r.Unknown)...)
	}
	return append(append(dst, r.Unknown...), '\n')
}

func appendKnown(dst []byte, r *scanner.Result) []byte {
	enc := encoders()
	switch {
	case r.Run != nil:
		return enc.run(dst, reflect.ValueOf(r.Run).Elem())
	case r.Service != nil:
		return enc.service(dst, reflect.ValueOf(r.Service).Elem())
	case r.Domain != nil:
		return enc.domain(dst, reflect.ValueOf(r.Domain).Elem())
	case r.Progress != nil:
		return enc.progress(dst, reflect.ValueOf(r.Progress).Elem())
	case r.Summary != nil:
		return enc.summary(dst, reflect.ValueOf(r.Summary).Elem())
	}
	return dst
}

// An appender appends the JSON form of one value. Values are addressable
// (except in maps), so that nothing has to be copied to the heap.
type appender func(dst []byte, v reflect.Value) []byte

// encoders are the appenders of the five records, made from their types at the
// first use. Working from the types means that a field added to a record can
// not be forgotten here, at about the speed of code written by hand.
var encoders = sync.OnceValue(func() (enc struct{ run, service, domain, progress, summary appender }) {
	enc.run = recordAppender[scanner.Run]("run")
	enc.service = recordAppender[scanner.Service]("service")
	enc.domain = recordAppender[scanner.Domain]("domain")
	enc.progress = recordAppender[scanner.Progress]("progress")
	enc.summary = recordAppender[scanner.Summary]("summary")
	return enc
})

func recordAppender[T any](kind string) appender {
	fields := structFields(reflect.TypeFor[T]())
	fields = slices.DeleteFunc(fields, func(f field) bool { return f.name == "type" })
	head := `{"type":"` + kind + `"`
	return func(dst []byte, v reflect.Value) []byte {
		dst = append(dst, head...)
		for i := range fields {
			dst = fields[i].append(dst, v)
		}
		return append(dst, '}', '\n')
	}
}

// A field is one member of a JSON object.
type field struct {
	name  string
	key   string // comma, name and colon as they are written
	index int
	value appender // nil for a smtp.Raw
}

func (f *field) append(dst []byte, object reflect.Value) []byte {
	v := object.Field(f.index)
	if f.value == nil {
		return f.appendRaw(dst, v.String())
	}
	return f.value(append(dst, f.key...), v)
}

// appendRaw writes server bytes: null where there are none, and the base64
// member only where the text alone would lose bytes.
func (f *field) appendRaw(dst []byte, raw string) []byte {
	dst = append(dst, f.key...)
	if raw == "" {
		return append(dst, "null"...)
	}
	dst = appendString(dst, raw)
	if utf8.ValidString(raw) {
		return dst
	}
	dst = append(dst, `,"`+f.name+base64Suffix+`":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, []byte(raw))
	return append(dst, '"')
}

// base64Suffix is what the name of the member with the exact bytes ends in.
const base64Suffix = "_base64"

func structFields(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		name := jsonName(sf)
		if name == "" {
			continue
		}
		f := field{name: name, key: `,"` + name + `":`, index: i}
		if sf.Type != reflect.TypeFor[smtp.Raw]() {
			f.value = valueAppender(sf.Type, nullableList(name))
		}
		fields = append(fields, f)
	}
	return fields
}

// jsonName returns the name of a field on the wire, "" if it is not written.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if !f.IsExported() || name == "-" {
		return ""
	}
	return name
}

// nullableList tells whether a nil list of that name means "not seen" and is
// written as null. All other lists belong to an object whose presence says
// that it was seen, so that nil is just the empty list.
func nullableList(name string) bool {
	switch name {
	case "ptr", "mx", "cname", "addresses":
		return true
	}
	return false
}

func valueAppender(t reflect.Type, nullable bool) appender {
	switch t {
	case reflect.TypeFor[time.Time]():
		return func(dst []byte, v reflect.Value) []byte { return appendTime(dst, *v.Addr().Interface().(*time.Time)) }
	case reflect.TypeFor[netip.Addr]():
		return func(dst []byte, v reflect.Value) []byte { return appendAddr(dst, *v.Addr().Interface().(*netip.Addr)) }
	}
	switch t.Kind() {
	case reflect.String:
		return func(dst []byte, v reflect.Value) []byte { return appendString(dst, v.String()) }
	case reflect.Bool:
		return func(dst []byte, v reflect.Value) []byte { return strconv.AppendBool(dst, v.Bool()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(dst []byte, v reflect.Value) []byte { return strconv.AppendInt(dst, v.Int(), 10) }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(dst []byte, v reflect.Value) []byte { return strconv.AppendUint(dst, v.Uint(), 10) }
	case reflect.Float64:
		return func(dst []byte, v reflect.Value) []byte { return appendFloat(dst, v.Float()) }
	case reflect.Pointer:
		return pointerAppender(valueAppender(t.Elem(), false))
	case reflect.Slice:
		return listAppender(valueAppender(t.Elem(), false), nullable)
	case reflect.Map:
		return mapAppender(valueAppender(t.Elem(), false))
	case reflect.Struct:
		return objectAppender(structFields(t))
	}
	// Only a new kind of field in the record types leads here, and then in
	// every test of this package.
	panic(fmt.Sprintf("output: no JSON form for %v", t))
}

func pointerAppender(elem appender) appender {
	return func(dst []byte, v reflect.Value) []byte {
		if v.IsNil() {
			return append(dst, "null"...)
		}
		return elem(dst, v.Elem())
	}
}

func listAppender(elem appender, nullable bool) appender {
	return func(dst []byte, v reflect.Value) []byte {
		if nullable && v.IsNil() {
			return append(dst, "null"...)
		}
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = elem(dst, v.Index(i))
		}
		return append(dst, ']')
	}
}

// mapAppender writes the members sorted by key, so that equal records are equal
// lines.
func mapAppender(elem appender) appender {
	return func(dst []byte, v reflect.Value) []byte {
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		dst = append(dst, '{')
		for i, key := range keys {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, key.String()), ':')
			dst = elem(dst, v.MapIndex(key))
		}
		return append(dst, '}')
	}
}

func objectAppender(fields []field) appender {
	return func(dst []byte, v reflect.Value) []byte {
		start := len(dst)
		for i := range fields {
			dst = fields[i].append(dst, v)
		}
		if len(dst) == start {
			return append(dst, "{}"...)
		}
		dst[start] = '{' // in place of the first field's comma
		return append(dst, '}')
	}
}

// appendTime writes an RFC 3339 time in UTC; null for the zero time and for
// years that RFC 3339 can not express.
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	if t.IsZero() || t.Year() < 0 || t.Year() > 9999 {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	dst = t.AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"')
}

func appendAddr(dst []byte, a netip.Addr) []byte {
	dst = append(dst, '"')
	if a.IsValid() {
		dst = a.AppendTo(dst)
	}
	return append(dst, '"')
}

// appendFloat writes a number; null for those that JSON does not have.
func appendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

const hexDigits = "0123456789abcdef"

// appendString writes a JSON string. Bytes that are not UTF-8 become U+FFFD;
// whatever a terminal might obey or hide is written as \u escapes, which lose
// nothing and make the file safe to look at.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; ; {
		for i < len(s) && plainJSON(s[i]) {
			i++
		}
		if i == len(s) {
			break
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r >= utf8.RuneSelf && r != utf8.RuneError && visible(r) {
			i += size
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscapedRune(dst, r)
		i += size
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// plainJSON tells whether an ASCII byte stands for itself in a JSON string.
func plainJSON(c byte) bool { return c >= ' ' && c < 0x7f && c != '"' && c != '\\' }

func appendEscapedRune(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	case utf8.RuneError:
		return append(dst, "\ufffd"...)
	}
	if r > 0xffff { // a surrogate pair (RFC 8259, section 7)
		r -= 0x10000
		dst = appendHex4(dst, 0xd800+r>>10)
		r = 0xdc00 + r&0x3ff
	}
	return appendHex4(dst, r)
}

func appendHex4(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
