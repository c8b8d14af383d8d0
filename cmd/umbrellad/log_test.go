package main

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	umbrellav1 "umbrella/proto/umbrella/v1"
)

// A thousand who join and leave, or are refused, do not fill the log, whatever they
// are called.
func TestLogOfStrangers(t *testing.T) {
	p := start(t, "config umbrella main\n option tls off\n option access open\n")
	_, url, _ := strings.Cut(p.expect("Open http"), "Open ")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	say := func(ws *websocket.Conn, m *umbrellav1.ClientMessage) {
		b, err := proto.Marshal(m)
		if err == nil {
			err = ws.Write(ctx, websocket.MessageBinary, b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	joined := 0
	for i := range 1000 {
		ws, _, err := websocket.Dial(ctx, strings.TrimSuffix(url, "/sfu")+"/wsb", &websocket.DialOptions{Subprotocols: []string{"umbrella.signal.v1"}})
		if err != nil {
			t.Fatal(err)
		}
		say(ws, &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Join{Join: &umbrellav1.Join{
			Room: "r", Name: fmt.Sprint(i, strings.Repeat("x", 50)),
		}}})
		_, b, err := ws.Read(ctx)
		m := &umbrellav1.ServerMessage{}
		if err != nil || proto.Unmarshal(b, m) != nil {
			t.Fatal(err)
		}
		if m.GetJoined() != nil {
			joined++
			say(ws, &umbrellav1.ClientMessage{Message: &umbrellav1.ClientMessage_Leave{Leave: &umbrellav1.Leave{}}})
		}
		_ = ws.CloseNow()
	}
	if joined < 300 || joined == 1000 {
		t.Errorf("%d of 1000 have joined", joined)
	}
	p.signal(syscall.SIGTERM)
	counts, lines, size := map[string]int{}, 0, 0
	for timeout := time.After(patience); ; {
		select {
		case line, ok := <-p.lines:
			if ok {
				lines++
				size += len(line)
				for _, kind := range []string{"msg=joined", "msg=left", `msg="not let in"`, "msg=stopped"} {
					if strings.Contains(line, kind) {
						counts[kind]++
					}
				}
				continue
			}
		case <-timeout:
			t.Fatal("does not end")
		}
		break
	}
	if lines > 120 || size > 32<<10 {
		t.Errorf("%d lines of %d bytes in all", lines, size)
	}
	for _, kind := range []string{"msg=joined", "msg=left", `msg="not let in"`} {
		if n := counts[kind]; n < 20 || n > 30 {
			t.Errorf("%s: %d lines", kind, n)
		}
	}
	if counts["msg=stopped"] != 1 {
		t.Error("it does not say that it stops")
	}
}
