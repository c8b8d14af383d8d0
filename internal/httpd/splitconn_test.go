package httpd

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"umbrella/internal/access"
)

// stunned are the first bytes of a STUN message: Allocate, 8 bytes of attributes.
const stunned = "\x00\x03\x00\x08\x21\x12\xa4\x42"

func TestSplit(t *testing.T) {
	for _, secure := range []bool{true, false} {
		relayed := make(chan net.Conn, 1)
		var certs *access.Certificates
		if secure {
			certs = certificates(t)
		}
		s := newServer(t, "", certs)
		s.Relay = func(c net.Conn) { relayed <- c }
		// However short, they are not for what is relayed.
		s.timeouts = timeouts{header: 200 * time.Millisecond, request: 200 * time.Millisecond, answer: 100 * time.Millisecond, idle: time.Second}
		start(t, s)
		for _, c := range []struct {
			name    string
			tls     bool
			said    string
			relayed bool
			answer  string
		}{
			{"HTTP", false, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", false, "HTTP/1.1 200 OK"},
			{"TURN", false, stunned, true, ""},
			{"ChannelData without TURN", false, "\x40\x00\x00\x04abcd\r\n\r\n", false, "HTTP/1.1 400 Bad Request"},
			{"HTTP over TLS", true, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", false, "HTTP/1.1 200 OK"},
			{"TURN over TLS", true, stunned, true, ""},
		} {
			if c.tls && !secure {
				continue
			}
			conn, err := net.Dial("tcp", s.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			if c.tls {
				conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
			}
			if _, err := io.WriteString(conn, c.said); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if !c.relayed {
				got, err := io.ReadAll(conn)
				if err != nil || !strings.HasPrefix(string(got), c.answer) {
					t.Errorf("%s, secure %v: got %q, %v", c.name, secure, got, err)
				}
				_ = conn.Close()
				continue
			}
			other := <-relayed
			got := make([]byte, len(c.said))
			if _, err := io.ReadFull(other, got); err != nil || !bytes.Equal(got, []byte(c.said)) {
				t.Errorf("%s: the relay reads %q, %v", c.name, got, err)
			}
			time.Sleep(500 * time.Millisecond) // longer than the web server would wait
			echo := make([]byte, 5)
			if _, err := other.Write([]byte("hello")); err != nil {
				t.Errorf("%s: the relay cannot write: %v", c.name, err)
			} else if _, err := io.ReadFull(conn, echo); err != nil || string(echo) != "hello" {
				t.Errorf("%s: the client reads %q, %v", c.name, echo, err)
			}
			if other.RemoteAddr().String() != conn.LocalAddr().String() {
				t.Errorf("%s: the relay takes %s for %s", c.name, other.RemoteAddr(), conn.LocalAddr())
			}
			_ = other.Close()
			_ = conn.Close()
		}
	}
}
