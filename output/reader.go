package output

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"strings"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// MaxLine is the length in bytes up to which a [Reader] takes a line. The
// longest line that a scan can write is far below it.
const MaxLine = 16 << 20

// A Reader reads NDJSON back, plain or gzip. It holds one line in memory at a
// time. Records of types it does not know are passed over and counted, unknown
// fields are ignored, so that it reads what later versions add to the format.
type Reader struct {
	// KeepUnknown has both in [scanner.Result.Unknown], for whoever writes
	// the records again. It must be set before Results.
	KeepUnknown bool

	src     *bufio.Reader
	buf     []byte
	line    int
	read    int64 // bytes, decompressed
	offset  int64
	unknown int

	compressed bool // gzip; known once Results has begun
}

// NewReader returns a Reader of r. It reads nothing yet.
func NewReader(r io.Reader) *Reader {
	return &Reader{src: bufio.NewReaderSize(r, 64<<10)}
}

// Offset returns where the latest good line ends, in decompressed bytes. What
// follows it is torn or not yet read.
func (r *Reader) Offset() int64 { return r.offset }

// Unknown returns how many records were passed over because their type is not
// known.
func (r *Reader) Unknown() int { return r.unknown }

// A LineError is a line that is no record. The sequence goes on after it.
type LineError struct {
	Line int // from 1
	Err  error
}

// Error returns "line 12: reason".
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the reason.
func (e *LineError) Unwrap() error { return e.Err }

// A TornError is the last error of a sequence: the input ends within a line,
// as it does when the writing program was killed or the disk was full. Cutting
// the (decompressed) input to Offset bytes mends it.
type TornError struct {
	Line   int   // the torn one, from 1
	Offset int64 // where the good line before it ends
	Err    error // io.ErrUnexpectedEOF, or what decompression said
}

// Error says what is torn, and where.
func (e *TornError) Error() string {
	return fmt.Sprintf("line %d is torn, the input is whole up to byte %d: %v", e.Line, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *TornError) Unwrap() error { return e.Err }

// Results returns the records in order. It can be used once.
//
// A [*LineError] comes in place of a line that can not be read, and the
// sequence goes on. Any other error is the last thing: a [*TornError], an error
// of the underlying reader, or that the file is of a schema newer than
// [scanner.SchemaVersion]. A last line without line feed is a record if it is
// whole, and torn if not.
func (r *Reader) Results() iter.Seq2[scanner.Result, error] {
	return func(yield func(scanner.Result, error) bool) {
		if err := r.recognize(); err != nil {
			yield(scanner.Result{}, err)
			return
		}
		for {
			result, err := r.next()
			if err == io.EOF {
				return
			}
			if _, ok := errors.AsType[*LineError](err); err != nil && !ok {
				yield(scanner.Result{}, err)
				return
			}
			if err == nil && result == (scanner.Result{}) {
				continue
			}
			if !yield(result, err) {
				return
			}
		}
	}
}

var errDatabase = errors.New(`it is a SQLite database; for its records as NDJSON: sqlite3 FILE "select record from runs union all select record from services union all select record from domains"`)

// recognize looks for the magic bytes of gzip (RFC 1952, section 2.3.1), and for
// those of a database, which is written beside NDJSON but not read.
func (r *Reader) recognize() error {
	const database = "SQLite format 3\x00" // https://sqlite.org/fileformat.html, section 1.3
	if magic, _ := r.src.Peek(len(database)); string(magic) == database {
		return errDatabase
	}
	if magic, _ := r.src.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return nil
	}
	z, err := gzip.NewReader(r.src)
	if err == io.EOF || damaged(err) {
		return &TornError{1, 0, io.ErrUnexpectedEOF}
	}
	if err != nil {
		return err
	}
	r.compressed = true
	r.src = bufio.NewReaderSize(z, 64<<10)
	return nil
}

// damaged tells whether compressed input ended too early or is damaged, as its
// end is after a power cut.
func damaged(err error) bool {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	return corrupt || err == io.ErrUnexpectedEOF || err == gzip.ErrHeader || err == gzip.ErrChecksum
}

// next returns the next record; an empty one for a line to pass over.
func (r *Reader) next() (scanner.Result, error) {
	line, err := r.readLine()
	switch {
	case damaged(err):
		return scanner.Result{}, &TornError{r.line, r.offset, err}
	case err == io.EOF && len(line) == 0:
		return scanner.Result{}, io.EOF
	case err != nil && err != io.EOF:
		return scanner.Result{}, err
	}
	result, perr := r.parse(line)
	_, bad := errors.AsType[*LineError](perr)
	if bad && err == io.EOF {
		return scanner.Result{}, &TornError{r.line, r.offset, io.ErrUnexpectedEOF}
	}
	if !bad {
		r.offset = r.read
	}
	return result, perr
}

var errLong = fmt.Errorf("longer than %d bytes", MaxLine)

// readLine returns the next line without its line feed; together with an
// error, io.EOF among them, what there is of it. It keeps no more than one byte
// past MaxLine.
func (r *Reader) readLine() ([]byte, error) {
	r.buf = r.buf[:0]
	r.line++
	for {
		part, err := r.src.ReadSlice('\n')
		r.read += int64(len(part))
		if room := MaxLine + 1 - len(r.buf); len(part) > room {
			part = part[:room]
		}
		r.buf = append(r.buf, part...)
		switch err {
		case nil:
			return bytes.TrimSuffix(r.buf, []byte{'\n'}), nil
		case bufio.ErrBufferFull:
		default:
			return r.buf, err
		}
	}
}

// parse reads one line. All its errors but that of the schema are LineErrors.
func (r *Reader) parse(line []byte) (scanner.Result, error) {
	if len(line) > MaxLine {
		return scanner.Result{}, &LineError{r.line, errLong}
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return scanner.Result{}, nil
	}
	kind, err := recordType(line)
	if err != nil {
		return scanner.Result{}, &LineError{r.line, err}
	}
	result, record := newResult(kind)
	if record == nil {
		r.unknown++
		if r.KeepUnknown {
			if !json.Valid(line) {
				return scanner.Result{}, &LineError{r.line, errors.New("not a record: not JSON")}
			}
			result.Unknown = asRead(line)
		}
		return result, nil
	}
	if r.KeepUnknown && !allKnown(line, kind) {
		result.Unknown = asRead(line)
	}
	if err := decode(line, record); err != nil {
		return scanner.Result{}, &LineError{r.line, err}
	}
	if run := result.Run; run != nil && run.Schema > scanner.SchemaVersion {
		return scanner.Result{}, fmt.Errorf("line %d: the records are of schema %d, and this version reads up to %d; use a newer mxsweep",
			r.line, run.Schema, scanner.SchemaVersion)
	}
	return result, nil
}

// recordType returns the "type" of a record.
func recordType(line []byte) (string, error) {
	// AppendResult puts it first, which saves looking through the whole line.
	if rest, ok := bytes.CutPrefix(line, []byte(`{"type":"`)); ok {
		if kind, _, ok := bytes.Cut(rest, []byte{'"'}); ok && len(kind) < 32 && bytes.IndexByte(kind, '\\') < 0 {
			return string(kind), nil
		}
	}
	var head struct {
		Type *string `json:"type"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return "", fmt.Errorf("not a record: %w", err)
	}
	if head.Type == nil {
		return "", errors.New(`not a record: no "type"`)
	}
	return *head.Type, nil
}

// newResult returns a Result with an empty record of the kind, and the pointer
// to that record; nil for a kind that is not known.
func newResult(kind string) (r scanner.Result, record any) {
	switch kind {
	case "run":
		r.Run = new(scanner.Run)
		return r, r.Run
	case "service":
		r.Service = new(scanner.Service)
		return r, r.Service
	case "domain":
		r.Domain = new(scanner.Domain)
		return r, r.Domain
	case "progress":
		r.Progress = new(scanner.Progress)
		return r, r.Progress
	case "summary":
		r.Summary = new(scanner.Summary)
		return r, r.Summary
	}
	return r, nil
}

// asRead is a line as it may be written again. Each byte that is not UTF-8 is
// replaced by itself, as package json does: names that differ in the number of
// them stay apart.
func asRead(line []byte) string {
	return string([]rune(string(bytes.TrimSpace(line))))
}

// allKnown reports whether a record of the kind has every member of a line.
func allKnown(line []byte, kind string) bool {
	_, record := newResult(kind)
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	return dec.Decode(record) == nil
}

func decode(line []byte, record any) error {
	if err := json.Unmarshal(line, record); err != nil {
		return fmt.Errorf("not a record: %w", err)
	}
	if !bytes.Contains(line, []byte(base64Suffix)) {
		return nil
	}
	return restoreRaw(line, reflect.ValueOf(record).Elem())
}

// restoreRaw puts the exact bytes of the "_base64" members of a JSON object
// into the smtp.Raw fields that they belong to.
func restoreRaw(object []byte, v reflect.Value) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return err
	}
	for i := range v.NumField() {
		name, f := jsonName(v.Type().Field(i)), v.Field(i)
		switch {
		case f.Type() == reflect.TypeFor[smtp.Raw]():
			if err := restoreField(members[name+base64Suffix], f); err != nil {
				return fmt.Errorf("%s%s: %w", name, base64Suffix, err)
			}
		case f.Kind() == reflect.Pointer && f.Type().Elem().Kind() == reflect.Struct && !f.IsNil():
			if err := restoreRaw(members[name], f.Elem()); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct:
			if err := restoreList(members[name], f); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// restoreList does the same for each object of a list.
func restoreList(list []byte, v reflect.Value) error {
	if v.Len() == 0 || !bytes.Contains(list, []byte(base64Suffix)) {
		return nil
	}
	var objects []json.RawMessage
	if err := json.Unmarshal(list, &objects); err != nil {
		return err
	}
	for i, object := range objects[:min(len(objects), v.Len())] { // a member may be there twice, in upper and lower case
		if err := restoreRaw(object, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

func restoreField(member json.RawMessage, f reflect.Value) error {
	if member == nil {
		return nil
	}
	var text string
	if err := json.Unmarshal(member, &text); err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	f.SetString(string(raw))
	return err
}
