package crash

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"umbrella/internal/bound"
)

// asVictim makes a test binary do what crashes, in a directory.
const asVictim = "CRASH_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asVictim); dir != "" {
		victim(dir)
	}
	goleak.VerifyTestMain(m)
}

// victim crashes as a goroutine does that is contained, but changes what all share.
func victim(dir string) {
	if _, err := Record(dir, time.Now()); err != nil {
		panic(err)
	}
	shared = append(shared, "umbrella/internal/crash.changeRoom")
	serve := Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		defer time.Sleep(time.Hour) // what waits for a lock that is still held
		defer func() {
			var err error
			defer Contain(Signal, "", &err)
			changeRoom(nil)
		}()
	}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() { _ = http.Serve(l, serve) }() //nolint:gosec // of this test only
	_, _ = http.Get("http://" + l.Addr().String())
	os.Exit(0)
}

//go:noinline
func changeRoom(m map[string]int) { m["room"]++ }

// logged has contained panics logged to a buffer during a test, as the daemon does.
func logged(t *testing.T) *bytes.Buffer {
	var b bytes.Buffer
	LogTo(slog.New(bound.NewLog(slog.NewTextHandler(&b, nil))))
	t.Cleanup(func() { logger.Store(nil) })
	return &b
}

func TestCatch(t *testing.T) {
	log, before := logged(t), Count(SDP)
	parse := func(b []byte) (_ byte, err error) {
		defer Catch(SDP, "Eve", &err)
		return b[7], nil
	}
	if _, err := parse(make([]byte, 8)); err != nil {
		t.Error(err)
	}
	_, err := parse(make([]byte, 7))
	if !errors.Is(err, ErrPanic) || strings.Contains(err.Error(), "range") {
		t.Errorf("the error is %v", err)
	}
	if Count(SDP) != before+1 {
		t.Errorf("counted %d times", Count(SDP)-before)
	}
	for _, want := range []string{"level=ERROR", "where=sdp", "who=Eve", "index out of range", "crash.TestCatch.func1:"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in %s", want, log)
		}
	}
}

// Anybody may be able to repeat what panics.
func TestLogIsBounded(t *testing.T) {
	log, before := logged(t), Count(ONVIF)
	for range 1000 {
		func() {
			var err error
			defer Contain(ONVIF, strings.Repeat("x", 1000), &err)
			panic(strings.Repeat("y", 1<<20))
		}()
	}
	if n := Count(ONVIF) - before; n != 1000 {
		t.Errorf("counted %d", n)
	}
	if lines := strings.Count(log.String(), "\n"); lines > 25 || log.Len() > lines*4096 {
		t.Errorf("%d lines of %d bytes", lines, log.Len())
	}
}

func TestHandler(t *testing.T) {
	log, before := logged(t), Count(HTTP)
	s := httptest.NewUnstartedServer(Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/bad":
			panic("bad")
		case "/abort":
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "good")
	})))
	s.Config.ErrorLog = ServerLog(slog.New(slog.DiscardHandler))
	s.Start()
	defer s.Close()
	for _, path := range []string{"/bad", "/abort"} {
		if r, err := s.Client().Get(s.URL + path); err == nil {
			_ = r.Body.Close()
			t.Errorf("%s is answered: %s", path, r.Status)
		}
	}
	r, err := s.Client().Get(s.URL + "/good")
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if n := Count(HTTP) - before; n != 1 || strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "who=127.0.0.1:") || strings.Contains(log.String(), "/bad") {
		t.Errorf("counted %d, logged %s", n, log)
	}
}

// What net/http recovers outside of handlers, as our part of a TLS handshake.
func TestServerLog(t *testing.T) {
	log, before := logged(t), Count(HTTP)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = ServerLog(slog.New(slog.DiscardHandler))
	s.Listener = panicking{s.Listener}
	s.Start()
	if r, err := s.Client().Get(s.URL); err == nil {
		_ = r.Body.Close()
		t.Error("it is answered")
	}
	s.Close() // all has been logged by now
	if Count(HTTP) != before+1 || !strings.Contains(log.String(), "panic=\"http: panic serving") {
		t.Errorf("counted %d, logged %s", Count(HTTP)-before, log)
	}
}

type panicking struct{ net.Listener }

func (l panicking) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return panickingConn{c}, nil
}

type panickingConn struct{ net.Conn }

func (panickingConn) Read([]byte) (int, error) { panic("in the handshake") }

// A panic that came through what all share ends the process, though net/http would
// recover it and something deferred hangs. The next process knows of it.
func TestSharedStateEndsTheProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	crashed := func() string {
		t.Helper()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), asVictim+"="+dir)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		ended := make(chan error, 1)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { ended <- cmd.Wait() }()
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			_ = cmd.Process.Kill()
			t.Fatal("it goes on: ", <-ended)
		}
		if code := cmd.ProcessState.ExitCode(); code != 2 {
			t.Fatalf("it ended with %d: %s", code, &stderr)
		}
		return stderr.String()
	}
	said := crashed()
	const want = "panic: assignment to entry in nil map, at crash.changeRoom:"
	if !strings.HasPrefix(said, want) {
		t.Errorf("it says %s", said)
	}
	crashed() // within a minute of the first one, which it finds and moves
	crashed()
	l, err := Record(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if l.Count != 1 || time.Since(l.At) > time.Minute || !strings.HasPrefix(l.Reason, want) || l.Fresh || Previous() != l {
		t.Errorf("known of it: %+v", l)
	}
	kept, err := os.ReadFile(filepath.Join(dir, LastFile))
	if err != nil || !strings.HasPrefix(string(kept), "1 ") || !strings.Contains(string(kept), "goroutine ") {
		t.Errorf("kept: %v %s", err, kept)
	}
	// A minute later the next one counts.
	old := time.Now().Add(-2 * quietTime)
	kept = bytes.Replace(kept, []byte(l.At.UTC().Format(time.RFC3339)), []byte(old.UTC().Format(time.RFC3339)), 1)
	if err := os.WriteFile(filepath.Join(dir, LastFile), kept, 0o600); err != nil {
		t.Fatal(err)
	}
	crashed()
	if l, err = Record(dir, time.Now()); err != nil || l.Count != 2 || !l.Fresh {
		t.Errorf("known of the second one: %+v %v", l, err)
	}
}

func TestRecordIsBounded(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, outputFile), append([]byte("fatal error: \x1b[2J\xff\n"), make([]byte, 1<<20)...), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		l, err := Record(dir, time.Now())
		if err != nil || l.Count != 1 || l.Reason != "fatal error: [2J\uFFFD" && l.Reason != "fatal error: [2J" || l.Fresh != (i == 0) {
			t.Errorf("time %d: %+v %v", i, l, err)
		}
	}
	var all int64
	for _, name := range []string{outputFile, LastFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			all += info.Size()
		}
	}
	if all > maxKept+100 {
		t.Errorf("%d bytes are kept", all)
	}
	if _, err := Record("/dev/null/state", time.Now()); err == nil {
		t.Error("no error where no directory can be")
	}
}
