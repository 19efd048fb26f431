package smtptest

import (
	"crypto/tls"
	"slices"
)

// The presets below answer as the real servers do, as far as a client that
// begins no mail can see: greeting, keywords and their order, HELP and the
// wording of errors. Postfix, Exim, Sendmail and OpenSMTPD follow servers of
// Debian's packages word for word; the others follow public transcripts and the
// vendors' documentation. Without TLS ([Script.WithTLS]) they do not offer
// STARTTLS.
//
// A preset is a plain Script: change what you like before you use it.

// replies makes a table of one-line and longer replies.
func replies(table map[string]string) map[string]Step {
	steps := make(map[string]Step, len(table)+1)
	for verb, text := range table {
		steps[verb] = Step{Send: text}
	}
	quit := steps["QUIT"]
	quit.Then = Close
	steps["QUIT"] = quit
	return steps
}

// inTLS makes the reply to EHLO after STARTTLS.
func inTLS(lines ...string) map[string]Step {
	return map[string]Step{"EHLO": Reply(250, lines...)}
}

// Postfix is Postfix 3.7 as Debian 12 configures it; it names no version.
func Postfix(host string) Script {
	tail := []string{"ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING"}
	head := []string{host, "PIPELINING", "SIZE 10240000", "VRFY", "ETRN"}
	return Script{
		preset:   true,
		Greeting: Reply(220, host+" ESMTP Postfix (Debian/GNU)"),
		Replies: replies(map[string]string{
			"EHLO":     Lines(250, slices.Concat(head, []string{"STARTTLS"}, tail)...),
			"HELO":     "250 " + host + "\r\n",
			"STARTTLS": "220 2.0.0 Ready to start TLS\r\n",
			"NOOP":     "250 2.0.0 Ok\r\n",
			"RSET":     "250 2.0.0 Ok\r\n",
			"VRFY":     "252 2.0.0 postmaster\r\n",
			"QUIT":     "221 2.0.0 Bye\r\n",
		}),
		Secure:    inTLS(slices.Concat(head, tail)...),
		Unknown:   Reply(500, "5.5.2 Error: command not recognized"),
		MaxErrors: 20,
	}
}

// Exim is Exim 4.96 as Debian 12 configures it.
func Exim(host string) Script {
	hello := host + " Hello {name} [{addr}]"
	head := []string{hello, "SIZE 52428800", "8BITMIME", "PIPELINING", "PIPECONNECT", "CHUNKING"}
	tail := []string{"SMTPUTF8", "HELP"}
	return Script{
		preset:   true,
		Greeting: Reply(220, host+" ESMTP Exim 4.96 {date}"),
		Replies: replies(map[string]string{
			"EHLO":     Lines(250, slices.Concat(head, []string{"STARTTLS"}, tail)...),
			"HELO":     "250 " + hello + "\r\n",
			"STARTTLS": "220 TLS go ahead\r\n",
			"HELP":     Lines(214, "Commands supported:", "AUTH STARTTLS HELO EHLO MAIL RCPT DATA BDAT NOOP QUIT RSET HELP"),
			"NOOP":     "250 OK\r\n",
			"RSET":     "250 Reset OK\r\n",
			"VRFY":     "252 Administrative prohibition\r\n",
			"QUIT":     "221 " + host + " closing connection\r\n",
		}),
		Secure:    inTLS(slices.Concat(head, tail)...),
		Unknown:   Reply(500, "unrecognized command"),
		MaxErrors: 4,
	}
}

// Sendmail is Sendmail 8.17.1 of Debian 12.
func Sendmail(host string) Script {
	hello := host + " Hello localhost [{addr}], pleased to meet you"
	keywords := []string{hello, "ENHANCEDSTATUSCODES", "PIPELINING", "EXPN", "VERB", "8BITMIME", "SIZE", "DSN", "ETRN", "AUTH DIGEST-MD5 CRAM-MD5"}
	tail := []string{"DELIVERBY", "HELP"}
	return Script{
		preset:   true,
		Greeting: Reply(220, host+" ESMTP Sendmail 8.17.1.9/8.17.1.9/Debian-2+deb12u2; {date}; (No UCE/UBE) logging access from: localhost(OK)-localhost [{addr}]"),
		Replies: replies(map[string]string{
			"EHLO":     Lines(250, slices.Concat(keywords, []string{"STARTTLS"}, tail)...),
			"HELO":     "250 " + hello + "\r\n",
			"STARTTLS": "220 2.0.0 Ready to start TLS\r\n",
			"HELP": Lines(214, "2.0.0 This is sendmail version 8.17.1.9", "2.0.0 Topics:",
				"2.0.0 \tHELO\tEHLO\tMAIL\tRCPT\tDATA", "2.0.0 \tRSET\tNOOP\tQUIT\tHELP\tVRFY",
				"2.0.0 \tEXPN\tVERB\tETRN\tDSN\tAUTH", "2.0.0 \tSTARTTLS",
				"2.0.0 For more info use \"HELP <topic>\".",
				"2.0.0 To report bugs in the implementation see", "2.0.0 \thttp://www.sendmail.org/email-addresses.html",
				"2.0.0 For local information send email to Postmaster at your site.", "2.0.0 End of HELP info"),
			"NOOP": "250 2.0.0 OK\r\n",
			"RSET": "250 2.0.0 Reset state\r\n",
			"VRFY": "550 5.1.1 postmaster... User unknown\r\n",
			"QUIT": "221 2.0.0 " + host + " closing connection\r\n",
		}),
		Secure:  inTLS(slices.Concat(keywords, tail)...),
		Unknown: Reply(500, `5.5.1 Command unrecognized: "{line}"`),
	}
}

// OpenSMTPD is OpenSMTPD 6.8.
func OpenSMTPD(host string) Script {
	hello := host + " Hello {name} [{addr}], pleased to meet you"
	keywords := []string{hello, "8BITMIME", "ENHANCEDSTATUSCODES", "SIZE 36700160", "DSN"}
	unknown := "500 5.5.1 Invalid command: Command unrecognized\r\n"
	return Script{
		preset:   true,
		Greeting: Reply(220, host+" ESMTP OpenSMTPD"),
		Replies: replies(map[string]string{
			"EHLO":     Lines(250, slices.Concat(keywords, []string{"STARTTLS", "HELP"})...),
			"HELO":     "250 " + hello + "\r\n",
			"STARTTLS": "220 2.0.0 Ready to start TLS\r\n",
			"HELP": Lines(214, "2.0.0 This is OpenSMTPD", "2.0.0 To report bugs in the implementation, please contact bugs@openbsd.org",
				"2.0.0 with full details", "2.0.0 End of HELP info"),
			"NOOP": "250 2.0.0 Ok\r\n",
			"RSET": "250 2.0.0 Reset state\r\n",
			"VRFY": unknown,
			"QUIT": "221 2.0.0 Bye\r\n",
		}),
		Secure:  inTLS(slices.Concat(keywords, []string{"HELP"})...),
		Unknown: Step{Send: unknown},
	}
}

// Exchange is Exchange Server 2019 on premises.
func Exchange(host string) Script {
	hello := host + " Hello [{addr}]"
	return Script{
		preset:   true,
		Greeting: Reply(220, host+" Microsoft ESMTP MAIL Service ready at {date}"),
		Replies: replies(map[string]string{
			"EHLO": Lines(250, hello, "SIZE 37748736", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS",
				"X-ANONYMOUSTLS", "AUTH NTLM", "X-EXPS GSSAPI NTLM", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8", "XRDST"),
			"HELO":     "250 " + hello + "\r\n",
			"STARTTLS": "220 2.0.0 SMTP server ready\r\n",
			"HELP":     Lines(214, "This server supports the following commands:", "HELO EHLO STARTTLS RCPT DATA RSET MAIL QUIT HELP AUTH BDAT"),
			"NOOP":     "250 2.0.0 OK\r\n",
			"RSET":     "250 2.0.0 Resetting\r\n",
			"VRFY":     "252 2.1.5 Cannot VRFY user\r\n",
			"QUIT":     "221 2.0.0 Service closing transmission channel\r\n",
		}),
		Secure: inTLS(hello, "SIZE 37748736", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES",
			"AUTH NTLM LOGIN", "X-EXPS GSSAPI NTLM", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8", "XRDST"),
		Unknown: Reply(500, "5.3.3 Unrecognized command '{verb}'"),
	}
}

// Gmail is the front end of Google's mail exchangers.
func Gmail(host string) Script {
	const id = "5b1f17b1804b1-47edf2fsi101.141 - gsmtp"
	keywords := []string{host + " at your service, [{addr}]", "SIZE 157286400", "8BITMIME"}
	tail := []string{"ENHANCEDSTATUSCODES", "PIPELINING", "CHUNKING", "SMTPUTF8"}
	return Script{
		preset:   true,
		Greeting: Reply(220, host+" ESMTP "+id),
		Replies: replies(map[string]string{
			"EHLO":     Lines(250, slices.Concat(keywords, []string{"STARTTLS"}, tail)...),
			"HELO":     "250 " + host + " at your service\r\n",
			"STARTTLS": "220 2.0.0 Ready to start TLS\r\n",
			"HELP":     "214 2.0.0  https://www.google.com/search?btnI&q=RFC+5321 " + id + "\r\n",
			"NOOP":     "250 2.0.0 OK " + id + "\r\n",
			"RSET":     "250 2.1.5 Flushed " + id + "\r\n",
			"VRFY":     "252 2.1.5 Send some mail, I'll try my best " + id + "\r\n",
			"QUIT":     "221 2.0.0 closing connection " + id + "\r\n",
		}),
		Secure:  inTLS(slices.Concat(keywords, tail)...),
		Unknown: Reply(502, "5.5.1 Unrecognized command. "+id),
	}
}

// Qmail is netqmail 1.06, which knows no TLS.
func Qmail(host string) Script {
	return Script{
		preset:   true,
		Greeting: Reply(220, host+" ESMTP"),
		Replies: replies(map[string]string{
			"EHLO": Lines(250, host, "PIPELINING", "8BITMIME"),
			"HELO": "250 " + host + "\r\n",
			"HELP": "214 netqmail home page: http://qmail.org/netqmail\r\n",
			"NOOP": "250 ok\r\n",
			"RSET": "250 flushed\r\n",
			"VRFY": "252 send some mail, i'll try my best\r\n",
			"QUIT": "221 " + host + "\r\n",
		}),
		Unknown: Reply(502, "unimplemented (#5.5.1)"),
	}
}

// Haraka is Haraka 3.
func Haraka(host string) Script {
	hello := host + " Hello localhost [{addr}], Haraka is at your service."
	return Script{
		preset:   true,
		Greeting: Reply(220, host+" ESMTP Haraka/3.0.3 ready"),
		Replies: replies(map[string]string{
			"EHLO":     Lines(250, hello, "PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 0", "STARTTLS"),
			"HELO":     "250 " + hello + "\r\n",
			"STARTTLS": "220 Go ahead.\r\n",
			"HELP":     "250 Not implemented\r\n",
			"NOOP":     "250 OK\r\n",
			"RSET":     "250 OK\r\n",
			"VRFY":     "252 Just try sending a mail and we'll see how it turns out...\r\n",
			"QUIT":     "221 " + host + " closing connection. Have a jolly good day.\r\n",
		}),
		Secure:  inTLS(hello, "PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 0"),
		Unknown: Reply(500, "Unrecognized command"),
	}
}

// IronPort is a Cisco Secure Email Gateway, whose greeting names nothing but
// itself.
func IronPort(host string) Script {
	return Script{
		preset:   true,
		Greeting: Reply(220, host+" ESMTP"),
		Replies: replies(map[string]string{
			"EHLO":     Lines(250, host, "8BITMIME", "SIZE 52428800", "STARTTLS"),
			"HELO":     "250 " + host + "\r\n",
			"STARTTLS": "220 Go ahead with TLS\r\n",
			"HELP":     "214 See RFC 2821\r\n",
			"NOOP":     "250 ok\r\n",
			"RSET":     "250 reset\r\n",
			"VRFY":     "252 send some mail, i'll try my best\r\n",
			"QUIT":     "221 " + host + "\r\n",
		}),
		Secure:  inTLS(host, "8BITMIME", "SIZE 52428800"),
		Unknown: Reply(500, "#5.5.1 command not recognized"),
	}
}

// TooBusy turns every client away at the door, as a server does that counts
// connections.
func TooBusy(host string) Script {
	return Script{Greeting: Step{Send: Lines(421, "4.7.0 "+host+" Error: too many connections from {addr}"), Then: Close}}
}

// Rejecting refuses the client, as after a look at its reputation: RFC 5321,
// section 3.1, wants it to wait for QUIT then.
func Rejecting(host string) Script {
	return Script{
		preset:   true,
		Greeting: Reply(554, host, "Your access to this mail system has been rejected due to the sending MTA's poor reputation."),
		Unknown:  Reply(503, "5.7.0 Error: access denied for {addr}"),
	}
}

// WithTLS returns a copy of the script that can speak TLS.
func (s Script) WithTLS(config *tls.Config) Script {
	s.TLS = config
	return s
}
