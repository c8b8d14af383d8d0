package bound

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// logged is a log that is written by timers.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// String returns the log, and empties it.
func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

// lines are those of a log that begin so, without their time.
func lines(log, begin string) (list []string) {
	for line := range strings.Lines(log) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(line, begin) {
			list = append(list, line)
		}
	}
	return list
}

// Whatever is said a thousand times is written twenty times and then now and then, and
// nothing else is lost by it.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b logged
		log := slog.New(NewLog(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})))
		for i := range 1000 {
			log.With("room", i).Info("joined", "name", i)
			log.With("room", i).Warn("joined", "name", i)
			log.Debug("joined", "name", i)
		}
		for _, h := range []slog.Handler{log.Handler(), log.With("room", 1).Handler()} {
			if l := Limits(h); len(l) != 1 || l[0].Refused() != 2*(1000-20-1) {
				t.Errorf("lines that were left out: %+v", l)
			}
		}
		if Limits(slog.DiscardHandler) != nil {
			t.Error("a handler that leaves out nothing has limits")
		}
		log.Error("what is wrong")
		for _, camera := range []string{"a", "b"} {
			for range 20 {
				log.With("camera", camera).Info("camera is live")
			}
		}
		text := b.String()
		for begin, want := range map[string]int{
			"level=INFO msg=joined": 20, "level=WARN msg=joined": 20, "level=DEBUG msg=joined": 1000,
			"level=ERROR": 1, `level=INFO msg="camera is live" camera=a`: 20, `level=INFO msg="camera is live" camera=b`: 20,
		} {
			if n := len(lines(text, begin)); n != want {
				t.Errorf("%s: %d lines", begin, n)
			}
		}
		// The latest is written once there may be one more.
		for _, want := range []string{"level=INFO msg=joined room=999 name=999 left_out=979", "level=INFO msg=joined name=late left_out=1"} {
			time.Sleep(sampleInterval + time.Second)
			synctest.Wait()
			if got := lines(b.String(), "level=INFO msg=joined"); !slices.Equal(got, []string{want}) {
				t.Errorf("%q, want %s", got, want)
			}
			log.Info("joined", "name", "early")
			log.Info("joined", "name", "late")
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		_ = b.String()
		for range 100 { // 100 s
			for i := range 10 {
				log.Info("flood", "i", i)
			}
			time.Sleep(time.Second)
		}
		if n := len(lines(b.String(), "level=INFO msg=flood")); n < 35 || n > 45 {
			t.Errorf("%d of 1000 in 100 s", n)
		}
	})
}

// Neither many kinds nor long values fill the memory or the log.
func TestLogIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b logged
		h := NewLog(slog.NewTextHandler(&b, nil)).(*sampledLog)
		log := slog.New(h)
		for i := range 10 * maxKinds {
			log.Info(fmt.Sprint("kind ", i))
		}
		if n := len(h.kinds.by); n > maxKinds+1 {
			t.Errorf("%d kinds are known", n)
		}
		if n := len(lines(b.String(), "")); n > maxKinds+sampleBurst {
			t.Errorf("%d lines", n)
		}
		time.Sleep(10 * time.Minute)
		log.Info("another")
		if n := len(h.kinds.by); n != 1 {
			t.Errorf("%d kinds are known later", n)
		}
		_ = b.String()
		long := strings.Repeat("x", 500_000)
		log.With("name", long).Info("long", "text", long, "error", errors.New(long))
		if n := len(b.String()); n < 3*maxValue || n > 4*maxValue {
			t.Errorf("a line of %d bytes", n)
		}
	})
}
