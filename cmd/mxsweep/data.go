package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner/advisory"
)

// data shows what is known of products and how old it is; "data update" adds to
// it.
func (a *app) data(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "update" {
		return a.dataUpdate(ctx, args[1:])
	}
	var dir string
	var asJSON bool
	rest, err := a.parseFew("data", args, func(fs *flagSet) {
		fs.add(&dir, "data", "", "directory whose fingerprints/ and advisories/ add to or replace the embedded data")
		fs.add(&asJSON, "json", "j", "one JSON object per product")
	})
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usagef("data takes no arguments but \"update\"; a directory is given with -data")
	}
	prints, advisories, err := loadData(dir)
	if err != nil {
		return err
	}
	products, err := advisories.Describe()
	if err != nil {
		return err
	}
	w := bufio.NewWriter(a.stdout)
	if asJSON {
		return errors.Join(writeJSONLines(w, products), w.Flush())
	}
	writeData(w, products)
	fmt.Fprintf(w, "fingerprints: %d rules (\"mxsweep fingerprints\" lists them)\n", prints.Rules())
	builtIn, err := advisory.Default()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "advisories:   read up to %s", advisories.Date())
	if date := builtIn.Date(); date != advisories.Date() { // an update may be about a single product
		fmt.Fprintf(w, "; those without an update, up to %s", date)
	}
	fmt.Fprintln(w)
	if note := ageNote(advisories.Date(), time.Now()); note != "" {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	return w.Flush()
}

func writeData(w io.Writer, products []advisory.Product) {
	var sum advisory.Product
	for _, p := range products {
		latest := "newest release not known"
		if p.Latest != "" {
			latest = "newest " + p.Latest
		}
		if p.Released != "" {
			latest += " of " + p.Released
		}
		fmt.Fprintf(w, "%-28s %3d advisories %3d exploited %3d release lines %4d sources  %s\n",
			p.Slug, p.Advisories, p.Exploited, p.Lines, p.Sources, latest)
		sum.Advisories, sum.Exploited, sum.Lines = sum.Advisories+p.Advisories, sum.Exploited+p.Exploited, sum.Lines+p.Lines
	}
	fmt.Fprintf(w, "\n%d products, %d advisories (%d known to be exploited), %d release lines\n",
		len(products), sum.Advisories, sum.Exploited, sum.Lines)
}

// maxUpdate bounds the file that an update reads: the largest, a year of NVD,
// has some 200 MB.
const maxUpdate = 1 << 30

// dataUpdate converts a file of advisories into a directory for -data.
func (a *app) dataUpdate(_ context.Context, args []string) error {
	dir := "mxsweep-data"
	files, err := a.parseFew("data update", args, func(fs *flagSet) {
		fs.add(&dir, "output", "o", "directory to write; what is there is added to")
	})
	if err != nil {
		return err
	}
	if len(files) != 1 {
		return usagef("data update needs one file: NVD 2.0, CISA KEV or OSV, as JSON, plain or gzip; - is standard input")
	}
	text, err := a.readUpdate(files[0])
	if err != nil {
		return err
	}
	target := filepath.Join(dir, advisoryDir)
	known, err := advisory.Default()
	if err == nil && isDir(target) {
		known, err = known.With(os.DirFS(target))
	}
	if err != nil {
		return err
	}
	update, err := known.Convert(text)
	if err != nil {
		return fmt.Errorf("%s: %w", files[0], err)
	}
	return a.writeUpdate(target, update)
}

func (a *app) readUpdate(path string) ([]byte, error) {
	in := a.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	buffered := bufio.NewReader(in)
	in = buffered
	if magic, _ := buffered.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) { // RFC 1952, section 2.3.1
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		in = z
	}
	text, err := io.ReadAll(io.LimitReader(in, maxUpdate+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	case len(text) > maxUpdate:
		return nil, fmt.Errorf("%s: larger than %d bytes", path, maxUpdate)
	}
	return text, nil
}

// writeUpdate writes the files and says what they hold.
func (a *app) writeUpdate(dir string, u *advisory.Update) error {
	for _, text := range u.Skipped {
		a.logf("not used: %s", output.Escape(text))
	}
	files, err := u.Files(os.DirFS(dir))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := replaceFile(filepath.Join(dir, name), text); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(a.stdout, "%s: %d entries read, %d advisories new or changed, %d files written to %s, %d entries not used\n",
		u.Kind, u.Read, u.Changed, len(files), dir, len(u.Skipped))
	return err
}

// replaceFile writes a file as a whole or not at all.
func replaceFile(path string, text []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, text, 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
