package ubus

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// line is one message of a recording.
type line struct {
	toBus bool
	raw   []byte
	*message
}

// recording reads testdata/NAME.txt.
func recording(t testing.TB, name string) []line {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []line
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxMessage)
	for lines.Scan() {
		direction, text, _ := strings.Cut(lines.Text(), " ")
		if direction == "#" {
			continue
		}
		raw, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		m, err := readMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, line{toBus: direction == ">", raw: raw, message: m})
	}
	if len(all) < 10 {
		t.Fatalf("%d messages read", len(all))
	}
	return all
}

// socketPath is one for a test, short enough for every system.
func socketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ubus")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// play is ubusd's part of a recording: it sends what ubusd sent, and wants what
// libubus sent, byte by byte. before is called with each message that is waited for.
func play(lines []line, l net.Listener, before func(*message)) error {
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	for i, want := range lines {
		if !want.toBus {
			if _, err := conn.Write(want.raw); err != nil {
				return err
			}
			continue
		}
		before(want.message)
		got := make([]byte, len(want.raw))
		n, err := readFull(conn, got)
		if err != nil || !bytes.Equal(got, want.raw) {
			return fmt.Errorf("message %d: got %x, %v\nwant %x", i, got[:n], err, want.raw)
		}
	}
	// What is left is the end.
	if n, err := conn.Read(make([]byte, 1)); n != 0 {
		return fmt.Errorf("after the last message came another: %v", err)
	}
	return nil
}

func readFull(conn net.Conn, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var k int
		k, err = conn.Read(b[n:])
		n += k
	}
	return n, err
}

// startPlay plays in the background; the channel gives the outcome.
func startPlay(t *testing.T, name string, before func(*message)) (path string, done chan error) {
	t.Helper()
	path = socketPath(t)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done = make(chan error, 1)
	lines := recording(t, name)
	go func() {
		defer l.Close()
		done <- play(lines, l, before)
	}()
	return path, done
}

func closeClient(t *testing.T, c *Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.Close(ctx); err != nil {
		t.Error(err)
	}
}

// TestRecordedPublish: the client says what libubus said when it published the
// same object, answered the same calls, sent the same event and went.
func TestRecordedPublish(t *testing.T) {
	c := &Client{Object: "umbrella", Log: slog.New(slog.DiscardHandler)}
	var kicked struct{ Room, Participant string }
	c.Methods = map[string]Method{
		"status": {Handler: func(_ context.Context, call *Call) (any, error) {
			if call.User != "root" || call.Group != "root" {
				t.Errorf("called by %s:%s", call.User, call.Group)
			}
			type room struct {
				Name         string `json:"name"`
				Participants int    `json:"participants"`
			}
			return struct {
				Version string  `json:"version"`
				Rooms   []room  `json:"rooms"`
				Loss    float64 `json:"loss"`
				Bytes   uint64  `json:"bytes"`
				Open    bool    `json:"open"`
			}{"1.2.3", []room{{"lobby", 2}}, 0.25, 5000000000, true}, nil
		}},
		"kick": {
			Policy: map[string]Type{"room": String, "participant": String},
			Handler: func(_ context.Context, call *Call) (any, error) {
				if err := call.Decode(&kicked); err != nil {
					return nil, err
				}
				return nil, StatusNotFound
			},
		},
	}
	closed := make(chan struct{})
	path, done := startPlay(t, "publish", func(next *message) {
		switch {
		case next.kind == messageInvoke:
			type join struct {
				Room string `json:"room"`
				Name string `json:"name"`
			}
			if err := c.Event("umbrella.join", join{"lobby", "Ann"}); err != nil {
				t.Error(err)
			}
		case next.kind == messageRemoveObject:
			go func() {
				defer close(closed)
				closeClient(t, c)
			}()
		}
	})
	c.Path = path
	c.Start()
	if err := <-done; err != nil {
		closeClient(t, c)
		t.Fatal(err)
	}
	<-closed
	if kicked.Room != "lobby" || kicked.Participant != "p1" {
		t.Errorf("kicked %+v", kicked)
	}
}

// TestRecordedStations: the client asks as libubus asked, and understands what
// came from a bus.
func TestRecordedStations(t *testing.T) {
	path, done := startPlay(t, "stations", func(*message) {})
	c := &Client{Path: path, Log: slog.New(slog.DiscardHandler)}
	c.Start()
	stop := func() error {
		closeClient(t, c)
		return <-done
	}
	waitFor(t, "the connection", c.Connected)
	s := Stations{Client: c, readNeighbours: func() (map[netip.Addr]string, error) {
		return map[netip.Addr]string{
			netip.MustParseAddr("192.168.1.7"): "02:00:00:00:00:02",
			netip.MustParseAddr("fe80::2"):     "02:00:00:00:00:02",
			netip.MustParseAddr("192.168.1.8"): "02:00:00:00:00:08",
		}, nil
	}}
	list, err := s.List()
	if err != nil {
		t.Fatal(err, stop())
	}
	second := Station{
		MAC: "02:00:00:00:00:02", Interface: "phy1-ap0", Frequency: 5180, Signal: -71,
		ReceiveRate: 866700000, TransmitRate: 780000000,
		ReceiveAirtime: 183410 * time.Microsecond, TransmitAirtime: 920011 * time.Microsecond,
	}
	first := second
	first.MAC, first.Signal = "02:00:00:00:00:01", -47
	want := []Station{{MAC: "02:00:00:00:00:03", Interface: "phy0-ap0", Frequency: 2437}, first, second}
	if !reflect.DeepEqual(list, want) {
		t.Errorf("got %+v\nwant %+v", list, want)
	}
	for _, ip := range []string{"192.168.1.7", "::ffff:192.168.1.7", "fe80::2%wlan0"} {
		if got, ok := s.Find(netip.MustParseAddr(ip)); !ok || got != second {
			t.Errorf("%s: got %+v, %v", ip, got, ok)
		}
	}
	for _, ip := range []string{"192.168.1.8", "192.168.1.9"} {
		if got, ok := s.Find(netip.MustParseAddr(ip)); ok {
			t.Errorf("%s: got %+v", ip, got)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// waitFor waits until it is so.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for range 1000 {
		if so() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}
