package scanner

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mxsweep/mxsweep"

// edges are the imports that are allowed inside the module, and why.
var edges = map[string][]string{
	"cmd/mxsweep":           {"resolver", "scanner", "scanner/*", "output"}, // the only one that knows everybody
	"cmd/*":                 {"resolver", "resolver/dnstest", "scanner", "scanner/*", "scanner/smtp/smtptest", "output"},
	"resolver":              {"scanner", "scanner/smtp"}, // answers in the engine's vocabulary
	"resolver/dnstest":      {},                          // usable by anyone, as net/http/httptest
	"output":                {"scanner", "scanner/*"},    // writes the engine's records
	"scanner":               {"scanner/smtp", "scanner/fingerprint", "scanner/advisory"},
	"scanner/smtp":          {}, // a conversation on a connection, nothing else
	"scanner/smtp/smtptest": {"scanner/smtp"},
	"scanner/fingerprint":   {"scanner/version"},
	"scanner/advisory":      {"scanner/version"}, // judges plain facts, so that it can be used on stored ones
	"scanner/version":       {},
}

// only says which packages may import a module from outside.
var only = map[string][]string{
	"github.com/miekg/dns":                       {"resolver", "resolver/dnstest"},
	"github.com/projectdiscovery/goflags":        {"cmd/mxsweep"},
	"github.com/schollz/progressbar/v3":          {"cmd/mxsweep"},
	"golang.org/x/time/rate":                     {"scanner", "resolver"},
	"golang.org/x/net/ipv4":                      {"resolver"},
	"golang.org/x/net/publicsuffix":              {"scanner", "resolver"},
	"go.yaml.in/yaml/v4":                         {"scanner/fingerprint", "scanner/advisory", "cmd/mxsweep"},
	"golang.org/x/sys/unix":                      {"scanner", "cmd/mxsweep", "cmd/bench"},
	"github.com/ncruces/go-sqlite3":              {"output"},
	"github.com/rivo/uniseg":                     {"output"},
	"os/signal":                                  {"cmd/mxsweep"},
	"math/rand":                                  {}, // math/rand/v2 or crypto/rand
	"github.com/rogpeppe/go-internal/testscript": {}, // tests only
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

// TestImports keeps the direction in which the packages know each other: a
// stranger can read one of them without the rest.
func TestImports(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("go list does not work here: %v", err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		from := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		for _, path := range p.Imports {
			checkImport(t, from, path)
		}
	}
}

func checkImport(t *testing.T, from, path string) {
	t.Helper()
	if allowed, ok := only[path]; ok && !slices.Contains(allowed, from) {
		t.Errorf("%s imports %s, which is for %v only", from, path, allowed)
	}
	to, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		return
	}
	for pattern, allowed := range edges {
		if match, _ := filepath.Match(pattern, from); !match {
			continue
		}
		for _, a := range allowed {
			if match, _ := filepath.Match(a, to); match {
				return
			}
		}
	}
	t.Errorf("%s imports %s: no such edge in the table of this test", from, to)
}

// calls that only the command may make.
var calls = map[string]string{
	"os.Exit":            "a library returns errors",
	"log.Fatal":          "a library returns errors",
	"log.Fatalf":         "a library returns errors",
	"log.Fatalln":        "a library returns errors",
	"context.Background": "a library is given its context",
	"context.TODO":       "a library is given its context",
	"signal.Notify":      "signals belong to the command",
	"time.Sleep":         "nothing may wait without hearing of its end",
}

// starters are the files outside package scanner that may start goroutines,
// those of the test servers and the benchmark apart.
var starters = map[string]string{
	"scanner/run.go":        "the engine: all the concurrency of the project",
	"resolver/list.go":      "a blocked read of standard input cannot be cancelled, so it has a goroutine of its own",
	"resolver/dnssocket.go": "each socket that is kept open has a reader",
}

// TestHouseRules looks at the production code of all packages.
func TestHouseRules(t *testing.T) {
	starts := map[string]bool{}
	for path, file := range parseTree(t) {
		command := strings.HasPrefix(path, "cmd/")
		server := strings.Contains(path, "smtptest/") || strings.Contains(path, "dnstest/") || strings.HasPrefix(path, "cmd/bench/")
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Name.Name == "init" && n.Recv == nil {
					t.Errorf("%s: func init: what happens should be called by name", path)
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && !command && !server {
					if why := calls[x.Name+"."+n.Sel.Name]; why != "" {
						t.Errorf("%s: %s.%s: %s", path, x.Name, n.Sel.Name, why)
					}
				}
			case *ast.GoStmt:
				starts[path] = starts[path] || !server
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Go" && !server {
					starts[path] = true // of a sync.WaitGroup, or what looks like it
				}
			case *ast.AssignStmt:
				checkAssign(t, path, file, n)
			}
			return true
		})
	}
	for path := range starters {
		if !starts[path] {
			t.Errorf("%s starts no goroutine any more: take it out of the table", path)
		}
		delete(starts, path)
	}
	for path, does := range starts {
		if does {
			t.Errorf("%s starts a goroutine: all concurrency is in scanner/run.go", path)
		}
	}
}

// stampers are the files of the packages that wait which may turn a time into
// one of the wall clock, for a record.
var stampers = map[string]bool{"scanner/fill.go": true, "scanner/summary.go": true, "scanner/progress.go": true, "scanner/smtp/certificate.go": true}

// TestMonotonicClock keeps every wait and every duration on the monotonic
// clock, so that a jump of the wall clock (NTP, a suspended machine, a person)
// ends no probe and stretches none: package time uses that clock by itself
// unless a time has gone through one of these methods.
func TestMonotonicClock(t *testing.T) {
	strips := []string{"UTC", "Local", "In", "Round", "Truncate", "AddDate", "Unix", "UnixNano", "UnixMilli"}
	for path, file := range parseTree(t) {
		if dir := filepath.Dir(path); dir != "scanner" && dir != "scanner/smtp" && dir != "resolver" || stampers[path] {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains(strips, f.Sel.Name) {
				return true
			}
			if x, ok := f.X.(*ast.Ident); !ok || x.Name != "time" { // time.Unix makes one
				t.Errorf("%s: .%s leaves the monotonic clock: only records may", path, f.Sel.Name)
			}
			return true
		})
	}
}

// checkAssign finds assignments to variables of the package.
func checkAssign(t *testing.T, path string, file *ast.File, n *ast.AssignStmt) {
	t.Helper()
	if n.Tok == token.DEFINE {
		return
	}
	for _, left := range n.Lhs {
		id, ok := left.(*ast.Ident)
		if !ok || id.Name == "_" {
			continue
		}
		if obj := file.Scope.Lookup(id.Name); obj != nil && obj.Kind == ast.Var && id.Obj == obj {
			t.Errorf("%s: %s is a variable of the package and is changed", path, id.Name)
		}
	}
}

// parseTree returns the production files of the module by path.
func parseTree(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		files[path], err = parser.ParseFile(token.NewFileSet(), filepath.Join("..", path), nil, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
