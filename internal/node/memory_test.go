package node

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"umbrella/internal/memory"
	"umbrella/test/peer"
)

// offer is what a program sends to publish by WHIP, or to watch by WHEP.
func offer(t *testing.T, direction webrtc.RTPTransceiverDirection) string {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: direction}); err != nil {
		t.Fatal(err)
	}
	o, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	return o.SDP
}

func post(t *testing.T, url, offer string) (*http.Response, string) {
	t.Helper()
	r, err := http.Post(url, "application/sdp", bytes.NewReader([]byte(offer)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(b)
}

// Short of memory, the node refuses whoever is new, in words, and those who are
// in a call notice nothing.
func TestShortOfMemory(t *testing.T) {
	const mib = 1 << 20
	var available, asked atomic.Int64
	available.Store(60 * mib)
	cfg := settings(t, "\toption tls 'off'\n")
	n := &Node{Log: slog.New(slog.DiscardHandler), Stderr: io.Discard, Memory: &memory.Admission{
		Read: func() memory.Figures {
			return memory.Figures{
				Limit: 64 * mib, Needed: 20 * mib,
				Machine: memory.Area{Total: 120 * mib, Available: uint64(available.Load())},
			}
		},
		Collect: func() {},
		// Each question comes a second after the one before.
		Now: func() time.Time { return time.Unix(asked.Add(1), 0) },
		Log: slog.New(slog.DiscardHandler), LimitedBy: "the machine's memory",
	}}
	if err := n.Start(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := n.Close(ctx); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	home := "http://" + cfg.Main.Listen
	newPeer := func(name string) *peer.Peer {
		p := &peer.Peer{URL: "ws://" + cfg.Main.Listen + "/wsb", Room: "room", Name: name}
		t.Cleanup(p.Close)
		return p
	}
	short := func(want bool) {
		t.Helper()
		var st struct {
			Process struct {
				MemoryLimitBytes, MemoryAvailableBytes, MemoryNeededBytes, MemoryMostNeededBytes, MemoryTotalBytes string
				MemoryLimitedBy, ShortOfMemoryReason                                                               string
				ShortOfMemory                                                                                      bool
			}
		}
		_, body := get(t, home+"/status")
		if err := json.Unmarshal([]byte(body), &st); err != nil {
			t.Fatal(err)
		}
		p := st.Process
		if p.ShortOfMemory != want || p.MemoryLimitBytes != "67108864" || p.MemoryAvailableBytes == "0" {
			t.Errorf("/status: %+v", p)
		}
		// Against the limits that hold, with words.
		if p.MemoryNeededBytes != "20971520" || p.MemoryMostNeededBytes != "36909875" || p.MemoryTotalBytes != "125829120" ||
			p.MemoryLimitedBy != "the machine's memory" || strings.Contains(p.ShortOfMemoryReason, " MiB are left") != want {
			t.Errorf("/status: %+v", p)
		}
	}

	a, b := newPeer("Ada"), newPeer("Bob")
	for _, p := range []*peer.Peer{a, b} {
		if err := p.Join(soon(t)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	a.Play(ctx, 10*time.Millisecond)
	gets(t, b, a)
	short(false)

	available.Store(5 * mib)
	const words = "this access point is short of memory: 5 MiB of 120 MiB are left"
	err := newPeer("Cy").Join(soon(t))
	if err == nil || !strings.Contains(err.Error(), "CODE_UNAVAILABLE") || !strings.Contains(err.Error(), words) {
		t.Errorf("a browser: %v", err)
	}
	for path, direction := range map[string]webrtc.RTPTransceiverDirection{
		"/whip/room":             webrtc.RTPTransceiverDirectionSendonly,
		"/whip/another?name=obs": webrtc.RTPTransceiverDirectionSendonly,
		"/whep/room":             webrtc.RTPTransceiverDirectionRecvonly,
		"/whep/room/" + a.ID():   webrtc.RTPTransceiverDirectionRecvonly,
	} {
		r, body := post(t, home+path, offer(t, direction))
		if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" || !strings.Contains(body, words) {
			t.Errorf("%s: %s, Retry-After %q: %s", path, r.Status, r.Header.Get("Retry-After"), body)
		}
	}
	short(true)
	gets(t, b, a)
	// Who lost the socket only is no new one.
	b.Drop()
	if err := b.Resume(soon(t)); err != nil {
		t.Errorf("coming back: %v", err)
	}
	gets(t, b, a)

	available.Store(60 * mib)
	if err := newPeer("Dee").Join(soon(t)); err != nil {
		t.Error(err)
	}
	if r, body := post(t, home+"/whep/room", offer(t, webrtc.RTPTransceiverDirectionRecvonly)); r.StatusCode != http.StatusCreated {
		t.Errorf("%s: %s", r.Status, body)
	}
	short(false)
}

func TestKeepGroup(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct{ machine, cgroup, want uint64 }{
		{0, 0, 4}, {64, 0, 4}, {384, 0, 6}, {384, 320, 5}, {0, 448, 7}, {8192, 0, 8}, {8192, 128, 4},
	} {
		m := &memory.Admission{Log: slog.New(slog.DiscardHandler), Collect: func() {}, Read: func() memory.Figures {
			return memory.Figures{Machine: memory.Area{Total: c.machine * mib}, Cgroup: memory.Area{Total: c.cgroup * mib}}
		}}
		if got := keepGroup(m); uint64(got) != c.want*mib {
			t.Errorf("%d and %d MiB: %d bytes", c.machine, c.cgroup, got)
		}
	}
	if got := keepGroup(nil); got != 4*mib {
		t.Errorf("not known: %d bytes", got)
	}
}
