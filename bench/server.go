package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"syscall"
	"time"

	"umbrella/bench/internal/load"
	"umbrella/bench/internal/report"
)

const (
	// startPatience is how long a server may take until it listens, and
	// stopPatience how long to end when it is asked to.
	startPatience = 15 * time.Second
	stopPatience  = 5 * time.Second
	// maxOutput is how much is kept of what a server says, in bytes: it is shown
	// when the server ends by itself.
	maxOutput = 16 << 10
)

// anew measures another server that is started for the work, as ours is.
func (v *other) anew(ctx context.Context, o *options, work load.Work) (row report.Row, err error) {
	s, err := startServer(ctx, v.command, v.target.WHIP)
	if err != nil {
		return row, err
	}
	defer s.stop()
	if row, err = o.measure(ctx, v.name, v.target, work, s.pid()); err != nil {
		return row, s.explain(err)
	}
	return row, nil
}

// server is a process that was started here.
type server struct {
	command *exec.Cmd
	output  tail
	ended   chan struct{} // closed when it has; then err is set
	err     error
}

// startServer runs a shell command that becomes a server, and waits until that
// listens at the host and port of an address.
func startServer(ctx context.Context, command, address string) (*server, error) {
	u, err := url.Parse(address)
	if err != nil || u.Port() == "" {
		return nil, fmt.Errorf("%q names no port to wait for", address)
	}
	if listens(ctx, u.Host) {
		return nil, fmt.Errorf("something listens at %s already", u.Host)
	}
	s := &server{ended: make(chan struct{})}
	// The shell becomes the server, so that its process is the one to measure.
	s.command = exec.Command("sh", "-c", "exec "+command)
	s.command.Stdout, s.command.Stderr = &s.output, &s.output
	s.command.WaitDelay = stopPatience
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("starting %q: %w", command, err)
	}
	go func() {
		s.err = s.command.Wait()
		close(s.ended)
	}()
	deadline := time.NewTimer(startPatience)
	defer deadline.Stop()
	for !listens(ctx, u.Host) {
		select {
		case <-s.ended:
			return nil, s.explain(fmt.Errorf("%q does not listen at %s", command, u.Host))
		case <-deadline.C:
			s.stop()
			return nil, s.explain(fmt.Errorf("%q does not listen at %s within %v", command, u.Host, startPatience))
		case <-ctx.Done():
			s.stop()
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return s, nil
}

func listens(ctx context.Context, address string) bool {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

func (s *server) pid() int { return s.command.Process.Pid }

// explain adds to an error that the server has ended, and what it said.
func (s *server) explain(err error) error {
	select {
	case <-s.ended:
		return fmt.Errorf("%w; it has ended (%w) and said:\n%s", err, errors.Join(s.err, errEnded), s.output.text())
	default:
		return err
	}
}

var errEnded = errors.New("by itself, or when it was asked to")

// stop ends the server and waits until it has.
func (s *server) stop() {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(stopPatience):
		_ = s.command.Process.Kill()
		<-s.ended
	}
}

// tail keeps the end of what is written to it. One goroutine writes, and it is
// read when that has ended.
type tail struct{ b bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if over := n - maxOutput; over > 0 {
		p = p[over:]
	}
	if over := t.b.Len() + len(p) - maxOutput; over > 0 {
		t.b.Next(over)
	}
	t.b.Write(p)
	return n, nil
}

func (t *tail) text() string { return t.b.String() }
