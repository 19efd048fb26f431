package scanner

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// A review of the records of a run gives the summary that the run gave: counts
// of software, and the findings of the fleet.
func TestReviewAgreesWithRun(t *testing.T) {
	net := &fakeNet{}
	dns := &fakeDNS{mx: map[string]Resolution{
		"a.example": mail(exchanger("mx.a.example", 10, "198.41.0.1", "198.41.0.2")),
		"b.example": mail(exchanger("mx.a.example", 10, "198.41.0.1")),
	}}
	s := &Scanner{Resolver: dns, Dial: net.dial, Rate: -1, NoPTR: true, Ports: smtp25()}
	got := scan(t, s, domain("a.example"), domain("b.example"))
	review, err := s.NewReview()
	if err != nil {
		t.Fatal(err)
	}
	for i := range got.services {
		v := &got.services[i]
		before, _ := json.Marshal(v.Findings)
		review.Assess(&Result{Service: v})
		if after, _ := json.Marshal(v.Findings); string(after) != string(before) {
			t.Errorf("findings %s have become %s", before, after)
		}
	}
	want, again := *got.summary, *got.summary
	again.BySoftware, again.Findings = nil, nil
	review.Assess(&Result{Summary: &again})
	if len(got.services) != 3 || len(want.BySoftware) == 0 || !slices.Equal(again.BySoftware, want.BySoftware) || len(again.Findings) != len(want.Findings) || want.Findings == nil {
		t.Errorf("%d services; summary %+v; again %+v", len(got.services), want, again)
	}
}

// Data and policy of the scanner are those of the review, in every record.
func TestReviewUsesDataAndPolicy(t *testing.T) {
	set, err := advisory.Default()
	if err != nil {
		t.Fatal(err)
	}
	policy, err := set.ParsePolicy("policy.yaml", []byte("products: [{product: exim}]\nignore: [{id: software-differs, reason: a farm, until: 2026-12-31}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := &Scanner{Advisories: set, Policy: policy}
	review, err := s.NewReview()
	if err != nil {
		t.Fatal(err)
	}
	run := &Run{}
	review.Assess(&Result{Run: run})
	if run.Data.AdvisoriesDate != set.Date() || run.Data.Fingerprints == 0 {
		t.Errorf("data %+v", run.Data)
	}
	at := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	for port, banner := range map[uint16]string{25: "220 mx.example.com ESMTP Postfix\r\n", 587: "220 mx.example.com ESMTP Exim 4.99 Tue, 24 Nov 2026 02:00:00 +0000\r\n"} {
		v := &Service{Timestamp: at, Host: "mx.example.com", Port: port, Status: StatusSuccess}
		v.Banner = smtp.Raw(banner)
		review.Assess(&Result{Service: v})
		forbidden := slices.ContainsFunc(v.Findings, func(f advisory.Finding) bool { return f.ID == "policy-product-not-allowed" })
		if forbidden != (port == 25) {
			t.Errorf("port %d: %+v", port, v.Findings)
		}
	}
	if found := review.Fleet(at); len(found) != 1 || found[0].ID != "software-differs" || found[0].Ignored == "" {
		t.Errorf("fleet %+v", found)
	}
	if found := review.Fleet(at.AddDate(1, 0, 0)); len(found) != 2 || found[0].ID != "policy-ignore-expired" {
		t.Errorf("a year later %+v", found)
	}
}
