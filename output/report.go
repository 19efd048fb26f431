package output

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
)

// ReportFormat is what a report is written as.
type ReportFormat string

// The formats of a report.
const (
	ReportHTML       ReportFormat = "html"       // one page that needs nothing beside it
	ReportMarkdown   ReportFormat = "markdown"   // for tickets and mails
	ReportCSV        ReportFormat = "csv"        // one of [Tables]
	ReportSARIF      ReportFormat = "sarif"      // SARIF 2.1.0, for code scanning services
	ReportDefectDojo ReportFormat = "defectdojo" // DefectDojo's "Generic Findings Import" in JSON
)

// ReportFormatOf tells from the suffix of a path what to write there: .html,
// .md, .csv, .sarif or .sarif.json, .defectdojo.json.
func ReportFormatOf(path string) (ReportFormat, error) {
	path = strings.ToLower(path)
	suffixes := []struct {
		suffix string
		format ReportFormat
	}{
		{".html", ReportHTML}, {".htm", ReportHTML}, {".md", ReportMarkdown}, {".csv", ReportCSV},
		{".sarif", ReportSARIF}, {".sarif.json", ReportSARIF}, {".defectdojo.json", ReportDefectDojo},
	}
	for _, s := range suffixes {
		if strings.HasSuffix(path, s.suffix) {
			return s.format, nil
		}
	}
	return "", fmt.Errorf("report file %q: the suffix must be .html, .md, .csv, .sarif or .defectdojo.json", path)
}

// ReportOptions say how a report is made. The zero value is a report on
// everything, with names and addresses as they are.
type ReportOptions struct {
	Title  string    // heading; "" is "Mail fleet report"
	Redact bool      // put invented names and addresses in place of the real ones, the same for the same
	Table  string    // what a CSV holds, one of [Tables]; "" is "services"
	Now    time.Time // when the report is made, for the age of the data
}

// A Report gathers the records of scans and writes them for people. Of several
// records about one endpoint the latest counts. It holds what a report shows:
// about a kilobyte for each endpoint.
type Report struct {
	options ReportOptions
	fleet   *fleet
	redact  *redactor // nil: show everything
	rows    *servicesTable
}

// NewReport returns a report without records. The error is about the options.
func NewReport(o ReportOptions) (*Report, error) {
	if o.Title == "" {
		o.Title = "Mail fleet report"
	}
	if o.Table == "" {
		o.Table = tableServices
	}
	if err := checkTable(o.Table); err != nil {
		return nil, err
	}
	r := &Report{options: o, fleet: newFleet()}
	if o.Redact {
		r.redact = newRedactor()
	}
	if o.Table == tableServices {
		r.rows = newServicesTable()
	}
	return r, nil
}

// Read adds the records of one NDJSON stream, plain or gzip. Lines that are no
// record and a torn end are notes, which [Report.Notes] returns and the report
// shows; the error is that of src.
func (r *Report) Read(name string, src io.Reader) error {
	if r.redact != nil {
		name = fmt.Sprintf("input %d", len(r.fleet.inputs)+1)
	}
	r.fleet.inputs = append(r.fleet.inputs, name)
	notes, err := readRecords(name, src, func(result *scanner.Result) {
		if r.redact != nil {
			r.redact.result(result)
		}
		r.add(result)
	})
	if r.redact != nil {
		for i := range notes {
			notes[i] = r.redact.own(notes[i])
		}
	}
	r.fleet.notes = append(r.fleet.notes, notes...)
	return err
}

func (r *Report) add(result *scanner.Result) {
	if !r.fleet.add(result) {
		return
	}
	if s := result.Service; s != nil && r.rows != nil {
		r.rows.add(keyOf(s), s)
	}
}

// Notes returns what was wrong with the inputs.
func (r *Report) Notes() []string { return r.fleet.notes }

// Services returns the number of endpoints in the report.
func (r *Report) Services() int { return len(r.fleet.services) }

// Write writes the report as it stands.
func (r *Report) Write(w io.Writer, format ReportFormat) error {
	var err error
	switch format {
	case ReportHTML:
		err = r.writeHTML(w)
	case ReportMarkdown:
		err = r.writeMarkdown(w)
	case ReportCSV:
		err = r.writeTable(w)
	case ReportSARIF:
		err = r.writeSARIF(w)
	case ReportDefectDojo:
		err = r.writeDefectDojo(w)
	default:
		err = fmt.Errorf("unknown format %q", format)
	}
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// readRecords hands every record of a stream to add. What cannot be read is
// told in notes, one for all bad lines.
func readRecords(name string, src io.Reader, add func(*scanner.Result)) (notes []string, err error) {
	reader := NewReader(src)
	var first error
	bad := 0
	for result, err := range reader.Results() {
		_, isLine := errors.AsType[*LineError](err)
		_, isTorn := errors.AsType[*TornError](err)
		switch {
		case isLine:
			if bad++; first == nil {
				first = err
			}
		case isTorn:
			notes = append(notes, fmt.Sprintf("%s: %v", name, err))
		case err != nil:
			return notes, fmt.Errorf("%s: %w", name, err)
		default:
			add(&result)
		}
	}
	if bad > 0 {
		notes = append(notes, fmt.Sprintf("%s: %s skipped that hold no record, the first: %v", name, plural(uint64(bad), "line"), first))
	}
	if n := reader.Unknown(); n > 0 {
		notes = append(notes, fmt.Sprintf("%s: %s of a type that this version does not know", name, plural(uint64(n), "record")))
	}
	return notes, nil
}
