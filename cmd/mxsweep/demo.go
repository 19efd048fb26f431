package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// demo scans a fleet of its own on loopback: no network is needed and nobody
// else is contacted.
func (a *app) demo(ctx context.Context, args []string) error {
	if err := a.noArguments("demo", args); err != nil {
		return err
	}
	fleet, err := startFleet()
	if errors.Is(err, syscall.EADDRINUSE) {
		return errors.New("demo: its ports are taken, perhaps by another demo or by the tests: wait for those to end")
	}
	if err != nil {
		return fmt.Errorf("demo: %w (it needs the addresses 127.25.0.0/16 on loopback, as Linux has them)", err)
	}
	defer fleet.close()

	const dir = "demo"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, fleet.caPEM, 0o644); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	ndjson, csv := filepath.Join(dir, "fleet.ndjson"), filepath.Join(dir, "fleet.csv")
	scan := []string{
		"-r", fleet.dns.Addr(), "-p", "2525,4465:tls,5587", "-allow-private", "-ca-file", ca,
		"-ehlo-domain", "auditor.example", "-greeting-timeout", "3s", "-timeout", "3s", "-retries", "0",
		"-force", "-o", ndjson, "-o", csv, "-no-stdin",
	}
	scan = append(scan, fleetTargets()...)
	a.logf("a fleet of %d servers and a name server is up on loopback", len(fleet.servers))
	a.logf("$ mxsweep %s", shellWords(scan))
	var o options
	flags := newFlags(&o)
	if err := flags.parse(&o, scan); err != nil {
		return err
	}
	o.text = true
	if err := a.scanTargets(ctx, &o, flags); err != nil {
		return err
	}
	a.logf("written: %s (every fact, NDJSON) and %s (one row per service)", ndjson, csv)
	a.logf("the same for a real domain: mxsweep -o fleet.ndjson -o fleet.csv example.com")
	return nil
}

// shellWords writes arguments so that they can be copied into a shell.
func shellWords(args []string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = arg
		if strings.ContainsAny(arg, " !") {
			words[i] = "'" + arg + "'"
		}
	}
	return strings.Join(words, " ")
}
