package scanner

// A Status is the outcome of a probe or a lookup: a closed vocabulary in which
// no failure is mistaken for another, and none for an answer.
type Status string

// The statuses. Those of DNS are found on domain records, and on the one
// service record that stands for a name that led to no address.
const (
	StatusSuccess Status = "success" // the greeting was 2xx and the dialogue ended as it should

	StatusRefused         Status = "connection-refused"
	StatusReset           Status = "connection-reset"
	StatusClosed          Status = "connection-closed" // closed by the server before the dialogue was over
	StatusConnectTimeout  Status = "connection-timeout"
	StatusUnreachable     Status = "unreachable"      // ICMP says no route to host or network, or prohibited
	StatusGreetingTimeout Status = "greeting-timeout" // connected, then silence or half a greeting
	StatusReplyTimeout    Status = "reply-timeout"
	StatusTLSTimeout      Status = "tls-timeout"
	StatusTLSFailed       Status = "tls-failed"
	StatusRateLimited     Status = "rate-limited" // 421, or 4xx that speaks of too many connections
	StatusRejected        Status = "rejected"     // greeting of 4xx or 5xx other than that
	StatusNotSMTP         Status = "not-smtp"
	StatusProtocolError   Status = "protocol-error" // SMTP at first, then bytes that are no reply
	StatusTargetTimeout   Status = "target-timeout" // the whole probe took longer than -target-timeout

	StatusNullMX     Status = "null-mx" // RFC 7505: the domain accepts no mail
	StatusNXDomain   Status = "nxdomain"
	StatusNoAddress  Status = "no-address" // the name exists and has neither A nor AAAA
	StatusServFail   Status = "servfail"
	StatusDNSRefused Status = "dns-refused" // the name server answered REFUSED: it does not serve us or this name
	StatusDNSTimeout Status = "dns-timeout"
	StatusDNSLoop    Status = "dns-loop" // a CNAME chain that loops or is too long
	StatusBadName    Status = "bad-name" // an MX that is no host name, e.g. an address literal

	StatusExcluded  Status = "excluded"        // an -exclude rule covers it; not contacted
	StatusPrivate   Status = "private-address" // DNS led to a private or special address, or the address is one that TCP cannot reach; not contacted
	StatusNoRoute   Status = "no-route"        // this machine has no route for the address family
	StatusLocal     Status = "local-error"     // a fault of our own side, never the server's
	StatusCancelled Status = "cancelled"       // the run was stopped before the probe ended
)
