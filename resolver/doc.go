// Package resolver turns what a user names into what a scan contacts.
//
// It has two sides. The text side reads targets: [Inputs] streams them from
// arguments, files and readers, [Parse] reads one, and [Exclusions] says what is
// never contacted. The DNS side, [DNS], is the scanner.Resolver that asks name
// servers. The package knows nothing of SMTP and opens no connection but to name
// servers.
//
// # From a domain to addresses
//
// A mail domain is not a host. Where its mail goes is found in three steps (RFC
// 5321, section 5.1):
//
//  1. Ask for the MX records of the domain, following aliases. If there are any,
//     they name the hosts, the lowest preference first. One that names the root,
//     a null MX (RFC 7505), says that the domain accepts no mail.
//  2. If the domain exists and has no MX record, the domain itself is the host:
//     the implicit MX. A failure to find out is not that answer: after SERVFAIL
//     or silence nobody knows where the mail goes, and none of it goes to the
//     domain's own address.
//  3. Ask for the A and AAAA records of every host. All addresses count: each is
//     a server of its own, often of another version than its neighbour.
//
// The records found in practice break the rules in every way: an MX that is an
// alias (forbidden by RFC 2181, section 10.3), an address where a name belongs, a
// name that does not exist, a null MX beside others. Each of them is followed as
// far as it leads and recorded, for that is what an audit is about.
//
// # Trust
//
// Everything in an answer may have been written by somebody hostile. Names,
// records and chains are bounded, names that are no host names are recorded and
// not asked for, and answers that do not belong to a question under way are
// dropped. DNSSEC is not validated here: the AD bit of the name server (RFC 4035,
// section 3.2.3) is recorded, and is worth as much as the way to that server.
package resolver
