package output

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
)

// sqliteWait is how long a Writer waits for another program that uses the
// database.
const sqliteWait = 30 * time.Second

// A sqliteWriter adds the records of runs to a SQLite database. The records of a
// run that is in it already take the place of the old ones, so that a run which
// is written again, or resumed, is there once.
//
// Rows are written in transactions of about a second, each of which is safe on
// the disk, whole or not at all, when it ends.
type sqliteWriter struct {
	path    string
	db      *sqlite3.Conn
	add     map[string]*sqlite3.Stmt // by table
	columns []Column                 // of services
	now     func() time.Time
	began   time.Time // of the transaction; zero: there is none
	run     string    // the run that records belong to
	cells   []any     // reused
	err     error     // the first one; nothing is written after it
}

var (
	errNoRun = errors.New("a record comes before the run record, or after the summary: a database has to know which run it is of")
	errNoID  = errors.New("the run record has no id, by which a database tells runs apart")
)

// openSQLite opens or makes a database. One that exists is added to.
func openSQLite(path string, now func() time.Time) (*sqliteWriter, error) {
	db, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE)
	if err != nil {
		return nil, fmt.Errorf("output file %q: %w", path, err)
	}
	w := &sqliteWriter{path: path, db: db, now: now, add: map[string]*sqlite3.Stmt{}, columns: Columns()}
	if err := w.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("output file %q: %w", path, err), db.Close())
	}
	return w, nil
}

func createSQLite(path string, o Options) (Writer, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	w, err := openSQLite(path, o.Now)
	if err != nil {
		return nil, err // not a Writer that is a nil pointer
	}
	return w, nil
}

func (w *sqliteWriter) prepare() error {
	if err := w.db.BusyTimeout(sqliteWait); err != nil {
		return err
	}
	if err := w.db.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := prepareSchema(w.db); err != nil {
		return err // closing the database takes back what was done
	}
	for _, t := range sqliteTables() {
		statement, _, err := w.db.Prepare(t.insert())
		if err != nil {
			return err
		}
		w.add[t.name] = statement
	}
	return w.db.Exec("COMMIT")
}

// Write implements Writer.
func (w *sqliteWriter) Write(r *scanner.Result) error {
	if w.err != nil || r.Progress != nil {
		return w.err
	}
	return w.failed(w.record(r))
}

// failed keeps the first error.
func (w *sqliteWriter) failed(err error) error {
	if err != nil {
		w.err = fmt.Errorf("write results to %q: %w", w.path, err)
	}
	return w.err
}

func (w *sqliteWriter) record(r *scanner.Result) error {
	if w.began.IsZero() {
		if err := w.db.Exec("BEGIN IMMEDIATE"); err != nil {
			return err
		}
		w.began = w.now()
	}
	var err error
	switch {
	case r.Run != nil:
		err = w.begin(r)
	case w.run == "":
		err = errNoRun
	case r.Service != nil:
		err = w.service(r)
	case r.Domain != nil:
		err = w.domain(r)
	case r.Summary != nil:
		err = w.summary(r)
	}
	if err != nil {
		return err
	}
	return w.commit(batchAge)
}

// begin makes place for a run.
func (w *sqliteWriter) begin(r *scanner.Result) error {
	v := r.Run
	if v.ID == "" {
		return errNoID
	}
	w.run = v.ID
	for table, column := range map[string]string{"runs": "id", "services": "run", "domains": "run", "findings": "run"} {
		if err := w.exec("DELETE FROM "+table+" WHERE "+column+"=?", w.run); err != nil {
			return err
		}
	}
	return w.insert("runs", v.ID, stamp(v.Timestamp), v.Version, v.Schema, v.EHLODomain, v.Data.AdvisoriesDate, nil, nil, nil, nil, jsonOf(r), nil)
}

func (w *sqliteWriter) summary(r *scanner.Result) error {
	v := r.Summary
	err := w.exec("UPDATE runs SET interrupted=?, services=?, covered=?, endpoints=?, summary=? WHERE id=?",
		yesNo(v.Interrupted), v.Services, v.Covered, v.Endpoints, jsonOf(r), w.run)
	if err != nil {
		return err
	}
	err = w.findings(nil, "", v.Findings)
	w.run = "" // what follows without a run record of its own is of another run
	return err
}

func (w *sqliteWriter) service(r *scanner.Result) error {
	v := r.Service
	row := append(w.cells[:0], w.run)
	for i := range w.columns {
		row = append(row, w.columns[i].cell(v))
	}
	var sha256 string
	if v.TLS != nil && v.TLS.Certificate != nil {
		sha256 = v.TLS.Certificate.SHA256
	}
	w.cells = append(row, sha256, jsonOf(r))
	if err := w.insert("services", w.cells...); err != nil {
		return err
	}
	return w.findings(w.db.LastInsertRowID(), v.Domain, v.Findings)
}

func (w *sqliteWriter) domain(r *scanner.Result) error {
	v := r.Domain
	hosts := make([]string, len(v.MX))
	for i, mx := range v.MX {
		hosts[i] = strconv.Itoa(int(mx.Preference)) + " " + mx.Name
	}
	ids := make([]string, len(v.Findings))
	for i := range v.Findings {
		ids[i] = v.Findings[i].ID
	}
	err := w.insert("domains", w.run, stamp(v.Timestamp), v.Input, v.Domain, string(v.Status), v.Error, strings.Join(hosts, ", "),
		threeValued(v.NullMX), threeValued(v.ImplicitMX), v.Services, strings.Join(ids, " "), string(highest(v.Findings)), jsonOf(r))
	if err != nil {
		return err
	}
	return w.findings(nil, v.Domain, v.Findings)
}

// findings adds findings about a service or, where that is nil, about a domain
// or, where there is none either, about the run as a whole.
func (w *sqliteWriter) findings(service any, domain string, all []advisory.Finding) error {
	for i := range all {
		f := &all[i]
		ids := cves(&scanner.Service{Findings: all[i : i+1]})
		if err := w.insert("findings", w.run, service, domain, f.ID, string(f.Severity), f.Title, f.Evidence, ids, f.Ignored); err != nil {
			return err
		}
	}
	return nil
}

// jsonText is a record, which is clean text already.
type jsonText []byte

func jsonOf(r *scanner.Result) jsonText { return bytes.TrimSpace(AppendResult(nil, r)) }

func (w *sqliteWriter) insert(table string, row ...any) error { return bindAndRun(w.add[table], row) }

func (w *sqliteWriter) exec(sql string, row ...any) error {
	s, _, err := w.db.Prepare(sql)
	if err != nil {
		return err
	}
	return errors.Join(bindAndRun(s, row), s.Close())
}

// bindAndRun runs a statement. Text from servers is escaped as in CSV, for a
// terminal shows what a query yields; the record has the exact bytes.
func bindAndRun(s *sqlite3.Stmt, row []any) error {
	for i, cell := range row {
		var err error
		switch v := cell.(type) {
		case nil:
			err = s.BindNull(i + 1)
		case jsonText:
			err = s.BindText(i+1, string(v))
		case string:
			if v == "" {
				err = s.BindNull(i + 1)
			} else {
				err = s.BindText(i+1, Escape(v))
			}
		case int:
			err = s.BindInt(i+1, v)
		case int64:
			err = s.BindInt64(i+1, v)
		case uint64:
			err = s.BindInt64(i+1, int64(v))
		default:
			err = fmt.Errorf("no SQL for a %T", cell)
		}
		if err != nil {
			return err
		}
	}
	return s.Exec()
}

// commit ends the transaction if it is of that age.
func (w *sqliteWriter) commit(age time.Duration) error {
	if w.began.IsZero() || w.now().Sub(w.began) < age {
		return nil
	}
	w.began = time.Time{}
	return w.db.Exec("COMMIT")
}

// Flush implements Writer: other programs see what is a second old. To commit
// more often would wait for the disk more often.
func (w *sqliteWriter) Flush() error {
	if w.err != nil {
		return w.err
	}
	return w.failed(w.commit(batchAge))
}

// Close implements Writer. After an error, what was not committed is taken back.
func (w *sqliteWriter) Close() error {
	if w.db == nil {
		return w.err
	}
	if w.err == nil {
		_ = w.failed(w.commit(0))
	}
	for _, s := range w.add {
		_ = s.Close() // its error is that of the last row, and known
	}
	closing := w.db.Close()
	w.db = nil
	if w.err != nil {
		return w.err
	}
	return w.failed(closing)
}
