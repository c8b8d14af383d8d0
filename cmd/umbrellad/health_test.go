package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"umbrella/internal/access"
	"umbrella/internal/usage"
	"umbrella/test/peer"
)

func TestHealth(t *testing.T) {
	for _, more := range [][]string{
		nil,
		{"UMBRELLA_PREFIX=/umbrella"},
		{"UMBRELLA_TLS=off"},
		{"UMBRELLA_TLS=off", "UMBRELLA_PREFIX=/umbrella/a"},
		{"UMBRELLA_TLS=off", "UMBRELLA_TRUSTED_PROXY=127.0.0.1"},
		{fmt.Sprintf("UMBRELLA_LISTEN=:%d", peer.FreePort(t))},
		{fmt.Sprintf("UMBRELLA_LISTEN=[::1]:%d", peer.FreePort(t))},
	} {
		t.Run(strings.Join(more, " "), func(t *testing.T) {
			p := start(t, "config umbrella main\n", more...)
			p.expect("is running.")
			if code, out, errs := p.command("health"); code != usage.OK || out != "OK\n" || errs != "" {
				t.Errorf("code %d, %q, %q", code, out, errs)
			}
			p.signal(syscall.SIGTERM)
			if code := p.exit(); code != usage.OK {
				t.Errorf("it ended with %d", code)
			}
			if code, out, errs := p.command("health"); code != usage.Failure || out != "" || !strings.Contains(errs, "is it running? (connection refused)") {
				t.Errorf("after the end: code %d, %q, %q", code, out, errs)
			}
		})
	}
}

// Something else answers where the daemon should. It gets nothing to log in with at
// the daemon.
func TestHealthOfSomethingElse(t *testing.T) {
	var answer http.HandlerFunc
	shown := make(chan string, 1)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown <- r.Header.Get("Authorization")
		answer(w, r)
	}))
	defer other.Close()
	secret := &access.Tokens{StateDir: t.TempDir()}
	p := &process{t: t, dir: t.TempDir(), env: []string{
		"UMBRELLA_TLS=off", "UMBRELLA_LISTEN=" + other.Listener.Addr().String(), "UMBRELLA_STATE_DIR=" + secret.StateDir,
	}}
	if err := secret.Start(); err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]http.HandlerFunc{
		"404 Not Found": http.NotFound,
		"200 OK":        func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "welcome") },
		"302 Found":     func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) },
	} {
		answer = a
		code, out, errs := p.command("health")
		if want := "is no umbrellad of these settings: " + name + "\n"; code != usage.Failure || out != "" || !strings.HasSuffix(errs, want) {
			t.Errorf("%s: code %d, %q, %q", name, code, out, errs)
		}
		select {
		case got := <-shown:
			if got != "" {
				t.Errorf("%s: it was shown %q", name, got)
			}
		default:
			t.Errorf("%s: nobody asked", name)
		}
	}
}
