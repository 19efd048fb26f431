package output

import (
	"strings"
	"unicode/utf8"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// ServiceOf returns the service record that an object tells of: one of ours,
// of zgrab2 (whose facts are under data.smtp.result), or any object with raw
// replies under the names that ours have. Of replies it takes the text, as a
// string or as the field raw of an object; nothing is parsed.
func ServiceOf(o *Object) *scanner.Service {
	at := []string{}
	var banner string
	if !o.Get(&banner, "banner") && o.Get(new(map[string]any), "data", "smtp", "result") {
		at = []string{"data", "smtp", "result"}
	}
	reply := func(name string) smtp.Raw { return rawOf(o, append(at[:len(at):len(at)], name)) }
	v := &scanner.Service{
		Type: "service", Banner: reply("banner"), HELO: reply("helo"), Help: reply("help"),
		UnknownCommand: reply("unknown_command"), Noop: reply("noop"), Rset: reply("rset"), Vrfy: reply("vrfy"),
		STARTTLS: reply("starttls"), Quit: reply("quit"), EHLO: ehloOf(o, at, "ehlo"), EHLOTLS: ehloOf(o, at, "ehlo_tls"),
		TLS: tlsOf(o, at),
	}
	o.Get(&v.Host, "host")
	mx := new(scanner.ServiceMX)
	if o.Get(mx, "mx") {
		v.MX = mx
	}
	if mx.Name != "" {
		v.Host = mx.Name
	}
	var ptr string
	if !o.Get(&v.PTR, "ptr") && o.Get(&ptr, "ptr") {
		v.PTR = []string{ptr}
	}
	return v
}

// rawOf reads a reply that stands in a string, or in the field raw of an
// object; bytes in base64 beside it win.
func rawOf(o *Object, path []string) smtp.Raw {
	var exact []byte
	var text string
	name := path[len(path)-1]
	beside := append(path[:len(path)-1:len(path)-1], name+base64Suffix)
	inside := append(path[:len(path):len(path)], "raw")
	switch {
	case o.Get(&exact, beside...), o.Get(&exact, append(path[:len(path):len(path)], "raw"+base64Suffix)...):
		return smtp.Raw(exact)
	case o.Get(&text, path...), o.Get(&text, inside...):
		return smtp.Raw(text)
	}
	return ""
}

func ehloOf(o *Object, at []string, name string) *scanner.EHLO {
	path := append(at[:len(at):len(at)], name)
	raw := rawOf(o, path)
	if raw == "" {
		return nil
	}
	e := &scanner.EHLO{Raw: raw}
	o.Get(&e.NameSent, append(path, "name_sent")...)
	return e
}

// tlsOf reads our own tls object, or the certificate names of zgrab2's.
func tlsOf(o *Object, at []string) *smtp.TLS {
	own := new(smtp.TLS)
	if len(at) == 0 {
		if o.Get(own, "tls") {
			return own
		}
		return nil
	}
	parsed := append(at[:len(at):len(at)], "tls", "handshake_log", "server_certificates", "certificate", "parsed")
	c := new(smtp.Certificate)
	var names []string
	found := o.Get(&c.Subject, append(parsed, "subject_dn")...)
	found = o.Get(&c.Issuer, append(parsed, "issuer_dn")...) || found
	found = o.Get(&c.SANs, append(parsed, "names")...) || found
	if o.Get(&names, append(parsed, "subject", "common_name")...) && len(names) > 0 {
		c.SubjectCN = names[0]
	}
	if !found {
		return nil
	}
	own.Certificate = c
	return own
}

// SetRaw sets a field to what a server sent, with the exact bytes beside it
// where they are not UTF-8, and returns them as records hold them.
func SetRaw(o *Object, name string, sent []byte) smtp.Raw {
	text := strings.ToValidUTF8(string(sent), "\uFFFD")
	_ = o.Set(name, text) // a string can always be encoded
	if !utf8.Valid(sent) {
		_ = o.Set(name+base64Suffix, sent)
	}
	return smtp.Raw(sent)
}
