package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// Fields of records whose whole text tells whose they are.
var secretFields = []string{
	"input", "domain", "host", "name", "ip", "addresses", "ptr", "hostname", "name_sent", "server_name", "subject_cn", "sans",
	"serial", "sha256", "spki_sha256", "cname", "ehlo_domain", "resolvers", "target",
}

// reportHides checks that files hold no name, address, fingerprint or serial
// number that the records of a scan do, nor the number of an MTA-STS policy, also
// not inside the packed blocks of a page: hides RECORDS FILE...
func reportHides(ts *testscript.TestScript, neg bool, args []string) {
	secrets := map[string]bool{"acme": true, "Acme": true, "ex01": true, "EX01": true}
	lines := bufio.NewScanner(strings.NewReader(ts.ReadFile(args[0])))
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var record map[string]any
		ts.Check(json.Unmarshal(lines.Bytes(), &record))
		addSecrets(secrets, "", record)
	}
	ts.Check(lines.Err())
	if len(secrets) < 60 {
		ts.Fatalf("only %d secrets in %s", len(secrets), args[0])
	}
	var found []string
	for _, path := range args[1:] {
		text := strings.ToLower(unpacked(ts, ts.ReadFile(path)))
		for secret := range secrets {
			if strings.Contains(text, strings.ToLower(secret)) {
				found = append(found, fmt.Sprintf("%s has %q", path, secret))
			}
		}
	}
	slices.Sort(found)
	switch {
	case !neg && len(found) > 0:
		ts.Fatalf("%s", strings.Join(found, "\n"))
	case neg && len(found) == 0:
		ts.Fatalf("%v hide all", args[1:])
	}
}

// policyID is the id of an MTA-STS record (RFC 8461, section 3.1).
var policyID = regexp.MustCompile(`\bid=([0-9A-Za-z]+)`)

func addSecrets(secrets map[string]bool, field string, value any) {
	switch value := value.(type) {
	case string:
		if m := policyID.FindStringSubmatch(value); m != nil {
			secrets[m[1]] = true
		}
		for word := range strings.SplitSeq(value, ",") {
			if slices.Contains(secretFields, field) && len(word) > 6 && strings.ContainsAny(word, ".:0123456789") {
				secrets[word] = true
			}
		}
	case []any:
		for _, item := range value {
			addSecrets(secrets, field, item)
		}
	case map[string]any:
		for name, item := range value {
			addSecrets(secrets, name, item)
		}
	}
}

// unpacked adds to the text of a page that of its blocks of data.
func unpacked(ts *testscript.TestScript, page string) string {
	for _, m := range regexp.MustCompile(`<script type="application/gzip" id="[^"]*">([^<]*)<`).FindAllStringSubmatch(page, -1) {
		packed, err := base64.StdEncoding.DecodeString(m[1])
		ts.Check(err)
		z, err := gzip.NewReader(bytes.NewReader(packed))
		ts.Check(err)
		text, err := io.ReadAll(z)
		ts.Check(err)
		page += string(text)
	}
	return page
}
