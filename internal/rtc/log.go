package rtc

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLog hands pion's log to ours. pion warns of much that a peer causes and
// nobody can act on, so everything it says is for debugging.
type pionLog struct{ log *slog.Logger }

func (p pionLog) NewLogger(scope string) logging.LeveledLogger {
	return scopedLog{p.log.With("pion", scope)}
}

type scopedLog struct{ log *slog.Logger }

func (l scopedLog) say(format string, args ...any) {
	if !l.log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	if args != nil {
		format = fmt.Sprintf(format, args...)
	}
	l.log.Debug(format)
}

func (l scopedLog) Trace(string)              {}
func (l scopedLog) Tracef(string, ...any)     {}
func (l scopedLog) Debug(m string)            { l.say(m) }
func (l scopedLog) Debugf(f string, a ...any) { l.say(f, a...) }
func (l scopedLog) Info(m string)             { l.say(m) }
func (l scopedLog) Infof(f string, a ...any)  { l.say(f, a...) }
func (l scopedLog) Warn(m string)             { l.say(m) }
func (l scopedLog) Warnf(f string, a ...any)  { l.say(f, a...) }
func (l scopedLog) Error(m string)            { l.say(m) }
func (l scopedLog) Errorf(f string, a ...any) { l.say(f, a...) }

// PionLogs gives what pion says to log, for debugging.
func PionLogs(log *slog.Logger) logging.LoggerFactory { return pionLog{log} }
