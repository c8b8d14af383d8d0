package signal_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"umbrella/internal/rtc"
	"umbrella/internal/sfu"
	"umbrella/internal/signal"
	umbrellav1 "umbrella/proto/umbrella/v1"
	"umbrella/test/peer"
)

// node is the part of a node that a call needs.
type node struct {
	*sfu.SFU
	server *signal.Server
	url    string
}

func startNode(t *testing.T) *node {
	t.Helper()
	level := slog.LevelWarn
	if os.Getenv("UMBRELLA_TEST_DEBUG") != "" {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	n := &node{SFU: &sfu.SFU{}}
	engine := &rtc.Engine{Log: log}
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	n.server = &signal.Server{
		SFU: n.SFU, Engine: engine, Log: log,
		Admit:       func(*http.Request, string, string) error { return nil },
		Refusal:     func(error) umbrellav1.Error_Code { return umbrellav1.Error_CODE_FORBIDDEN },
		CheckOrigin: func(*http.Request) error { return nil },
	}
	n.server.Start()
	web := httptest.NewServer(n.server)
	n.url = "ws" + strings.TrimPrefix(web.URL, "http")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := n.server.Close(ctx); err != nil {
			t.Error(err)
		}
		web.Close()
		if err := n.SFU.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := engine.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return n
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (n *node) join(t *testing.T, p *peer.Peer) *peer.Peer {
	t.Helper()
	p.URL = n.url
	if p.Room == "" {
		p.Room = "room"
	}
	if err := p.Join(soon(t)); err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	return p
}

// hears waits until b gets sound and pictures of a.
func hears(t *testing.T, b, a *peer.Peer) {
	t.Helper()
	id := a.ID()
	if err := b.Wait(soon(t), func() bool {
		audio, video := b.From(id)
		return audio > 10 && video > 20
	}); err != nil {
		t.Fatalf("%s gets nothing of %s: %v", b.Name, a.Name, err)
	}
}

func TestCall(t *testing.T) {
	defer goleak.VerifyNone(t)
	t.Run("two", func(t *testing.T) {
		n := startNode(t)
		ctx, stop := context.WithCancel(t.Context())
		a := n.join(t, &peer.Peer{Name: "Ada"})
		defer a.Close()
		a.Play(ctx, 10*time.Millisecond)
		b := n.join(t, &peer.Peer{Name: "Bob"})
		defer b.Close()
		b.Play(ctx, 10*time.Millisecond)
		defer stop()
		hears(t, b, a)
		hears(t, a, b)
	})
}
