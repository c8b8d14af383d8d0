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
	// A start that fails tells and keeps nothing.
	if start(); log.Len() > 0 {
		t.Errorf("it is told before the node serves: %s", log.String())
	}
	if err := start().Started(); err != nil {
		t.Fatal(err)
	}
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
	if err := a.Started(); err != nil || log.Len() > 0 {
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

// A password that nobody could read is not kept, nor one that could not be: the next
// start shows another one.
func TestFirstPasswordThatIsLost(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	shut, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	shut.Close()
	dir := t.TempDir()
	for _, to := range []io.Writer{null, shut} {
		a := &Admins{StateDir: dir, Tell: to}
		if err := a.Start(); err != nil {
			t.Fatal(err)
		}
		if err := a.Started(); err == nil || !strings.Contains(err.Error(), "the next start makes another one") {
			t.Errorf("%v", err)
		}
		if _, err := os.Stat(filepath.Join(dir, adminFile)); err == nil {
			t.Error("it is kept")
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var told bytes.Buffer
	a := &Admins{StateDir: dir, Tell: &told}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	a.made.file = filepath.Join(file, adminFile) // no directory
	if err := a.Started(); err == nil || !strings.Contains(err.Error(), "holds until the node ends") {
		t.Errorf("%v", err)
	}
	_, secret, _ := strings.Cut(strings.TrimSpace(told.String()), "password=")
	if _, err := a.Login(Client{}, secret); err != nil {
		t.Errorf("%q: %v", secret, err)
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
