// Package crash decides what a panic ends. Where bytes from outside are read by code
// that holds no lock and changes nothing that others see, it ends the peer, the
// camera or the trunk that sent them. Everywhere else it ends the process, which its
// supervisor starts again: a lock that stays held, or a room that is half changed,
// would harm everybody for longer. Both are counted and logged.
package crash

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"

	"umbrella/internal/bound"
)

// Place is where a panic was contained.
type Place string

// The places.
const (
	HTTP   Place = "http"   // a request, a WebSocket included
	Signal Place = "signal" // a browser's session
	SDP    Place = "sdp"    // a description of a peer
	Media  Place = "media"  // a packet of a peer
	Camera Place = "camera" // a camera's stream or picture
	ONVIF  Place = "onvif"  // an answer to a search for cameras
	Trunk  Place = "trunk"  // another node
	Ubus   Place = "ubus"   // OpenWrt's bus
)

// Places are all of them.
var Places = []Place{HTTP, Signal, SDP, Media, Camera, ONVIF, Trunk, Ubus}

// ErrPanic is what a contained panic is for errors.Is.
var ErrPanic = errors.New("an internal error")

// Error is what a function returns in place of a panic. Its text has nothing of the
// panic in it, since the peer may be told; that is in the log.
type Error struct{ Value any }

func (*Error) Error() string { return ErrPanic.Error() }

// Is implements the interface that errors.Is looks for.
func (*Error) Is(target error) bool { return target == ErrPanic }

var (
	counts = map[Place]*atomic.Uint64{}
	logger atomic.Pointer[slog.Logger]
)

func init() {
	for _, p := range Places {
		counts[p] = &atomic.Uint64{}
	}
}

// LogTo sets where contained panics are logged; slog.Default() before.
func LogTo(log *slog.Logger) { logger.Store(log) }

// Count is how many panics were contained in a place since the process began.
func Count(p Place) uint64 { return counts[p].Load() }

// Catch, deferred, makes a panic of its function an error. It is for functions that
// read bytes from outside, and neither lock anything themselves nor change what
// others see. who is whose bytes they are, and may be empty.
func Catch(p Place, who string, err *error) {
	if v := recover(); v != nil {
		note(p, who, v, trace())
		*err = &Error{v}
	}
}

// Contain, deferred at the root of a goroutine, makes a panic an error. It ends the
// process where the panic came through code that changes what all share, as shared
// lists it. Defer it last, so that it runs before what gives back the peer's things.
func Contain(p Place, who string, err *error) {
	if v := recover(); v != nil {
		*err = contained(p, who, v)
	}
}

func contained(p Place, who string, v any) error {
	frames := trace()
	for _, f := range frames {
		for _, prefix := range shared {
			if strings.HasPrefix(f.Function, prefix) {
				die(v, frames)
			}
		}
	}
	note(p, who, v, frames)
	return &Error{v}
}

// shared is the code that changes what all share, by how its functions' names begin.
// What it does with bytes from outside is behind a Catch of its own.
var shared = []string{
	"umbrella/internal/sfu.", "umbrella/internal/forward.", "umbrella/internal/rtc.", "umbrella/internal/bandwidth.",
	"umbrella/internal/backhaul.(*hub).", "umbrella/internal/backhaul/routing.",
}

// maxFrames bounds what is looked at and logged of a stack. It is more than any
// goroutine here has between its root and where outside bytes are read.
const maxFrames = 96

// trace is the stack of the panic that is being recovered, the innermost function
// first, without those of the runtime.
func trace() (list []runtime.Frame) {
	var pcs [maxFrames]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	panicked := false
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			panicked = true
		case panicked && !strings.HasPrefix(f.Function, "runtime."):
			list = append(list, f)
		}
		if !more {
			return list
		}
	}
}

const (
	// maxShown bounds what is logged of a panic's value and of whom it concerns, and
	// shownFrames of its stack.
	maxShown    = 200
	shownFrames = 16
)

// note counts and logs a contained panic.
func note(p Place, who string, v any, frames []runtime.Frame) {
	counts[p].Add(1)
	report(p, who, fmt.Sprint(v), shown(frames))
}

// stack is a value of a log line that bound.NewLog does not shorten.
type stack string

func report(p Place, who, what, frames string) {
	log := logger.Load()
	if log == nil {
		log = slog.Default()
	}
	log.Error("a panic was contained", "where", string(p), "who", bound.Text(who, maxShown),
		"panic", bound.Text(what, maxShown), "stack", stack(frames))
}

// shown is a stack on one line, the innermost function first.
func shown(frames []runtime.Frame) string {
	var b strings.Builder
	for i, f := range frames[:min(len(frames), shownFrames)] {
		if i > 0 {
			b.WriteString(" < ")
		}
		fmt.Fprintf(&b, "%s:%d", f.Function[strings.LastIndexByte(f.Function, '/')+1:], f.Line)
	}
	return b.String()
}

// die ends the process by a panic that nothing recovers: net/http would, and what is
// deferred below may wait for a lock that is still held. It does not return.
func die(v any, frames []runtime.Frame) {
	go panic(fmt.Sprintf("%v, at %s", v, shown(frames)))
	select {}
}
