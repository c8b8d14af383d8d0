package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"umbrella/internal/access"
	"umbrella/internal/usage"
	"umbrella/test/peer"
)

// patience is how long a test waits for what is to come at all.
const patience = 30 * time.Second

// process is a daemon in a process of its own.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	dir    string // of the settings
	env    []string
	lines  chan string
	exited chan int // gets the exit code
}

// start runs a daemon by the settings, on ports that are free. More variables go
// over those that see to that.
func start(t *testing.T, text string, more ...string) *process {
	t.Helper()
	p := &process{t: t, dir: t.TempDir(), lines: make(chan string, 1000), exited: make(chan int, 1)}
	p.configure(text)
	p.cmd = exec.Command(os.Args[0], "-config", p.dir)
	p.env = append([]string{
		fmt.Sprintf("UMBRELLA_LISTEN=127.0.0.1:%d", peer.FreePort(t)),
		fmt.Sprintf("UMBRELLA_MEDIA_PORT=%d", peer.FreePort(t)),
		"UMBRELLA_STATE_DIR=" + filepath.Join(t.TempDir(), "state"),
	}, more...)
	p.cmd.Env = append(append(os.Environ(), asDaemon+"=1"), p.env...)
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for _, r := range []io.Reader{stdout, stderr} {
		readers.Go(func() {
			for s := bufio.NewScanner(r); s.Scan(); {
				p.lines <- s.Text()
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		readers.Wait()
		_ = p.cmd.Wait()
		p.exited <- p.cmd.ProcessState.ExitCode()
		close(p.lines)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-done
	})
	return p
}

// configure replaces the settings, at once as uci does.
func (p *process) configure(text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, "umbrella")
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	// A signal before this one may have ended it.
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// expect waits for a line with the text, and returns it.
func (p *process) expect(text string) string {
	p.t.Helper()
	var seen []string
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.t.Fatalf("ended without saying %q:\n%s", text, strings.Join(seen, "\n"))
			}
			if strings.Contains(line, text) {
				return line
			}
			seen = append(seen, line)
		case <-timeout:
			p.t.Fatalf("does not say %q:\n%s", text, strings.Join(seen, "\n"))
		}
	}
}

// exit waits for the process to end, and returns its exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case code := <-p.exited:
		return code
	case <-time.After(patience):
		p.t.Fatal("does not end")
		return 0
	}
}

func TestStopsBySignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := start(t, "config umbrella main\n")
		p.expect("Umbrella " + version + " is running.")
		p.signal(sig)
		p.expect("msg=stopped")
		if code := p.exit(); code != usage.OK {
			t.Errorf("%v: exit code %d", sig, code)
		}
	}
}

func TestReload(t *testing.T) {
	p := start(t, "config umbrella main\n")
	p.expect("is running.")

	p.configure("config umbrella main\n option tls maybe\nconfig camera c\n option url rtsp://u:hunter2@\n")
	p.signal(syscall.SIGHUP)
	if line := p.expect("option 'tls': 'maybe' is not allowed"); !strings.Contains(line, "level=ERROR") {
		t.Errorf("got %s", line)
	}
	if line := p.expect("option 'url'"); strings.Contains(line, "hunter2") {
		t.Errorf("got %s", line)
	}
	p.expect("the ones that run stay")

	p.configure("config umbrella main\n option log_level debug\nconfig room lobby\n option access open\n option password unused\n")
	p.signal(syscall.SIGHUP)
	p.expect("option 'password' is not asked for")
	p.expect("settings applied")

	// The level of the log is among what is applied.
	p.configure("config umbrella main\n option log_level error\n")
	p.signal(syscall.SIGHUP)
	p.configure("config umbrella main\n option log_level nonsense\n")
	for range 3 {
		p.signal(syscall.SIGHUP)
	}
	p.expect("the ones that run stay")

	p.configure("config umbrella main\n option enabled 0\n")
	p.signal(syscall.SIGHUP)
	p.expect("Umbrella is not enabled")
	if code := p.exit(); code != usage.OK {
		t.Errorf("exit code %d", code)
	}
}

// byFile takes the variables away that start sets, so that all comes from the file.
var byFile = []string{"UMBRELLA_LISTEN=", "UMBRELLA_MEDIA_PORT=", "UMBRELLA_STATE_DIR="}

// A file that was emptied, as at a power cut, or removed does not change what runs.
func TestReloadOfNoFile(t *testing.T) {
	p := start(t, fmt.Sprintf("config umbrella main\n option listen 127.0.0.1:%d\n option media_port %d\n option state_dir '%s'\n option tls off\n",
		peer.FreePort(t), peer.FreePort(t), t.TempDir()), byFile...)
	p.expect("is running.")
	p.configure("")
	p.signal(syscall.SIGHUP)
	p.expect("/umbrella: it is empty")
	p.expect("the ones that run stay")
	if err := os.Remove(filepath.Join(p.dir, "umbrella")); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	p.expect("/umbrella: it is gone")
	p.expect("the ones that run stay")
}

func TestNotEnabled(t *testing.T) {
	p := start(t, "config umbrella main\n option enabled 0\n")
	p.expect("Umbrella is not enabled")
	if code := p.exit(); code != usage.OK {
		t.Errorf("exit code %d", code)
	}
}

func TestCannotStart(t *testing.T) {
	for text, want := range map[string]string{
		"config umbrella main\n option media_port 99999\n option tls maybe\n": "option 'tls': 'maybe' is not allowed",
		"":                    "it is empty",
		"config room 'den'\n": "it has no section config umbrella 'main'",
	} {
		p := start(t, text, byFile...)
		p.expect(want)
		if code := p.exit(); code != usage.Settings {
			t.Errorf("%q: exit code %d", text, code)
		}
	}
}

// A start that fails because the port is in use does not use up the first password: the
// start that succeeds shows it, and it opens the door.
func TestFirstPasswordAfterAFailedStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	state := "UMBRELLA_STATE_DIR=" + filepath.Join(t.TempDir(), "state")
	failing := start(t, "config umbrella main\n", state, "UMBRELLA_LISTEN="+taken.Addr().String())
	failing.expect("could not start")
	if code := failing.exit(); code != usage.Failure {
		t.Fatalf("it ended with %d", code)
	}
	for i := range 2 {
		p := start(t, "config umbrella main\n", state)
		if i == 0 {
			_, secret, _ := strings.Cut(p.expect("admin password made"), "password=")
			p.expect("is running.")
			admins := &access.Admins{StateDir: strings.TrimPrefix(state, "UMBRELLA_STATE_DIR="), Tell: io.Discard}
			if err := admins.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := admins.Login(access.Client{}, secret); err != nil {
				t.Errorf("%q does not hold: %v", secret, err)
			}
		} else if line := p.expect(""); strings.Contains(line, "admin password made") {
			t.Error("it is shown again")
		} else {
			for ; !strings.Contains(line, "is running."); line = p.expect("") {
				if strings.Contains(line, "admin password made") {
					t.Error("it is shown again")
				}
			}
		}
		p.signal(syscall.SIGTERM)
		if code := p.exit(); code != usage.OK {
			t.Errorf("it ended with %d", code)
		}
	}
}
