package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"umbrella/internal/config"
	"umbrella/internal/usage"
)

// stubborn is a node that does not do what it should, which a real one cannot
// be made to do. A nil channel is never ready, so what waits for it hangs.
type stubborn struct {
	startError, applyError, closeError error
	applying, applied                  chan struct{} // Apply says it is there, and waits
	closing, closed                    chan struct{} // so does Close
	applies                            atomic.Int32
}

func (s *stubborn) Start(*config.Config) error { return s.startError }
func (s *stubborn) URLs() []string {
	return []string{"https://ap.lan:8081/sfu", "https://192.0.2.1:8081/sfu"}
}

func (s *stubborn) Apply(*config.Config) error {
	s.applies.Add(1)
	s.applying <- struct{}{}
	<-s.applied
	return s.applyError
}

func (s *stubborn) Close(context.Context) error {
	s.closing <- struct{}{}
	<-s.closed
	return s.closeError
}

// running is a daemon with a stubborn node.
type running struct {
	signals        chan os.Signal
	code           chan int
	stdout, stderr bytes.Buffer // to be read after code
}

func runStubborn(s *stubborn, timeout time.Duration) *running {
	r := &running{signals: make(chan os.Signal, 16), code: make(chan int, 1)}
	cfg := &config.Config{Main: config.Main{Enabled: true}}
	d := &daemon{
		Version:     "1.2.3",
		Load:        func() (*config.Config, error) { return cfg, nil },
		NewNode:     func(*slog.Logger, func(context.Context) error) runner { return s },
		Stdout:      &r.stdout,
		Stderr:      &r.stderr,
		StopTimeout: timeout,
	}
	go func() { r.code <- d.Run(cfg, r.signals) }()
	return r
}

func (r *running) want(t *testing.T, code int, said string) {
	t.Helper()
	select {
	case got := <-r.code:
		if got != code || !strings.Contains(r.stderr.String(), said) {
			t.Errorf("exit code %d, want %d with %q; log:\n%s", got, code, said, r.stderr.String())
		}
	case <-time.After(patience):
		t.Fatalf("does not end, want %q", said)
	}
}

func ready() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func TestURLsAreShown(t *testing.T) {
	r := runStubborn(&stubborn{closing: make(chan struct{}, 1), closed: ready()}, patience)
	r.signals <- syscall.SIGTERM
	r.want(t, usage.OK, "stopped")
	want := "Umbrella 1.2.3 is running.\nOpen https://ap.lan:8081/sfu\nOpen https://192.0.2.1:8081/sfu\n"
	if r.stdout.String() != want {
		t.Errorf("got %q, want %q", r.stdout.String(), want)
	}
}

func TestStartError(t *testing.T) {
	r := runStubborn(&stubborn{startError: errors.New("port taken")}, patience)
	r.want(t, usage.Failure, "port taken")
	if r.stdout.Len() > 0 {
		t.Errorf("said %q", r.stdout.String())
	}
}

func TestCloseError(t *testing.T) {
	r := runStubborn(&stubborn{closing: make(chan struct{}, 1), closed: ready(), closeError: errors.New("cut off")}, patience)
	r.signals <- syscall.SIGTERM
	r.want(t, usage.Failure, "cut off")
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	s := &stubborn{closing: make(chan struct{})}
	r := runStubborn(s, time.Hour)
	r.signals <- syscall.SIGTERM
	<-s.closing
	r.signals <- syscall.SIGHUP // is no reason to hurry
	r.signals <- syscall.SIGINT
	r.want(t, usage.Failure, "second signal")
}

func TestStopHasALimit(t *testing.T) {
	r := runStubborn(&stubborn{closing: make(chan struct{}, 1)}, 10*time.Millisecond)
	r.signals <- syscall.SIGTERM
	r.want(t, usage.Failure, "could not stop in time")
}

// An Apply that hangs holds up neither signals nor the end.
func TestStopDuringApply(t *testing.T) {
	s := &stubborn{applying: make(chan struct{}), closing: make(chan struct{}, 1), closed: ready()}
	r := runStubborn(s, 50*time.Millisecond)
	r.signals <- syscall.SIGHUP
	<-s.applying
	r.signals <- syscall.SIGTERM
	r.want(t, usage.OK, "stopped")
}

// Reloads that come during one become one more.
func TestReloadsAreGathered(t *testing.T) {
	s := &stubborn{
		applying: make(chan struct{}), applied: make(chan struct{}), applyError: errors.New("port taken"),
		closing: make(chan struct{}, 1), closed: ready(),
	}
	r := runStubborn(s, patience)
	r.signals <- syscall.SIGHUP
	<-s.applying
	for range 5 {
		r.signals <- syscall.SIGHUP
	}
	for len(r.signals) > 0 {
		time.Sleep(time.Millisecond)
	}
	s.applied <- struct{}{}
	<-s.applying
	s.applied <- struct{}{}
	r.signals <- syscall.SIGTERM
	r.want(t, usage.OK, "port taken")
	if n := s.applies.Load(); n != 2 {
		t.Errorf("applied %d times, want 2", n)
	}
}
