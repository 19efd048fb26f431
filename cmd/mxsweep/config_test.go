package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// configured parses a command line in an environment and a home with a
// configuration file, "" for none.
func configured(t *testing.T, file string, env map[string]string, args ...string) (*options, error) {
	t.Helper()
	home := t.TempDir()
	if file != "" {
		dir := filepath.Join(home, ".config", "mxsweep")
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(file), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	a := testApp(nil, io.Discard, io.Discard)
	a.getenv = func(name string) string {
		if name == "HOME" {
			return home
		}
		return env[name]
	}
	o, flags, err := parse(args...)
	if err != nil {
		t.Fatal(err)
	}
	err = a.configure(o, flags)
	files := 0
	walked := filepath.WalkDir(home, func(_ string, d os.DirEntry, err error) error {
		if !d.IsDir() {
			files++
		}
		return err
	})
	if walked != nil || files > 1 || file == "" && files > 0 {
		t.Errorf("%d files are there, error %v", files, walked)
	}
	return o, err
}

// The command line comes before the environment, that before the file, and the
// file before the default; exclusions add up.
func TestPrecedence(t *testing.T) {
	const file = "# ours\nrate-limit: 50\nport: 25\nehlo-domain: file.example\nptr: false\nexclude-hosts: [192.0.2.1, 192.0.2.2]\ntarget: file.example\n"
	env := map[string]string{"MXSWEEP_PORT": "587", "MXSWEEP_EHLO_DOMAIN": "env.example", "MXSWEEP_EXCLUDE_HOSTS": "192.0.2.3", "MXSWEEP_FORCE": "true"}
	o, err := configured(t, file, env, "-ehlo-domain", "line.example", "-eh", "192.0.2.4", "line.example")
	if err != nil {
		t.Fatal(err)
	}
	if o.ehloDomain != "line.example" || o.ports != "587" || o.rate != 50 || o.ptr || o.hostLimit != 3 || o.force {
		t.Errorf("EHLO name %s, ports %s, rate %d, PTR %v, host limit %d, force %v", o.ehloDomain, o.ports, o.rate, o.ptr, o.hostLimit, o.force)
	}
	if got := o.excludeHosts.String(); got != "192.0.2.4,192.0.2.3,192.0.2.1,192.0.2.2" {
		t.Errorf("exclusions %s", got)
	}
	if len(o.targets) != 0 {
		t.Errorf("targets %v beside those of the command line", o.targets)
	}
	// A flag that is given its default is given.
	if o, err = configured(t, file, nil, "-rl", "200"); err != nil || o.rate != 200 || o.ports != "25" {
		t.Errorf("rate %d, ports %s, error %v", o.rate, o.ports, err)
	}
	if o, err = configured(t, "", nil); err != nil || o.rate != 200 {
		t.Errorf("without anything: rate %d, error %v", o.rate, err)
	}
}

// What cannot be meant is refused with its place.
func TestConfigurationRefused(t *testing.T) {
	for _, tt := range []struct {
		file string
		env  map[string]string
		want string
	}{
		{"rate-limit: 5\nrate-limt: 50\n", nil, "config.yaml:2: rate-limt: there is no such key"},
		{"rl: 50\n", nil, "config.yaml:1: rl: there is no such key"},
		{"\nforce: true\n", nil, "config.yaml:2: force: there is no such key"},
		{"rate-limit: fast\n", nil, "config.yaml:1: rate-limit: \"fast\""},
		{"rate-limit: {a: 1}\n", nil, "expected a value"},
		{"- rate-limit\n", nil, "config.yaml:1: expected lines"},
		{"a: [\n", nil, "config.yaml"},
		{"", map[string]string{"MXSWEEP_RETRIES": "many"}, "MXSWEEP_RETRIES: \"many\""},
		{"", map[string]string{"MXSWEEP_CONFIG": "missing.yaml"}, "missing.yaml"},
	} {
		if _, err := configured(t, tt.file, tt.env); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q %v: error %v, want %q", tt.file, tt.env, err, tt.want)
		}
	}
	for _, empty := range []string{"\n", "# nothing\n"} {
		if _, err := configured(t, empty, nil); err != nil {
			t.Errorf("%q: %v", empty, err)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("rate-limit: 50\nexclude-hosts: [a.example, 192.0.2.0/24]\n")
	f.Add("a: &x [*x]\n? {b: c}\n")
	f.Fuzz(func(t *testing.T, text string) {
		o, flags, err := parse()
		if err != nil {
			t.Fatal(err)
		}
		if err := flags.fromFile("f", []byte(text), map[string]string{}); err == nil && o.force {
			t.Error("-force was set")
		}
	})
}
