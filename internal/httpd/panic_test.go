package httpd

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"umbrella/internal/crash"
)

// A panic in a handler ends that client's connection, a WebSocket too, and is
// counted: net/http alone would keep it quiet. All others are served on.
func TestPanicEndsOneClient(t *testing.T) {
	var log lockedBuffer
	crash.LogTo(slog.New(slog.NewTextHandler(&log, nil)))
	defer crash.LogTo(slog.Default())
	srv := newServer(t, "", nil)
	srv.WHIP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "the beginning of an answer")
		var list []byte
		list[len(r.URL.Path)]++
	})
	srv.Signal = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("bad") {
			c, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			defer c.CloseNow()
			panic("of a socket")
		}
		echoSocket(w, r)
	})
	s := start(t, srv)
	url := "http://" + s.Addr().String()
	call, _, err := websocket.Dial(t.Context(), url+"/wsb", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer call.CloseNow()

	before := crash.Count(crash.HTTP)
	c := browser(t, s)
	if r, err := c.Post(url+"/whip/attic", "application/sdp", http.NoBody); err == nil {
		b, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err == nil {
			t.Errorf("it is answered with %s: %s", r.Status, b)
		}
	}
	bad, _, err := websocket.Dial(t.Context(), url+"/wsb?bad", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer bad.CloseNow()
	if _, _, err := bad.Read(t.Context()); err == nil {
		t.Error("the socket goes on")
	}
	// The client may see the end first.
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if before > 18 && crash.Count(crash.HTTP) >= before+2 || strings.Count(log.String(), "\n") == 2 {
			break
		}
	}
	if n := crash.Count(crash.HTTP) - before; n != 2 {
		t.Errorf("%d panics are counted", n)
	}
	for _, want := range []string{"who=127.0.0.1:", `stack="httpd.TestPanicEndsOneClient.func1:`, `stack="httpd.TestPanicEndsOneClient.func2:`} {
		// 20 are logged, and then few: not all of `go test -count`.
		if before <= 18 && !strings.Contains(log.String(), want) {
			t.Errorf("%s is not logged: %s", want, &log)
		}
	}
	if err := call.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, b, err := call.Read(t.Context()); err != nil || string(b) != "hello" {
		t.Errorf("the other socket: %q, %v", b, err)
	}
	if r, _ := do(t, c, "GET", url+"/healthz"); r.StatusCode != http.StatusOK {
		t.Errorf("the server answers %s", r.Status)
	}
}

// lockedBuffer is written by the server's goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
