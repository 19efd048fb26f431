package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/mxsweep/mxsweep/scanner"
)

const oneMX = "@ 300 MX 10 ." // a null MX needs no second question

// An unanswered question is repeated after 0.4, 1.2 and 2.8 s and given up after
// 6 s, as documented.
func TestRetrySchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, d := newFakeNet(map[string]fakeServer{"a": silent}, "a")
		defer d.Close()
		r := d.LookupMX(t.Context(), "example")
		expect(t, "status", r.Status, scanner.StatusDNSTimeout)
		expect(t, "error", r.Error, "no answer from a:53")
		expect(t, "AD", r.AuthenticData, nil)
		expect(t, "took", time.Since(n.start), 6*time.Second)
		expect(t, "queries", n.queries(), "0s a example. MX, 400ms a example. MX, 1.2s a example. MX, 2.8s a example. MX")
	})
}

// One server that is silent costs 0.4 s, not the timeout, and after three misses
// it is asked only now and then, until it is back. So it is with a dead one.
func TestServerOutOfOrder(t *testing.T) {
	t.Run("silent", func(t *testing.T) { testOutOfOrder(t, silent) })
	t.Run("dead", func(t *testing.T) { testOutOfOrder(t, dead) })
}

func testOutOfOrder(t *testing.T, broken fakeServer) {
	synctest.Test(t, func(t *testing.T) {
		n, d := newFakeNet(map[string]fakeServer{"a": broken, "b": records(oneMX)}, "a", "b")
		defer d.Close()
		for i := range 300 {
			if r := d.LookupMX(t.Context(), fmt.Sprintf("d%d.example", i)); r.Status != scanner.StatusNullMX {
				t.Fatalf("lookup %d: %s %s", i, r.Status, r.Error)
			}
		}
		if took := time.Since(n.start); took > 3*time.Second {
			t.Errorf("300 lookups beside a broken server took %v, want at most eight waits of 0.4 s", took)
		}
		log := n.queries()
		if asked := strings.Count(log, " a "); asked < 4 || asked > 8 {
			t.Errorf("the broken server was asked %d times, want a few", asked)
		}
		n.set("a", records(oneMX))
		for i := range 300 {
			d.LookupMX(t.Context(), fmt.Sprintf("e%d.example", i))
		}
		if asked := strings.Count(n.queries(), " a "); asked < 80 {
			t.Errorf("back again, the server was asked %d of 300 times, want about half", asked)
		}
	})
}

// A question without an answer goes to every server before it goes to one again,
// also when several questions take turns.
func TestRetriesGoElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, d := newFakeNet(map[string]fakeServer{"a": silent, "b": silent}, "a", "b")
		defer d.Close()
		d.Attempts = 2
		expect(t, "status", d.LookupHost(t.Context(), "mx.example").Status, scanner.StatusDNSTimeout)
		log := n.queries()
		for _, question := range []string{" a mx.example. A", " b mx.example. A", " a mx.example. AAAA", " b mx.example. AAAA"} {
			if strings.Count(log+",", question+",") != 1 {
				t.Errorf("%q not asked exactly once: %s", question, log)
			}
		}
	})
}

// A failure that a server reports sends the question to the next at once; with
// no other server left it is the answer.
func TestFailover(t *testing.T) {
	good := records(oneMX)
	for _, test := range []struct {
		name    string
		first   fakeServer
		second  fakeServer
		want    scanner.Status
		took    time.Duration
		queries int
	}{
		{"servfail", code(dns.RcodeServerFailure), good, scanner.StatusNullMX, 0, 2},
		{"refused", code(dns.RcodeRefused), good, scanner.StatusNullMX, 0, 2},
		{"formerr", code(dns.RcodeFormatError), good, scanner.StatusNullMX, 0, 2},
		{"dead", dead, good, scanner.StatusNullMX, 0, 2},
		{"no route", nil, good, scanner.StatusNullMX, 0, 1},
		{"nxdomain is an answer", code(dns.RcodeNameError), code(dns.RcodeNameError), scanner.StatusNXDomain, 0, 1},
		{"both servfail", code(dns.RcodeServerFailure), code(dns.RcodeServerFailure), scanner.StatusServFail, 0, 2},
		{"servfail beats silence", code(dns.RcodeServerFailure), silent, scanner.StatusServFail, 6 * time.Second, 4},
		{"both dead", dead, dead, scanner.StatusDNSTimeout, 6 * time.Second, 4},
		{"no network", nil, nil, scanner.StatusLocal, 6 * time.Second, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, d := newFakeNet(map[string]fakeServer{"a": test.first, "b": test.second}, "b", "a") // turns begin with a
				defer d.Close()
				r := d.LookupMX(t.Context(), "example")
				expect(t, "status", r.Status, test.want)
				if took := time.Since(n.start); took != test.took && !(test.took > 0 && took >= test.took-4*time.Second && took <= test.took) {
					t.Errorf("took %v, want %v", took, test.took)
				}
				if log := n.queries(); strings.Count(log, "MX") > test.queries {
					t.Errorf("queries %s; want at most %d", log, test.queries)
				}
			})
		})
	}
}

// A server that died and came back is used again, over new sockets.
func TestServerComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, d := newFakeNet(map[string]fakeServer{"a": records(oneMX)}, "a")
		defer d.Close()
		d.Attempts = 1
		look := func(name string) scanner.Status { return d.LookupMX(t.Context(), name).Status }
		expect(t, "before", look("one.example"), scanner.StatusNullMX)
		n.set("a", dead)
		expect(t, "while dead", look("two.example"), scanner.StatusDNSTimeout)
		n.set("a", records(oneMX))
		expect(t, "after", look("three.example"), scanner.StatusNullMX)
		expect(t, "the failure is kept for 5 s", look("two.example"), scanner.StatusDNSTimeout)
		pass(failureTTL + time.Second)
		expect(t, "and not longer", look("two.example"), scanner.StatusNullMX)
	})
}

// Answers that do not belong to the question are dropped and leave it open: RFC
// 5452, section 9.1.
func TestForgedAnswers(t *testing.T) {
	forgeries := map[string]func(m *dns.Msg){
		"id":          func(m *dns.Msg) { m.Id++ },
		"name":        func(m *dns.Msg) { m.Question[0].Name = "other." },
		"type":        func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeA },
		"class":       func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS },
		"no question": func(m *dns.Msg) { m.Question = nil },
		"query":       func(m *dns.Msg) { m.Response = false },
	}
	for name, forge := range forgeries {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := func(q *dns.Msg, reply func(*dns.Msg)) {
					forged := answerTo(q, "@ MX 10 evil.example.")
					forge(forged)
					reply(forged)
					time.AfterFunc(100*time.Millisecond, func() { reply(answerTo(q, oneMX)) })
				}
				n, d := newFakeNet(map[string]fakeServer{"a": server}, "a")
				defer d.Close()
				expect(t, "answer", summary(d.LookupMX(t.Context(), "example")), "null-mx +null")
				expect(t, "took", time.Since(n.start), 100*time.Millisecond)
			})
		})
	}
}

// The answer to an earlier attempt counts as long as the question is open.
func TestLateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		server := func(q *dns.Msg, reply func(*dns.Msg)) {
			if first {
				first = false
				time.AfterFunc(2*time.Second, func() { reply(answerTo(q, oneMX)) })
			}
		}
		n, d := newFakeNet(map[string]fakeServer{"a": server}, "a")
		defer d.Close()
		expect(t, "status", d.LookupMX(t.Context(), "example").Status, scanner.StatusNullMX)
		expect(t, "took", time.Since(n.start), 2*time.Second)
		for _, k := range d.client.servers[0].sockets {
			expect(t, "places not given up", len(k.waiting), 0)
		}
	})
}

// Questions of one lookup are all under way at once.
func TestSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone := []string{"@ MX 10 m1.example.", "@ MX 20 m2.example.", "@ MX 30 m3.example.", "@ A 192.0.2.1", "@ AAAA 2001:db8::1"}
		slow := func(q *dns.Msg, reply func(*dns.Msg)) {
			time.AfterFunc(300*time.Millisecond, func() { reply(answerTo(q, zone...)) })
		}
		n, d := newFakeNet(map[string]fakeServer{"a": slow}, "a")
		defer d.Close()
		expect(t, "status", d.LookupMX(t.Context(), "example").Status, scanner.StatusSuccess)
		expect(t, "took", time.Since(n.start), 600*time.Millisecond)
		expect(t, "queries", strings.Count(n.queries(), "example"), 7)
	})
}

// However many ask, a question is asked once while it is under way.
func TestSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(q *dns.Msg, reply func(*dns.Msg)) {
			time.AfterFunc(time.Millisecond, func() { reply(answerTo(q, "@ MX 10 mx.example.", "@ A 192.0.2.1")) })
		}
		n, d := newFakeNet(map[string]fakeServer{"a": slow}, "a")
		defer d.Close()
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				expect(t, "answer", summary(d.LookupMX(t.Context(), "example")), "success | 10 mx.example 192.0.2.1")
			})
		}
		group.Wait()
		expect(t, "queries", len(strings.Split(n.queries(), ", ")), 3)
	})
}

// Whoever began a question may be stopped: those who wait for it get an answer
// all the same, and the stopped one learns that it was stopped.
func TestLeaderStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(q *dns.Msg, reply func(*dns.Msg)) {
			time.AfterFunc(300*time.Millisecond, func() { reply(answerTo(q, oneMX)) })
		}
		_, d := newFakeNet(map[string]fakeServer{"a": slow}, "a")
		defer d.Close()
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { expect(t, "leader", d.LookupMX(ctx, "example").Status, scanner.StatusCancelled) })
		synctest.Wait()
		group.Go(func() { expect(t, "follower", d.LookupMX(t.Context(), "example").Status, scanner.StatusNullMX) })
		synctest.Wait()
		cancel()
		group.Wait()
	})
}

// A deadline of the caller is a timeout; also when it would come before the rate
// allows the question.
func TestCallersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, d := newFakeNet(map[string]fakeServer{"a": silent}, "a")
		defer d.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		expect(t, "silent server", d.LookupMX(ctx, "example").Status, scanner.StatusDNSTimeout)
		expect(t, "took", time.Since(n.start), time.Second)

		_, slow := newFakeNet(map[string]fakeServer{"a": records(oneMX)}, "a")
		defer slow.Close()
		slow.Rate = 0.01
		expect(t, "first", slow.LookupMX(t.Context(), "one.example").Status, scanner.StatusNullMX)
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		expect(t, "second", slow.LookupMX(ctx, "two.example").Status, scanner.StatusDNSTimeout)
	})
}

// The rate counts packets, and A and AAAA are two.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, d := newFakeNet(map[string]fakeServer{"a": records("@ A 192.0.2.1")}, "a")
		defer d.Close()
		d.Rate = 10
		for i := range 11 {
			d.LookupHost(t.Context(), fmt.Sprintf("h%d.example", i))
		}
		expect(t, "22 packets took", time.Since(n.start).Round(time.Millisecond), 2100*time.Millisecond)
	})
}

// Answers are kept for their TTL, within bounds: RFC 2181, section 8, and RFC
// 2308, section 5.
func TestCacheTTL(t *testing.T) {
	const soa = "example. 600 SOA ns.example. root.example. 1 1 1 1 60"
	for _, test := range []struct {
		name   string
		server fakeServer
		kept   time.Duration
	}{
		{"TTL", records("@ 300 MX 0 ."), 300 * time.Second},
		{"lowest of the set", records("@ 300 MX 0 .", "@ 20 MX 1 ."), 20 * time.Second},
		{"alias counts", records("@ 30 CNAME c.example.", "c.example. 300 MX 0 ."), 30 * time.Second},
		{"TTL 0", records("@ 0 MX 0 ."), time.Second},
		{"TTL of a week", records("@ 604800 MX 0 ."), time.Hour},
		{"TTL with its top bit set", records("@ 2147483648 MX 0 ."), time.Second},
		{"NODATA", records(soa), 60 * time.Second},
		{"NODATA without SOA", records(), 5 * time.Second},
		{"NXDOMAIN without SOA", code(dns.RcodeNameError), 5 * time.Second},
		{"SERVFAIL", code(dns.RcodeServerFailure), 5 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, d := newFakeNet(map[string]fakeServer{"a": test.server}, "a")
				defer d.Close()
				asks := func() int {
					d.LookupMX(t.Context(), "example")
					return strings.Count(n.queries(), "MX")
				}
				expect(t, "at first", asks(), 1)
				pass(test.kept - time.Millisecond)
				expect(t, "before the end", asks(), 0)
				pass(2 * time.Millisecond)
				expect(t, "after the end", asks(), 1)
			})
		})
	}
}

// A server that leaves aliases to us is asked for each; loops and long chains
// end.
func TestAliasesLeftToUs(t *testing.T) {
	zone := map[string]string{
		"one.": "two.", "two.": "three.", "three.": "", "loop.": "loop2.", "loop2.": "loop.", "self.": "self.",
	}
	for i := range 40 {
		zone[fmt.Sprintf("c%d.", i)] = fmt.Sprintf("c%d.", i+1)
	}
	server := func(q *dns.Msg, reply func(*dns.Msg)) {
		m := new(dns.Msg).SetReply(q)
		if target := zone[q.Question[0].Name]; target != "" {
			m = answerTo(q, "@ CNAME "+target)
		} else if q.Question[0].Qtype == dns.TypeMX {
			m = answerTo(q, oneMX)
		}
		reply(m)
	}
	synctest.Test(t, func(t *testing.T) {
		n, d := newFakeNet(map[string]fakeServer{"a": server}, "a")
		defer d.Close()
		expect(t, "chain", summary(d.LookupMX(t.Context(), "one")), "null-mx +null >two >three")
		expect(t, "loop", summary(d.LookupMX(t.Context(), "loop")), "dns-loop >loop2 >loop")
		expect(t, "self", summary(d.LookupMX(t.Context(), "self")), "dns-loop >self")
		n.queries()
		long := d.LookupMX(t.Context(), "c0")
		expect(t, "long chain", long.Status, scanner.StatusDNSLoop)
		expect(t, "aliases of the long chain", len(long.CNAME), 17)
		expect(t, "queries for the long chain", strings.Count(n.queries(), "MX"), 17)
	})
}

// Truncation leads to TCP: RFC 7766, section 5. Where that fails, another server
// is asked; a truncated answer is never used.
func TestTruncation(t *testing.T) {
	truncated := func(tcp fakeServer) fakeServer {
		asked := map[bool]bool{}
		return func(q *dns.Msg, reply func(*dns.Msg)) {
			if !asked[true] {
				asked[true] = true
				m := answerTo(q, "@ MX 10 half.example.")
				m.Truncated = true
				reply(m)
				return
			}
			tcp(q, reply)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		n, d := newFakeNet(map[string]fakeServer{"a": truncated(records(oneMX))}, "a")
		defer d.Close()
		expect(t, "over TCP", summary(d.LookupMX(t.Context(), "example")), "null-mx +null")
		expect(t, "queries", n.queries(), "0s a example. MX, 0s a/tcp example. MX")
	})
	synctest.Test(t, func(t *testing.T) { // too large for the buffer, without saying so
		large := func(q *dns.Msg, reply func(*dns.Msg)) {
			reply(answerTo(q, slices.Repeat([]string{"@ MX 10 ."}, 400)...))
		}
		n, d := newFakeNet(map[string]fakeServer{"a": large}, "a")
		defer d.Close()
		expect(t, "large", summary(d.LookupMX(t.Context(), "example")), "null-mx +null")
		expect(t, "queries", n.queries(), "0s a example. MX, 0s a/tcp example. MX")
	})
	synctest.Test(t, func(t *testing.T) {
		n, d := newFakeNet(map[string]fakeServer{"a": truncated(silent)}, "a")
		defer d.Close()
		r := d.LookupMX(t.Context(), "example")
		expect(t, "silent over TCP", r.Status, scanner.StatusDNSTimeout)
		expect(t, "took", time.Since(n.start), 3*time.Second)
		if !strings.HasPrefix(r.Error, "truncated answer from a:53, and none over TCP: ") {
			t.Errorf("error %q", r.Error)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		forged := func(q *dns.Msg, reply func(*dns.Msg)) {
			m := answerTo(q, "@ MX 10 evil.example.")
			m.Id++
			reply(m)
		}
		_, d := newFakeNet(map[string]fakeServer{"a": truncated(forged), "b": records(oneMX)}, "b", "a")
		defer d.Close()
		expect(t, "forged over TCP", summary(d.LookupMX(t.Context(), "example")), "null-mx +null")
	})
}

// Lookups that are under way when the DNS is closed end at once.
func TestCloseUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, d := newFakeNet(map[string]fakeServer{"a": silent}, "a")
		var group sync.WaitGroup
		group.Go(func() { expect(t, "under way", d.LookupMX(t.Context(), "example").Status, scanner.StatusLocal) })
		synctest.Wait()
		d.Close()
		group.Wait()
		expect(t, "later", d.LookupMX(t.Context(), "example.net").Status, scanner.StatusLocal)
		expect(t, "took", time.Since(n.start), time.Duration(0))
	})
}
