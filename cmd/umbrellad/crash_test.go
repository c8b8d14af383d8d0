package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"umbrella/internal/config"
	"umbrella/internal/crash"
	"umbrella/internal/usage"
	"umbrella/test/peer"
)

// supervised is a daemon that is started again 1 s after it ends, as procd does by
// openwrt/files/umbrella.init.
type supervised struct {
	mu  sync.Mutex
	cmd *exec.Cmd
	log bytes.Buffer
}

func (s *supervised) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(b)
}

func (s *supervised) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// signal sends one to the daemon that runs now.
func (s *supervised) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

func supervise(t *testing.T, dir string, environ ...string) *supervised {
	s := &supervised{}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			cmd := exec.CommandContext(ctx, os.Args[0], "-config", dir, "-pause", "9s")
			cmd.Env = append(append(os.Environ(), asDaemon+"=1"), environ...)
			cmd.Stdout, cmd.Stderr = s, s
			s.mu.Lock()
			err := cmd.Start()
			s.cmd = cmd
			s.mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
			_ = cmd.Wait()
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
		if t.Failed() {
			t.Log(s.said())
		}
	})
	return s
}

// caller is somebody who comes back as a browser does.
type caller struct {
	name, url string
	peer      *peer.Peer
	stop      func()
}

func (c *caller) join(ctx context.Context) error {
	for {
		c.peer = &peer.Peer{Name: c.name, URL: c.url, Room: "attic"}
		err := c.peer.Join(ctx)
		if err == nil {
			playing, stop := context.WithCancel(context.Background())
			c.stop = func() { stop(); c.peer.Close() }
			c.peer.Play(playing, 10*time.Millisecond)
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// A crash ends the process; the next one has the call back, and tells of the crash
// in its log, in its metrics and in the directory of the state.
func TestCallComesBackAfterACrash(t *testing.T) {
	port := peer.FreePort(t)
	state := filepath.Join(t.TempDir(), "state")
	s := supervise(t, settings(t, "config umbrella main\n"), "UMBRELLA_TLS=off", "UMBRELLA_STATE_DIR="+state,
		fmt.Sprintf("UMBRELLA_LISTEN=127.0.0.1:%d", port), fmt.Sprintf("UMBRELLA_MEDIA_PORT=%d", peer.FreePort(t)))
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	url := fmt.Sprintf("127.0.0.1:%d", port)
	ada, bob := &caller{name: "Ada", url: "ws://" + url + "/wsb"}, &caller{name: "Bob", url: "ws://" + url + "/wsb"}
	call := func() {
		t.Helper()
		for _, c := range []*caller{ada, bob} {
			if err := c.join(ctx); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
		}
		for _, err := range []error{ada.peer.Gets(ctx, bob.peer), bob.peer.Gets(ctx, ada.peer)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	call()
	began := time.Now()
	s.signal(t, crashSignal)
	ada.stop()
	bob.stop()
	call()
	defer ada.stop()
	defer bob.stop()
	t.Logf("sound and pictures both ways %v after the crash, 1 s of it the supervisor's", time.Since(began).Round(time.Millisecond))

	const why = "panic: as a packet may cause one"
	for _, want := range []string{why, "level=ERROR msg=\"started again after a crash\"", "reason=\"" + why} {
		if !strings.Contains(s.said(), want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	if kept, err := os.ReadFile(filepath.Join(state, crash.LastFile)); err != nil || !strings.Contains(string(kept), why) {
		t.Errorf("what is kept: %q, %v", kept, err)
	}
	for path, want := range map[string]string{
		"/metrics": `umbrella_panics_total{where="process"} 1`, "/status": `"lastCrashReason":"` + why,
	} {
		r, err := http.Get("http://" + url + path)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if text := strings.ReplaceAll(string(b), `": "`, `":"`); !strings.Contains(text, want) {
			t.Errorf("%s answers %s without %s: %s", path, r.Status, want, text)
		}
	}
}

// waiting is a node that cannot start by some settings.
type waiting struct {
	stubborn
	started chan int // gets the media port of each attempt
}

func (w *waiting) Start(cfg *config.Config) error {
	w.started <- cfg.Main.MediaPort
	if cfg.Main.MediaPort == 1 {
		return errors.New("port taken")
	}
	return nil
}

func (w *waiting) Close(context.Context) error { return nil }

// A node that cannot start does not exit where it has a pause. It tries again when it is
// asked to reload, by the settings as they are then, and whoever asked is told how that
// went; a signal ends it.
func TestStartsAgain(t *testing.T) {
	settings := func(port int) *config.Config {
		return &config.Config{Main: config.Main{Enabled: true, StateDir: t.TempDir(), MediaPort: port}}
	}
	w := &waiting{started: make(chan int)}
	var current atomic.Pointer[config.Config]
	current.Store(settings(1))
	asked := make(chan func(context.Context) error, 1)
	d := &daemon{
		Load: func() (*config.Config, error) { return current.Load(), nil },
		NewNode: func(_ *slog.Logger, reload func(context.Context) error) runner {
			asked <- reload
			return w
		},
		Stdout: io.Discard, Stderr: io.Discard, Pause: time.Hour, StopTimeout: time.Minute,
	}
	signals, ended := make(chan os.Signal), make(chan int, 1)
	run := func() { ended <- d.Run(current.Load(), signals) }
	go run()
	reload := <-asked
	<-w.started
	answer := make(chan error, 1)
	ask := func() { answer <- reload(t.Context()) }
	go ask()
	<-w.started
	if err := <-answer; err == nil || err.Error() != "port taken" {
		t.Errorf("the one who asked is told %v", err)
	}
	current.Store(settings(2))
	go ask()
	if port := <-w.started; port != 2 {
		t.Errorf("it tries port %d", port)
	}
	if err := <-answer; err != nil {
		t.Errorf("the one who asked is told %v", err)
	}
	signals <- syscall.SIGTERM
	if code := <-ended; code != usage.OK {
		t.Errorf("exit code %d", code)
	}

	current.Store(settings(1))
	go run()
	<-asked
	<-w.started
	signals <- syscall.SIGHUP
	<-w.started
	signals <- syscall.SIGTERM
	if code := <-ended; code != usage.Failure {
		t.Errorf("exit code %d of a node that never started", code)
	}
}
