// Package smtptest provides scripted SMTP servers for tests, demonstrations and
// benchmarks, as net/http/httptest provides HTTP servers.
//
// A [Script] says what a server does: its greeting, its reply to each verb, its
// TLS, and how it misbehaves. The zero value is a small, well-behaved server.
// [NewServer] runs a script on a loopback port, [Listen] on an address of your
// choice, [Pipe] on an in-memory connection, which is what a test in a
// testing/synctest bubble wants:
//
//	srv := smtptest.NewServer(t, smtptest.Postfix("mx.example.com"))
//	conn, err := net.Dial("tcp", srv.Addr)
//	...
//	session := srv.Sessions()[0]
//	session.Commands // ["EHLO probe.example.net", "QUIT"]
//	session.Early    // true if the client spoke out of turn
//
// The presets ([Postfix], [Exim], [Exchange] and so on) answer word for word as
// those servers do, as far as a client that sends no mail can see.
//
// A [CA] makes certificates at run time, good ones and bad ones.
//
// Nothing here checks what a client may do: a server answers what its script
// says and records what it was told.
package smtptest
