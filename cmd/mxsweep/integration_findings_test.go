package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mxsweep/mxsweep/scanner/advisory"
)

// labFindings are findings that a real server has for sure, and has not,
// whatever the release of Debian that it is of; the key is the name that led to
// it, and where it is. All servers are asked all that
// the active checks ask.
func labFindings() map[string]struct{ has, hasNot []string } {
	type pair = struct{ has, hasNot []string }
	return map[string]pair{
		"mx.postfix.test 127.10.25.10:25": {
			[]string{"distribution-shown", "version-not-shown", "vrfy-advertised", "certificate-expires-soon"},
			[]string{"open-relay", "starttls-injection", "vrfy-answered", "tls-old-accepted", "certificate-name-mismatch"},
		},
		"mx1.masked.test 127.10.25.11:25": {[]string{"ptr-missing", "tls-old-accepted"}, []string{"distribution-shown", "certificate-name-mismatch"}},
		" 127.10.25.12:25":                {[]string{"certificate-names-unrelated"}, []string{"certificate-name-mismatch"}}, // postscreen
		" 127.10.25.13:25":                {[]string{"scanner-rejected"}, []string{"starttls-not-offered", "ehlo-not-supported"}},
		"mx.exim.test 127.10.25.20:25": {
			[]string{"version-shown"},
			[]string{"open-relay", "starttls-injection", "vrfy-answered", "version-not-shown", "ptr-missing", "greeting-name-unfit", "certificate-name-mismatch"},
		},
		"mx2.masked.test 127.10.25.21:25":   {[]string{"starttls-not-offered", "version-not-shown"}, []string{"open-relay"}},
		"mx.opensmtpd.test 127.10.25.30:25": {[]string{"ptr-not-confirmed", "certificate-name-mismatch"}, []string{"ptr-missing", "starttls-not-offered"}},
		"mx.sendmail.test 127.10.25.40:25": { // which takes anything from loopback
			[]string{"open-relay", "auth-without-tls", "auth-mechanism-weak", "auth-on-port-25", "expn-advertised", "distribution-shown", "version-shown", "ptr-missing"},
			[]string{"starttls-injection", "vrfy-answered", "tls-old-accepted", "auth-clear-text"},
		},
		" 127.10.25.50:25":  {[]string{"certificate-names-unrelated"}, []string{"open-relay", "vrfy-answered"}}, // Courier
		" 127.10.25.60:25":  {[]string{"auth-on-port-25", "greeting-name-unfit"}, []string{"open-relay", "auth-clear-text"}},
		" 127.10.25.60:587": {[]string{"version-not-shown"}, []string{"open-relay", "auth-on-port-25"}},
		" 127.10.25.70:587": {[]string{"distribution-shown"}, []string{"open-relay", "vrfy-answered", "tls-old-accepted"}}, // Dovecot
		" 127.10.25.80:25":  {[]string{"open-relay", "starttls-not-offered", "version-shown"}, []string{"starttls-refused"}},
	}
}

// The findings about real servers are those that are to be expected, and a well
// configured one has none above info.
func TestIntegrationFindings(t *testing.T) {
	l := newLab(t)
	records := l.scan(t, "", "-r", labRecursive, "-allow-private", "-ca-file", filepath.Join(l.dir, "ca.pem"),
		"-check", "relay,starttls-injection,vrfy,ntlm", "-tls-versions",
		"postfix.test", "exim.test", "opensmtpd.test", "sendmail.test", "masked.test", labRange)
	found := map[string][]advisory.Finding{}
	for _, r := range records {
		if s := r.Service; s != nil && s.Status != "connection-refused" {
			found[fmt.Sprintf("%s %s:%d", s.Host, s.IP, s.Port)] = s.Findings
		}
	}
	for _, key := range slices.Sorted(maps.Keys(found)) {
		for _, f := range found[key] {
			t.Logf("%s: %s %s %s", key, f.Severity, f.ID, f.Evidence)
		}
	}
	for _, port := range []string{"25", "465", "587"} {
		key := "mx.postfix.test 127.10.25.10:" + port
		if found[key] == nil {
			t.Errorf("%s: no record", key)
		}
		for _, f := range found[key] {
			if f.Severity != advisory.Info {
				t.Errorf("%s, which is well configured: %s %s: %s", key, f.Severity, f.ID, f.Evidence)
			}
		}
	}
	for key, want := range labFindings() {
		got := ids(found[key])
		for _, id := range want.has {
			if !slices.Contains(got, id) {
				t.Errorf("%s: no %s among %v", key, id, got)
			}
		}
		for _, id := range want.hasNot {
			if slices.Contains(got, id) {
				t.Errorf("%s: %s", key, id)
			}
		}
	}
}
