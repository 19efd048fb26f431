package smtp_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mxsweep/mxsweep/scanner/smtp"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// How long a conversation lasts, to the second.
func TestClocks(t *testing.T) {
	drip := smtptest.Step{Send: "220-one byte a second\r\n", Segment: 1, Every: time.Second, Then: smtptest.Endless}
	silent := smtptest.Step{Then: smtptest.Silence}
	tests := []struct {
		name   string
		script smtptest.Script
		prober *smtp.Prober
		kind   smtp.Kind
		phase  smtp.Phase
		lasts  time.Duration
	}{
		{"greet delay", greet(smtptest.Step{Send: "220 mx ESMTP\r\n", Delay: 29 * time.Second}), &smtp.Prober{}, "", "quit", 29 * time.Second},
		{"silence, then a try at TLS", greet(silent), &smtp.Prober{}, smtp.KindTimeout, "greeting", 35 * time.Second},
		{"half a greeting", greet(smtptest.Step{Send: "220-mx\r\n", Then: smtptest.Silence}), &smtp.Prober{}, smtp.KindTimeout, "greeting", 30 * time.Second},
		{"a byte a second", greet(drip), &smtp.Prober{}, smtp.KindTimeout, "greeting", 30 * time.Second},
		{"own clock", greet(drip), &smtp.Prober{GreetingTimeout: 7 * time.Second}, smtp.KindTimeout, "greeting", 7 * time.Second},
		{"a reply", with(map[string]smtptest.Step{"EHLO": silent}), &smtp.Prober{}, smtp.KindTimeout, "ehlo", 10 * time.Second},
		{"a reply, byte by byte", with(map[string]smtptest.Step{"EHLO": drip}), &smtp.Prober{Timeout: 3 * time.Second}, smtp.KindTimeout, "ehlo", 3 * time.Second},
		{"late greetings without end", with(map[string]smtptest.Step{"EHLO": {Send: "220 x\r\n", Every: time.Second, Then: smtptest.Endless}}),
			&smtp.Prober{}, smtp.KindProtocol, "ehlo", 10 * time.Second},
		{"an identifying command", with(map[string]smtptest.Step{"HELP": silent}), &smtp.Prober{Ask: all}, "", "ask", 10 * time.Second},
		{"the farewell", with(map[string]smtptest.Step{"QUIT": silent}), &smtp.Prober{}, "", "quit", 2 * time.Second},
		{"a short farewell", with(map[string]smtptest.Step{"QUIT": silent}), &smtp.Prober{Timeout: time.Second}, "", "quit", time.Second},
		{"all replies slow", with(map[string]smtptest.Step{"EHLO": {Send: "250 x\r\n", Delay: 9 * time.Second}, "HELP": {Send: "214 x\r\n", Delay: 9 * time.Second}}),
			&smtp.Prober{Ask: all}, "", "quit", 18 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				tr, session := talk(t.Context(), tt.prober, tt.script, smtp.ModeSTARTTLS)
				if smtp.KindOf(tr.Err) != tt.kind || tr.Phase != tt.phase || time.Since(start) != tt.lasts {
					t.Errorf("ended in phase %q after %v with %v", tr.Phase, time.Since(start), tr.Err)
				}
				if session.Early && tt.phase != "greeting" {
					t.Error("spoke out of turn")
				}
			})
		})
	}
}

// The deadline of the context bounds the whole, in every phase, and is told
// from the clock of the phase.
func TestDeadline(t *testing.T) {
	for phase, script := range slow() {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			start := time.Now()
			tr, _ := talk(ctx, &smtp.Prober{Ask: all}, script, smtp.ModeSTARTTLS)
			want := smtp.KindDeadline
			if phase == smtp.PhaseAsk || phase == smtp.PhaseQUIT {
				want = "" // all there is to know is known
			}
			if smtp.KindOf(tr.Err) != want || tr.Phase != phase || time.Since(start) > 4*time.Second {
				t.Errorf("%s: ended in %q after %v with %v", phase, tr.Phase, time.Since(start), tr.Err)
			}
		})
	}
}

// The end of the context ends the conversation at once, in every phase.
func TestCancel(t *testing.T) {
	for phase, script := range slow() {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			tr, _ := talk(ctx, &smtp.Prober{Ask: all}, script, smtp.ModeSTARTTLS)
			want := smtp.KindCanceled
			if phase == smtp.PhaseQUIT {
				want = ""
			}
			if smtp.KindOf(tr.Err) != want || tr.Phase != phase || time.Since(start) != time.Second {
				t.Errorf("%s: ended in %q after %v with %v", phase, tr.Phase, time.Since(start), tr.Err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tr, session := talk(ctx, new(smtp.Prober), smtptest.Script{}, smtp.ModeSTARTTLS)
	if !errors.Is(tr.Err, context.Canceled) || session.Commands != nil {
		t.Errorf("canceled before it began: %v, said %q", tr.Err, session.Commands)
	}
}

// slow returns scripts that say nothing more from a phase on.
func slow() map[smtp.Phase]smtptest.Script {
	silent := smtptest.Step{Then: smtptest.Silence}
	refused := smtptest.Reply(500, "what?")
	return map[smtp.Phase]smtptest.Script{
		smtp.PhaseGreeting: greet(smtptest.Step{Send: "22", Then: smtptest.Silence}),
		smtp.PhaseEHLO:     with(map[string]smtptest.Step{"EHLO": silent}),
		smtp.PhaseHELO:     with(map[string]smtptest.Step{"EHLO": refused, "HELO": silent}),
		smtp.PhaseSTARTTLS: with(map[string]smtptest.Step{"EHLO": offer, "STARTTLS": silent}),
		smtp.PhaseTLS:      with(map[string]smtptest.Step{"EHLO": offer, "STARTTLS": {Send: "220 go\r\n", Then: smtptest.Silence}}),
		smtp.PhaseAsk:      with(map[string]smtptest.Step{"HELP": silent}),
		smtp.PhaseQUIT:     with(map[string]smtptest.Step{"QUIT": {Send: "22", Then: smtptest.Silence}}),
	}
}
