package output

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// What a database of ours says of itself in its header: the first tells it from
// those of other programs (https://sqlite.org/pragma.html#pragma_application_id),
// the second grows when a column changes its meaning or goes away, not when one
// is added.
const (
	sqliteApplication = 0x6d787377 // "mxsw"
	sqliteVersion     = 1
)

// A sqliteTable is a table with its columns, each a name and a type.
type sqliteTable struct {
	name    string
	columns [][2]string
	keys    string // constraints and indexes of its own
}

// sqliteTables are the tables. Columns that CSV has too have the same name, the
// same meaning and the same text, but NULL where CSV is empty. The column record
// holds the whole record as NDJSON has it, for json_extract.
func sqliteTables() []sqliteTable {
	const text, integer = "TEXT", "INTEGER"
	services := [][2]string{{"id", "INTEGER PRIMARY KEY"}, {"run", "TEXT NOT NULL"}}
	for _, c := range Columns() {
		services = append(services, [2]string{c.Name, sqliteType(c.Name)})
	}
	return []sqliteTable{
		{"runs", [][2]string{
			{"id", "TEXT PRIMARY KEY"}, {"timestamp", text}, {"mxsweep", text}, {"schema", integer}, {"ehlo_domain", text}, {"advisories_date", text},
			{"interrupted", text}, {"services", integer}, {"covered", integer}, {"endpoints", integer}, {"record", text}, {"summary", text},
		}, ""},
		{"services", append(services, [2]string{"cert_sha256", text}, [2]string{"record", text}),
			"CREATE INDEX IF NOT EXISTS services_run ON services(run); CREATE INDEX IF NOT EXISTS services_host ON services(host, ip, port)"},
		{"domains", [][2]string{
			{"run", "TEXT NOT NULL"}, {"timestamp", text}, {"input", text}, {"domain", text}, {"status", text}, {"error", text},
			{"mx", text}, {"null_mx", text}, {"implicit_mx", text}, {"services", integer}, {"findings", text}, {"severity", text}, {"record", text},
		}, "CREATE INDEX IF NOT EXISTS domains_run ON domains(run); CREATE INDEX IF NOT EXISTS domains_domain ON domains(domain)"},
		{"findings", [][2]string{
			{"run", "TEXT NOT NULL"}, {"service", integer}, {"domain", text}, {"id", text}, {"severity", text}, {"title", text},
			{"evidence", text}, {"cves", text}, {"ignored", text},
		}, "CREATE INDEX IF NOT EXISTS findings_run ON findings(run); CREATE INDEX IF NOT EXISTS findings_service ON findings(service)"},
	}
}

// sqliteType is the type that SQLite converts the text of a column to.
func sqliteType(column string) string {
	switch column {
	case "port", "mx_preference", "attempts":
		return "INTEGER"
	case "confidence":
		return "REAL"
	}
	return "TEXT"
}

// quoted is a name as SQL takes it whatever word it is: update is one of its own.
func quoted(name string) string { return `"` + name + `"` }

// prepareSchema makes the tables of a new database, and adds to an older one the
// columns that have come since. It refuses what is not ours.
func prepareSchema(db *sqlite3.Conn) error {
	application, err := sqliteNumber(db, "PRAGMA application_id")
	if err != nil {
		return err
	}
	version, err := sqliteNumber(db, "PRAGMA user_version")
	if err != nil {
		return err
	}
	tables, err := sqliteNumber(db, "SELECT count(*) FROM sqlite_schema")
	switch {
	case err != nil:
		return err
	case application == 0 && version == 0 && tables == 0: // new
	case application != sqliteApplication:
		return fmt.Errorf("it is a database of another program; use another name")
	case version > sqliteVersion:
		return fmt.Errorf("the database is of version %d, and this version writes up to %d; use a newer mxsweep", version, sqliteVersion)
	}
	sql := fmt.Sprintf("PRAGMA application_id=%d; PRAGMA user_version=%d", sqliteApplication, sqliteVersion)
	if err := db.Exec(sql); err != nil {
		return err
	}
	for _, t := range sqliteTables() {
		if err := t.create(db); err != nil {
			return err
		}
	}
	return nil
}

func (t *sqliteTable) create(db *sqlite3.Conn) error {
	columns := make([]string, len(t.columns))
	for i, c := range t.columns {
		columns[i] = quoted(c[0]) + " " + c[1]
	}
	if err := db.Exec("CREATE TABLE IF NOT EXISTS " + t.name + "(" + strings.Join(columns, ", ") + ")"); err != nil {
		return err
	}
	known, err := sqliteTexts(db, "SELECT name FROM pragma_table_info('"+t.name+"')")
	if err != nil {
		return err
	}
	for i, c := range t.columns {
		if !slices.Contains(known, c[0]) {
			if err := db.Exec("ALTER TABLE " + t.name + " ADD COLUMN " + columns[i]); err != nil {
				return err
			}
		}
	}
	return db.Exec(t.keys)
}

// insert is the statement that adds a row. Its parameters are the columns but an
// id that SQLite gives.
func (t *sqliteTable) insert() string {
	var names, marks []string
	for _, c := range t.columns {
		if c[1] != "INTEGER PRIMARY KEY" {
			names, marks = append(names, quoted(c[0])), append(marks, "?")
		}
	}
	return "INSERT INTO " + t.name + "(" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(marks, ", ") + ")"
}

func sqliteNumber(db *sqlite3.Conn, sql string) (n int64, err error) {
	s, _, err := db.Prepare(sql)
	if err != nil {
		return 0, err
	}
	if s.Step() {
		n = s.ColumnInt64(0)
	}
	err = s.Err()
	if closing := s.Close(); err == nil {
		err = closing
	}
	return n, err
}

func sqliteTexts(db *sqlite3.Conn, sql string) (texts []string, err error) {
	s, _, err := db.Prepare(sql)
	if err != nil {
		return nil, err
	}
	for s.Step() {
		texts = append(texts, s.ColumnText(0))
	}
	err = s.Err()
	if closing := s.Close(); err == nil {
		err = closing
	}
	return texts, err
}
