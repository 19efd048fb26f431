package output

import (
	_ "embed"
	"slices"
)

// The schema is made from the Go types and their comments by a test, which
// fails when the file is behind them.
//
//go:generate go test -run ^TestSchemaIsCurrent$ -update .

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of an NDJSON line.
func Schema() []byte { return slices.Clone(schema) }
