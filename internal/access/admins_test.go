package access

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestFirstPassword(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	var log bytes.Buffer
	start := func() *Admins {
		a := &Admins{StateDir: dir, Tell: &log}
		if err := a.Start(); err != nil {
			t.Fatal(err)
		}
		return a
	}
	start()
	m := regexp.MustCompile(`password=([a-z2-7]{4}(-[a-z2-7]{4}){3})\n`).FindStringSubmatch(log.String())
	if m == nil {
		t.Fatalf("the log has no password: %s", log.String())
	}
	file := filepath.Join(dir, adminFile)
	text, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(text), m[1]) {
		t.Errorf("the file: %q, %v", text, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	log.Reset()
	a := start()
	if log.Len() > 0 {
		t.Errorf("the second start says %s", log.String())
	}
	if _, err := a.Login(Client{}, m[1]); err != nil {
		t.Errorf("it does not hold: %v", err)
	}
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (&Admins{StateDir: dir, Tell: io.Discard}).Start(); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged file: %v", err)
	}
}

func TestLogin(t *testing.T) {
	a := &Admins{Password: "correct horse", Tell: io.Discard}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	from := func(s string) Client { return Client{Addr: netip.MustParseAddr(s)} }
	with := func(cookie string) *http.Request {
		r := request("192.0.2.1:1")
		r.AddCookie(&http.Cookie{Name: SessionCookie, Value: cookie})
		return r
	}
	var first string
	for i := range maxSessions + 1 {
		cookie, err := a.Login(from("192.0.2.1"), "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = cookie
		}
		if !a.Session(with(cookie)) {
			t.Fatal("no session")
		}
	}
	if len(a.sessions) != maxSessions || a.Session(with(first)) {
		t.Errorf("%d sessions", len(a.sessions))
	}
	for i := range freeAttempts + 1 {
		_, err := a.Login(from("192.0.2.2"), "wrong")
		if i < freeAttempts && !errors.Is(err, ErrAdminPassword) || i == freeAttempts && wait(err) == 0 {
			t.Errorf("attempt %d: %v", i, err)
		}
	}
	if _, err := a.Login(from("192.0.2.2"), "correct horse"); wait(err) == 0 {
		t.Errorf("the right one right after: %v", err)
	}

	cookie, _ := a.Login(from("192.0.2.1"), "correct horse")
	for k := range a.sessions {
		a.sessions[k] = time.Now().Add(-time.Second)
	}
	if a.Session(with(cookie)) {
		t.Error("a session that has ended")
	}
	cookie, _ = a.Login(from("192.0.2.1"), "correct horse")
	if err := a.Start(); err != nil || !a.Session(with(cookie)) {
		t.Error("settings that were read anew end a session")
	}
	if err := a.Reload("", "another horse"); err != nil || a.Session(with(cookie)) {
		t.Error("another password ends no session")
	}
}
