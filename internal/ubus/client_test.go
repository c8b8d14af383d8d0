package ubus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// logged collects what was logged.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// startClient starts one that tries again at once, and closes it at the end.
func startClient(t *testing.T, c *Client) *logged {
	t.Helper()
	out := &logged{}
	c.Log = slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.retryFirst, c.retryMost = 5*time.Millisecond, 20*time.Millisecond
	c.Start()
	t.Cleanup(func() { closeClient(t, c) })
	return out
}

// within is a context for calls that are answered.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// pair is a bus, an object `umbrella` on it, and somebody who calls.
func pair(t *testing.T, methods map[string]Method) (b *bus, owner, asker *Client, log *logged) {
	t.Helper()
	path := socketPath(t)
	b = startBus(t, path)
	owner = &Client{Path: path, Object: "umbrella", Methods: methods}
	log = startClient(t, owner)
	asker = &Client{Path: path}
	startClient(t, asker)
	waitFor(t, "the object", func() bool { return b.published("umbrella") })
	waitFor(t, "the connection", asker.Connected)
	return b, owner, asker, log
}

// echo answers its arguments.
func echo(_ context.Context, call *Call) (any, error) {
	var args json.RawMessage
	err := call.Decode(&args)
	return args, err
}

func TestInvoke(t *testing.T) {
	policy := map[string]Type{
		"s": String, "i": Int32, "l": Int64, "b": Bool, "d": Double, "a": Array, "t": Table,
	}
	_, _, asker, _ := pair(t, map[string]Method{
		"echo":   {Policy: policy, Handler: echo},
		"silent": {Handler: func(context.Context, *Call) (any, error) { return nil, nil }},
		"plain":  {Handler: func(context.Context, *Call) (any, error) { return nil, errors.New("the disk is full") }},
		"words": {Handler: func(context.Context, *Call) (any, error) {
			return nil, fmt.Errorf("kick: %w", Errorf(StatusNotFound, "nobody is called %q", "Ann"))
		}},
		"late": {Handler: func(ctx context.Context, _ *Call) (any, error) {
			return nil, fmt.Errorf("asking a camera: %w", context.DeadlineExceeded)
		}},
		"huge":  {Handler: func(context.Context, *Call) (any, error) { return strings.Repeat("x", maxMessage), nil }},
		"wrong": {Handler: func(context.Context, *Call) (any, error) { return 5, nil }},
		"whole": {Handler: func(context.Context, *Call) (any, error) {
			return map[string]string{"x": strings.Repeat("x", maxMessage)}, nil
		}},
	})
	for _, test := range []struct {
		path, method, args string
		want               string
		status             Status
		words              string
	}{
		{"umbrella", "echo", `{}`, `{}`, StatusOK, ""},
		{"umbrella", "echo", `{"s":"x","i":1,"l":2,"b":true,"d":0.5,"a":[1],"t":{"x":1}}`,
			`{"s":"x","i":1,"l":2,"b":true,"d":0.5,"a":[1],"t":{"x":1}}`, StatusOK, ""},
		{"umbrella", "echo", `{"i":5000000000,"d":2}`, `{"i":5000000000,"d":2}`, StatusOK, ""},
		{"umbrella", "echo", `{"s":null}`, `{"s":null}`, StatusOK, ""},
		{"umbrella", "echo", `{"ubus_rpc_session":"00","s":"x"}`, `{"s":"x"}`, StatusOK, ""},
		{"umbrella", "echo", `{"s":1}`, "", StatusInvalidArgument, `argument "s" has to be a string, and is an integer`},
		{"umbrella", "echo", `{"i":1.5}`, "", StatusInvalidArgument, `argument "i" has to be an integer, and is a number`},
		{"umbrella", "echo", `{"b":1}`, "", StatusInvalidArgument, `argument "b" has to be a boolean, and is an integer`},
		{"umbrella", "echo", `{"a":{}}`, "", StatusInvalidArgument, `argument "a" has to be an array, and is a table`},
		{"umbrella", "echo", `{"S":"x"}`, "", StatusInvalidArgument, `there is no argument "S", but these: ["a" "b"`},
		{"umbrella", "silent", `{}`, "", StatusNoData, ""},
		{"umbrella", "plain", `{}`, "", StatusUnknownError, "the disk is full"},
		{"umbrella", "words", `{}`, "", StatusNotFound, `nobody is called "Ann"`},
		{"umbrella", "late", `{}`, "", StatusTimeout, "asking a camera"},
		{"umbrella", "wrong", `{}`, "", StatusUnknownError, "int is no table"},
		{"umbrella", "whole", `{}`, "", StatusUnknownError, "1 MiB"},
		{"umbrella", "none", `{}`, "", StatusMethodNotFound, ""},
		{"nothing", "none", `{}`, "", StatusNotFound, ""},
		{"umb*", "echo", `{}`, "", StatusNotFound, ""},
	} {
		var got json.RawMessage
		err := asker.Invoke(within(t), test.path, test.method, json.RawMessage(test.args), &got)
		if string(got) != test.want {
			t.Errorf("%s %s: got %s, %v, want %s", test.method, test.args, got, err, test.want)
		}
		if statusOf(err) != test.status || test.words != "" && !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s %s: got %v, want %v %s", test.method, test.args, err, test.status, test.words)
		}
	}
	if err := asker.Invoke(within(t), "umbrella", "silent", nil, nil); err != nil {
		t.Error(err)
	}
	large := map[string]string{"s": strings.Repeat("x", maxMessage)}
	if err := asker.Invoke(within(t), "umbrella", "echo", large, nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if err := asker.Invoke(within(t), "umbrella", "silent", nil, nil); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestLookup(t *testing.T) {
	_, _, asker, _ := pair(t, map[string]Method{
		"kick":   {Policy: map[string]Type{"room": String, "force": Bool}, Handler: echo},
		"status": {Handler: echo},
	})
	for path, want := range map[string]string{
		"umbrella": "[{umbrella map[kick:map[force:a boolean room:a string] status:map[]]",
		"umb*":     "[{umbrella map[kick:map[force:a boolean room:a string] status:map[]]",
		"umb":      "[]",
		"hostapd*": "[]",
	} {
		got, err := asker.Lookup(within(t), path)
		if text := fmt.Sprint(got); err != nil || !strings.HasPrefix(text, want) {
			t.Errorf("%s: got %s, %v", path, text, err)
		}
	}
}

// TestSlowCalls: calls run side by side, and as many of one caller as may be;
// another is served all the same. Those that take too long are answered.
func TestSlowCalls(t *testing.T) {
	began, release := make(chan struct{}, maxCalls), make(chan struct{})
	var stuck sync.WaitGroup
	b, owner, asker, log := pair(t, map[string]Method{
		"stuck": {Timeout: time.Minute, Handler: func(ctx context.Context, _ *Call) (any, error) {
			began <- struct{}{}
			<-ctx.Done()
			return nil, errors.New("nobody waits for this")
		}},
		"brief": {Timeout: time.Millisecond, Handler: func(ctx context.Context, _ *Call) (any, error) {
			<-release // does not return at once, as it should
			return nil, ctx.Err()
		}},
		"echo": {Handler: echo},
	})
	if err := asker.Invoke(within(t), "umbrella", "brief", nil, nil); !errors.Is(err, StatusTimeout) {
		t.Errorf("got %v", err)
	}
	close(release)
	waitFor(t, "the end of it", func() bool {
		session := owner.session.Load()
		session.mu.Lock()
		defer session.mu.Unlock()
		return session.calls.count == 0
	})
	ctx, cancel := context.WithCancel(context.Background())
	for range maxPeerCalls {
		stuck.Go(func() {
			if err := asker.Invoke(ctx, "umbrella", "stuck", nil, nil); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
		<-began
	}
	for range 3 {
		err := asker.Invoke(within(t), "umbrella", "echo", nil, nil)
		if !errors.Is(err, StatusSystemError) || !strings.Contains(err.Error(), "too many calls") {
			t.Errorf("one more: got %v", err)
		}
	}
	if n := log.count("calls on ubus are refused"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	other := &Client{Path: b.listener.Addr().String()}
	startClient(t, other)
	waitFor(t, "the connection", other.Connected)
	if err := other.Invoke(within(t), "umbrella", "echo", nil, nil); err != nil {
		t.Errorf("another caller: %v", err)
	}
	cancel()
	stuck.Wait()
}

// TestCloseAnswers: who waits for an answer when the daemon ends gets one, the
// object is gone, and events that were sent have arrived.
func TestCloseAnswers(t *testing.T) {
	began := make(chan struct{})
	b, owner, asker, _ := pair(t, map[string]Method{
		"stuck": {Handler: func(ctx context.Context, _ *Call) (any, error) {
			close(began)
			<-ctx.Done()
			return nil, ctx.Err()
		}},
	})
	answered := make(chan error, 1)
	go func() { answered <- asker.Invoke(context.Background(), "umbrella", "stuck", nil, nil) }()
	<-began
	for i := range 10 {
		if err := owner.Event("umbrella.leave", map[string]int{"n": i}); err != nil {
			t.Fatal(err)
		}
	}
	closeClient(t, owner)
	if err := <-answered; !errors.Is(err, StatusConnectionFailed) && !errors.Is(err, StatusUnknownError) {
		t.Errorf("got %v", err)
	}
	if b.published("umbrella") {
		t.Error("the object is still there")
	}
	if n := len(b.seen()); n != 10 {
		t.Errorf("%d events arrived", n)
	}
	if err := owner.Event("umbrella.leave", nil); !errors.Is(err, ErrNotConnected) {
		t.Errorf("afterwards: %v", err)
	}
	if err := owner.Invoke(within(t), "umbrella", "stuck", nil, nil); !errors.Is(err, ErrNotConnected) {
		t.Errorf("afterwards: %v", err)
	}
}

// TestRestart: the object is back after ubusd was away, and so is everything else.
func TestRestart(t *testing.T) {
	began := make(chan struct{}, 1)
	b, _, asker, log := pair(t, map[string]Method{
		"echo": {Handler: echo},
		"stuck": {Handler: func(ctx context.Context, _ *Call) (any, error) {
			began <- struct{}{}
			<-ctx.Done()
			return nil, nil
		}},
	})
	path := b.listener.Addr().String()
	for range 2 {
		answered := make(chan error, 1)
		go func() { answered <- asker.Invoke(context.Background(), "umbrella", "stuck", nil, nil) }()
		<-began
		b.stop()
		if err := <-answered; !errors.Is(err, ErrNotConnected) {
			t.Errorf("got %v", err)
		}
		waitFor(t, "the loss", func() bool { return !asker.Connected() })
		b = startBus(t, path)
		waitFor(t, "the object", func() bool { return b.published("umbrella") })
		waitFor(t, "the connection", asker.Connected)
		if err := asker.Invoke(within(t), "umbrella", "echo", nil, nil); err != nil {
			t.Error(err)
		}
	}
	if n := log.count("level=WARN"); n != 2 {
		t.Errorf("%d warnings for 2 losses: %s", n, log.text.String())
	}
}

// TestNoBus: nothing is said of it but to who wants to know, and once.
func TestNoBus(t *testing.T) {
	c := &Client{Path: socketPath(t), Object: "umbrella"}
	log := startClient(t, c)
	waitFor(t, "the attempt", func() bool { return log.count("there is no ubus") > 0 })
	if c.Connected() || log.count("level=WARN") != 0 {
		t.Errorf("logged %s", log.text.String())
	}
	s := Stations{Client: c}
	if list, err := s.List(); len(list) != 0 || !errors.Is(err, ErrNotConnected) {
		t.Errorf("got %v, %v", list, err)
	}
	b := startBus(t, c.Path)
	waitFor(t, "the object", func() bool { return b.published("umbrella") })
	if n := log.count("there is no ubus"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

// TestRefused: a name that is not free is tried again, and the rest works.
func TestRefused(t *testing.T) {
	path := socketPath(t)
	b := startBus(t, path)
	first := &Client{Path: path, Object: "umbrella", Methods: map[string]Method{"echo": {Handler: echo}}}
	startClient(t, first)
	waitFor(t, "the object", func() bool { return b.published("umbrella") })
	second := &Client{Path: path, Object: "umbrella", Methods: map[string]Method{"two": {Handler: echo}}}
	log := startClient(t, second)
	waitFor(t, "the refusal", func() bool { return log.count("cannot publish the object") > 0 })
	if err := second.Invoke(within(t), "umbrella", "echo", nil, nil); err != nil {
		t.Error(err)
	}
	closeClient(t, first)
	waitFor(t, "the other object", func() bool {
		return second.Invoke(within(t), "umbrella", "two", nil, nil) == nil
	})
	if n := log.count("cannot publish the object"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

func TestEvents(t *testing.T) {
	path := socketPath(t)
	b := &bus{refuse: func(kind byte, name string) Status {
		if kind == messageInvoke && name == "send" {
			return StatusPermissionDenied
		}
		return StatusOK
	}}
	b.start(t, path)
	c := &Client{Path: path}
	log := startClient(t, c)
	waitFor(t, "the connection", c.Connected)
	for range 3 {
		if err := c.Event("umbrella.join", nil); err != nil {
			t.Error(err)
		}
	}
	waitFor(t, "the refusals", func() bool { return log.count("permission denied") == 3 })
	if n := log.count("level=WARN"); n != 1 {
		t.Errorf("%d warnings", n)
	}
	b.mu.Lock()
	b.refuse = nil
	b.mu.Unlock()
	if err := c.Event("umbrella.join", []int{1}); err == nil {
		t.Error("an array was taken")
	}
	if err := c.Event("umbrella.join", map[string]any{"n": 1, "loss": 0.5}); err != nil {
		t.Error(err)
	}
	waitFor(t, "the event", func() bool { return len(b.seen()) == 1 })
	if got := b.seen()[0]; got != `umbrella.join {"loss":0.5,"n":1}` {
		t.Errorf("got %s", got)
	}
	// While ubusd is busy a few wait, and no more: the sender never does.
	b.mu.Lock()
	var err error
	for range maxEvents + 2 {
		err = c.Event("umbrella.join", nil)
	}
	b.mu.Unlock()
	if !errors.Is(err, ErrTooMany) {
		t.Errorf("got %v", err)
	}
}

// TestHostileAnswers: somebody who is not asked cannot answer, and who is asked
// cannot answer without end.
func TestHostileAnswers(t *testing.T) {
	path := socketPath(t)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := &Client{Path: path}
	startClient(t, c)
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	send(t, conn, ended(t, newMessage(messageHello, 0, 7)))
	waitFor(t, "the connection", c.Connected)
	ask := func() (*message, chan error) {
		answered := make(chan error, 1)
		go func() {
			_, err := c.Lookup(context.Background(), "hostapd.*")
			answered <- err
		}()
		m, err := readMessage(conn)
		if err != nil {
			t.Fatal(err)
		}
		return m, answered
	}
	status := func(m *message, seq uint16, peer uint32, s Status) {
		send(t, conn, ended(t, appendUint32(newMessage(messageStatus, seq, peer), attrStatus, uint32(s))))
	}

	m, answered := ask()
	status(m, m.seq+1, 0, StatusTimeout)
	status(m, m.seq, 99, StatusNotSupported) // from an object that was not asked
	send(t, conn, ended(t, newMessage(77, m.seq, 0)))
	send(t, conn, ended(t, appendString(newMessage(messageInvoke, 1, 5), attrMethod, "x"))) // of no object
	status(m, m.seq, 0, StatusPermissionDenied)
	if err := <-answered; !errors.Is(err, StatusPermissionDenied) {
		t.Errorf("got %v", err)
	}

	m, answered = ask()
	send(t, conn, ended(t, newMessage(messageStatus, m.seq, 0)))
	if err := <-answered; !errors.Is(err, StatusUnknownError) {
		t.Errorf("a status without one: got %v", err)
	}

	m, answered = ask()
	data := ended(t, appendBlob(newMessage(messageData, m.seq, 0), attrData, make([]byte, maxMessage/2)))
	for range maxAnswer / (maxMessage / 2) {
		send(t, conn, data)
	}
	if err := <-answered; !errors.Is(err, ErrTooLarge) {
		t.Errorf("without end: got %v", err)
	}

	m, answered = ask()
	send(t, conn, ended(t, appendUint32(newMessage(messageData, m.seq, 0), attrObjectID, 1))[:14])
	_ = conn.Close()
	if err := <-answered; !errors.Is(err, ErrNotConnected) {
		t.Errorf("half a message: got %v", err)
	}
}

// TestNoUbusd: a socket of something else is left alone, and Close does not wait
// for it.
func TestNoUbusd(t *testing.T) {
	for name, greeting := range map[string][]byte{
		"silent": nil,
		"HTTP":   []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"status": {0, messageStatus, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4},
		"huge":   {0, messageHello, 0, 0, 0, 0, 0, 9, 0, 0x20, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			path := socketPath(t)
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			c := &Client{Path: path}
			log := startClient(t, c)
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			send(t, conn, greeting)
			if greeting != nil {
				waitFor(t, "the warning", func() bool { return log.count("cannot connect to ubus") > 0 })
			}
			if c.Connected() {
				t.Error("connected")
			}
		})
	}
}

// TestCloseIsBounded: a handler that does not return is not waited for without end.
func TestCloseIsBounded(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	_, owner, asker, _ := pair(t, map[string]Method{
		"stuck": {Handler: func(context.Context, *Call) (any, error) {
			close(began)
			<-release
			return nil, nil
		}},
	})
	answered := make(chan error, 1)
	go func() { answered <- asker.Invoke(context.Background(), "umbrella", "stuck", nil, nil) }()
	<-began
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := owner.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := <-answered; !errors.Is(err, StatusConnectionFailed) {
		t.Errorf("the caller got %v", err)
	}
	close(release)
}

// TestRealUbusd runs where there is an OpenWrt's, or any other, ubusd.
func TestRealUbusd(t *testing.T) {
	path := os.Getenv("UBUS_SOCKET")
	if path == "" {
		t.Skip("UBUS_SOCKET does not name the socket of a ubusd")
	}
	methods := map[string]Method{"echo": {Policy: map[string]Type{"s": String, "n": Int32}, Handler: echo}}
	owner := &Client{Path: path, Object: "umbrella", Methods: methods}
	log := startClient(t, owner)
	asker := &Client{Path: path}
	startClient(t, asker)
	waitFor(t, "the object", func() bool { return log.count("published on ubus") > 0 })
	waitFor(t, "the connection", asker.Connected)
	long := strings.Repeat("x", 900000)
	var got struct{ S string }
	if err := asker.Invoke(within(t), "umbrella", "echo", map[string]any{"s": long}, &got); err != nil || got.S != long {
		t.Errorf("got %d bytes, %v", len(got.S), err)
	}
	if err := asker.Invoke(within(t), "umbrella", "echo", map[string]any{"n": "x"}, nil); !errors.Is(err, StatusInvalidArgument) {
		t.Errorf("got %v", err)
	}
	if objects, err := asker.Lookup(within(t), "umbrella"); err != nil || len(objects) != 1 || objects[0].Methods["echo"]["s"] != String {
		t.Errorf("got %v, %v", objects, err)
	}
	if err := owner.Event("umbrella.test", map[string]int{"n": 1}); err != nil {
		t.Error(err)
	}
}
