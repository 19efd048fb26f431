package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
)

// digests tell whether files that flags name are the same in each part of a
// run, by flag. The zero value is ready.
type digests map[string]string

func (d *digests) add(flag string, content []byte) {
	if *d == nil {
		*d = digests{}
	}
	sum := sha256.Sum256(content)
	(*d)[flag] = hex.EncodeToString(sum[:])
}

// addData takes in the files of a data directory: one line for each, as
// sha256sum would print it.
func (d *digests) addData(dir string) error {
	if dir == "" {
		return nil
	}
	var list []byte
	root := os.DirFS(dir)
	for _, part := range []string{advisoryDir, fingerprintDir} {
		names, err := fs.Glob(root, part+"/*.yaml")
		if err != nil {
			return fmt.Errorf("-data: %w", err)
		}
		for _, name := range names {
			text, err := fs.ReadFile(root, name)
			if err != nil {
				return fmt.Errorf("-data: %w", err)
			}
			list = fmt.Appendf(list, "%x  %s\n", sha256.Sum256(text), name)
		}
	}
	d.add("data", list)
	return nil
}
