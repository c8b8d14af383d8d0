package backhaul

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
)

// An attempt that nobody answers is not waited for: another one begins beside it,
// and what ends first counts. Nothing of the others is left.
func TestAttemptsOverlap(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	refused := errors.New("refused")
	for name, c := range map[string]struct {
		conn net.Conn
		err  error
	}{"one that comes through": {here, nil}, "one that is refused": {nil, refused}} {
		var begun, ended atomic.Int32
		late, lateThere := net.Pipe()
		conn, err := overlapping(context.Background(), func(ctx context.Context) (net.Conn, error) {
			defer ended.Add(1)
			switch begun.Add(1) {
			case 1: // into a dead link
				<-ctx.Done()
				return nil, ctx.Err()
			case 2: // too late
				<-ctx.Done()
				return late, nil
			}
			return c.conn, c.err
		})
		if conn != c.conn || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, %v", name, conn, err)
		}
		if begun.Load() != 3 || ended.Load() != 3 {
			t.Errorf("%s: %d attempts were begun, %d have ended", name, begun.Load(), ended.Load())
		}
		if _, err := lateThere.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s: the connection that came too late is open", name)
		}
	}
}

func TestAttemptsEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	conn, err := overlapping(ctx, func(ctx context.Context) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if conn != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", conn, err)
	}
}
