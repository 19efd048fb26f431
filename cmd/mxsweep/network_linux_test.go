package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// inNamespace runs the test function that calls it in a network namespace of
// its own, where this process may do as it likes with interfaces and ports.
// There it returns true; outside, false, when all is over.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv("NAMESPACE_OF") == t.Name() {
		command(t, "ip", "link", "set", "lo", "up")
		return true
	}
	if os.Getuid() != 0 {
		t.Skip("making a network namespace needs root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip(err)
	}
	child := apart(t, "^"+t.Name()+"$")
	child.Env = append(child.Env, "NAMESPACE_OF="+t.Name())
	out, err := child.CombinedOutput()
	switch {
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	case bytes.Contains(out, []byte("--- SKIP")):
		t.Skipf("%s", out)
	}
	return false
}

// apart is a run of some of the tests of this program in a new network
// namespace.
func apart(t *testing.T, tests string) *exec.Cmd {
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+tests, "-test.v")
	child.Env = os.Environ()
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	return child
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// Addresses of the two ends of a cable: documentation ones (RFC 5737), which
// exist nowhere else.
const (
	ourEnd   = "198.51.100.1/24"
	theirEnd = "198.51.100.254/24"
)

// cable runs a test in a second network namespace and lays a cable there, of
// which our end has an address. It returns when the peer is ready; ask sends the
// peer a line and returns its answer.
func cable(t *testing.T, test string) (ask func(line string) string) {
	t.Helper()
	peer := apart(t, "^"+test+"$")
	stdin, err := peer.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := peer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	peer.Env = append(peer.Env, "NETWORK_PEER=1")
	if err := peer.Start(); err != nil {
		t.Skipf("a second namespace: %v", err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = peer.Wait()
	})
	command(t, "ip", "link", "add", "cable", "type", "veth", "peer", "name", "theirs", "netns", fmt.Sprint(peer.Process.Pid))
	command(t, "ip", "addr", "add", ourEnd, "dev", "cable")
	command(t, "ip", "link", "set", "cable", "up")
	lines := bufio.NewScanner(stdout)
	ask = func(line string) string {
		io.WriteString(stdin, line+"\n")
		var said strings.Builder
		for lines.Scan() {
			if answer, ok := strings.CutPrefix(lines.Text(), "peer: "); ok {
				return answer
			}
			fmt.Fprintln(&said, lines.Text())
		}
		t.Fatalf("the peer has ended: %s", said.String())
		return ""
	}
	ask("go")
	return ask
}

// The cable is pulled in the middle of a run, and put back: the records are
// those of a run without that, and nothing is said of the servers that was our
// own fault.
func TestNetworkDown(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	cable(t, "TestNetworkPeer")

	flags := []string{"-r", "127.0.0.1:9", "-p", "2525", "-allow-private", "-ehlo-domain", "auditor.example", "-ptr=false", "-no-stdin",
		"-j", "-all", "-rl", "40", "-connect-timeout", "1500ms", "-seed", "1", "198.51.100.2-198.51.100.101"}
	scan := func() (statuses map[scanner.Status]int, stderr string) {
		var out, errs bytes.Buffer
		if code := testApp(nil, &out, &errs).run(t.Context(), flags); code != exitDone {
			t.Fatalf("exit code %d: %s", code, errs.String())
		}
		statuses = map[scanner.Status]int{}
		for r, err := range output.NewReader(&out).Results() {
			if err != nil {
				t.Fatal(err)
			}
			if r.Service != nil {
				statuses[r.Service.Status]++
			}
		}
		return statuses, errs.String()
	}
	want, _ := scan()
	if want[scanner.StatusSuccess] != 20 || want[scanner.StatusRefused] != 20 || want[scanner.StatusConnectTimeout]+want[scanner.StatusUnreachable] != 60 {
		t.Fatalf("undisturbed: %v", want)
	}
	pulled := make(chan struct{})
	go func() {
		defer close(pulled)
		<-time.After(time.Second)
		command(t, "ip", "link", "set", "cable", "down")
		<-time.After(5 * time.Second)
		command(t, "ip", "link", "set", "cable", "up")
	}()
	got, errs := scan()
	<-pulled
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("with the cable out for five seconds: %v, want %v\n%s", got, want, errs)
	}
	if !strings.Contains(errs, "the network of this machine is down") {
		t.Errorf("not announced: %s", errs)
	}
}

// TestNetworkPeer is what hangs at the other end of the cable: of each five
// addresses one answers, one refuses, and three do not exist.
func TestNetworkPeer(t *testing.T) {
	if os.Getenv("NETWORK_PEER") == "" {
		t.Skip("is started by TestNetworkDown")
	}
	stdin := bufio.NewReader(os.Stdin)
	_, _ = stdin.ReadString('\n') // the cable is there
	command(t, "ip", "link", "set", "lo", "up")
	command(t, "ip", "addr", "add", theirEnd, "dev", "theirs")
	command(t, "ip", "link", "set", "theirs", "up")
	for i := 2; i < 102; i++ {
		addr := fmt.Sprintf("198.51.100.%d", i)
		if i%5 > 1 {
			continue
		}
		command(t, "ip", "addr", "add", addr+"/24", "dev", "theirs")
		if i%5 == 0 {
			server, err := smtptest.Listen(net.JoinHostPort(addr, "2525"), smtptest.Postfix("mx.example.com"))
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
		}
	}
	fmt.Println("\npeer: ready")
	_, _ = stdin.ReadString('\n') // the test is over
}

// All local ports are taken for a while: that is waited for and announced, and
// no server's failure.
func TestNoLocalPorts(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte("40000 40007"), 0); err != nil {
		t.Skip(err)
	}
	server, err := smtptest.Listen("127.0.0.1:2525", smtptest.Postfix("mx.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var others []*net.TCPConn
	for {
		conn, err := net.Dial("tcp", server.Addr)
		if err != nil {
			break
		}
		others = append(others, conn.(*net.TCPConn))
	}
	if len(others) != 8 {
		t.Fatalf("%d ports were free, want 8", len(others))
	}
	go func() {
		<-time.After(time.Second)
		for _, conn := range others {
			_ = conn.SetLinger(0) // no TIME_WAIT
			_ = conn.Close()
		}
	}()
	var out, errs bytes.Buffer
	code := testApp(nil, &out, &errs).run(t.Context(), []string{
		"-r", "127.0.0.1:9", "-ehlo-domain", "auditor.example", "-ptr=false", "-no-stdin", "-j", server.Addr})
	if code != exitDone || !strings.Contains(out.String(), `"status":"success"`) || !strings.Contains(errs.String(), "no free local port") {
		t.Errorf("exit code %d\n%s\n%s", code, out.String(), errs.String())
	}
}
