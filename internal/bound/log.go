package bound

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	sampleInterval = 5 * time.Second
	sampleBurst    = 20
	// maxKinds of lines are told apart. There are about a hundred messages in the
	// program, some of them for each camera and trunk.
	maxKinds = 1024
	// maxValue bounds each value of a line, in bytes: an error may hold what somebody
	// has sent.
	maxValue = 400
)

// NewLog returns a handler that writes 20 lines of a kind at once, and then one in 5 s:
// the latest, with how many before it were left out in "left_out". So nobody can fill
// the log, nor drive other lines out of it, whatever it has the node say. A kind is a
// message with its level, and the camera or the trunk of the settings that it is about.
// Values of more than 400 bytes are cut.
// Lines for debugging are all written: nobody gets those who has not asked for them.
func NewLog(h slog.Handler) slog.Handler {
	return &sampledLog{to: h, kinds: &kinds{by: map[kind]*sample{}}}
}

type sampledLog struct {
	to    slog.Handler
	about string
	kinds *kinds
}

// kinds is shared by a handler and all that are made from it.
type kinds struct {
	mu    sync.Mutex
	by    map[kind]*sample
	swept time.Time // when kinds were last forgotten
	left  uint64    // lines that were left out
}

type kind struct {
	level          slog.Level
	message, about string
}

type sample struct {
	limiter *rate.Limiter
	// left is how many lines wait, of which last is the latest. It is written by
	// write as soon as there may be one more.
	left int
	last func(leftOut int)
}

// Limits are those of a handler that NewLog has made: how many lines were left out.
func Limits(h slog.Handler) []Limit {
	s, ok := h.(*sampledLog)
	if !ok {
		return nil
	}
	return []Limit{{Name: "log_lines", Description: "Lines left out of the log, 20 of a kind at once and then one in 5 s are written", Refused: func() uint64 {
		s.kinds.mu.Lock()
		defer s.kinds.mu.Unlock()
		return s.kinds.left
	}}}
}

// Enabled implements slog.Handler.
func (s *sampledLog) Enabled(ctx context.Context, level slog.Level) bool {
	return s.to.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (s *sampledLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	about := s.about
	attrs = slices.Clone(attrs)
	for i, a := range attrs {
		attrs[i] = short(a)
		switch a.Key { // whose values are names of the settings, of which there are few
		case "camera", "stream", "trunk":
			about += " " + a.Value.String()
		}
	}
	return &sampledLog{to: s.to.WithAttrs(attrs), about: about, kinds: s.kinds}
}

// WithGroup implements slog.Handler.
func (s *sampledLog) WithGroup(name string) slog.Handler {
	return &sampledLog{to: s.to.WithGroup(name), about: s.about, kinds: s.kinds}
}

// Handle implements slog.Handler.
func (s *sampledLog) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelInfo {
		return s.to.Handle(ctx, r)
	}
	whole := r
	r = slog.NewRecord(whole.Time, whole.Level, whole.Message, whole.PC)
	whole.Attrs(func(a slog.Attr) bool {
		r.AddAttrs(short(a))
		return true
	})
	later := func(leftOut int) {
		if leftOut > 0 {
			r.AddAttrs(slog.Int("left_out", leftOut))
		}
		_ = s.to.Handle(context.Background(), r)
	}
	if !s.kinds.admit(kind{r.Level, r.Message, s.about}, later) {
		return nil
	}
	return s.to.Handle(ctx, r)
}

// admit reports whether a line of a kind may be written now. Otherwise later is called
// when there may be one more, unless another line of the kind has come by then.
func (k *kinds) admit(of kind, later func(leftOut int)) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	is := k.find(of, now)
	if is.left == 0 && is.limiter.AllowN(now, 1) {
		return true
	}
	if is.left == 0 {
		time.AfterFunc(is.limiter.ReserveN(now, 1).DelayFrom(now), func() { k.write(is) })
	}
	if is.left++; is.left > 1 {
		k.left++
	}
	is.last = later
	return false
}

// short is an attribute whose value is no longer than a line may have it.
func short(a slog.Attr) slog.Attr {
	switch v := a.Value.Any().(type) {
	case string:
		return slog.String(a.Key, Text(v, maxValue))
	case error:
		return slog.String(a.Key, Text(v.Error(), maxValue))
	}
	return a
}

// find returns what there is of a kind. The caller holds mu.
func (k *kinds) find(of kind, now time.Time) *sample {
	if is := k.by[of]; is != nil {
		return is
	}
	if len(k.by) >= maxKinds && now.Sub(k.swept) >= sampleInterval {
		k.swept = now
		for other, is := range k.by {
			if is.left == 0 && is.limiter.TokensAt(now) >= sampleBurst {
				delete(k.by, other)
			}
		}
	}
	if len(k.by) >= maxKinds {
		of = kind{level: of.level} // all of a level together
		if is := k.by[of]; is != nil {
			return is
		}
	}
	is := &sample{limiter: rate.NewLimiter(rate.Every(sampleInterval), sampleBurst)}
	k.by[of] = is
	return is
}

// write writes the latest of those that wait.
func (k *kinds) write(is *sample) {
	k.mu.Lock()
	last, left := is.last, is.left
	is.last, is.left = nil, 0
	k.mu.Unlock()
	last(left - 1)
}
