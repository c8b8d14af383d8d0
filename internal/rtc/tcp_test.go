package rtc

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"testing"
	"time"
)

// However many connect to the media port and say nothing, from one address or many,
// there is room for the next one.
func TestManyStrangers(t *testing.T) {
	e := &Engine{Log: slog.New(slog.DiscardHandler)}
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(t.Context()) })
	var crowd []net.Conn
	t.Cleanup(func() {
		for _, c := range crowd {
			_ = c.Close()
		}
	})
	open := func() int {
		e.accepted.mu.Lock()
		defer e.accepted.mu.Unlock()
		return len(e.accepted.open)
	}
	dial := func(from string) net.Conn {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		c, err := d.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(e.MediaPort)))
		if err != nil {
			t.Fatal(err)
		}
		crowd = append(crowd, c)
		return c
	}
	// cut waits until the other side has ended the connection.
	cut := func(c net.Conn) bool {
		_ = c.SetReadDeadline(time.Now().Add(strangerPatience / 2))
		_, err := c.Read(make([]byte, 1))
		return !errors.Is(err, os.ErrDeadlineExceeded)
	}
	for range 3 * maxStrangersOfOne {
		dial("127.0.0.1")
	}
	for i, c := range crowd[:2*maxStrangersOfOne] {
		if !cut(c) {
			t.Fatalf("the connection number %d of %d is kept", i, len(crowd))
		}
	}
	if n := open(); n > maxStrangersOfOne {
		t.Errorf("%d connections of one are open", n)
	}
	for i := range 2 * maxStrangers {
		dial(fmt.Sprintf("127.1.%d.%d", i/200, 1+i%200))
	}
	last := key(dial("127.0.0.2").LocalAddr().(*net.TCPAddr).AddrPort())
	for end := time.Now().Add(strangerPatience); e.accepted.conn(last) == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the last one is not taken")
		}
	}
	if n := open(); n > maxStrangers {
		t.Errorf("%d connections of strangers are open", n)
	}
}
