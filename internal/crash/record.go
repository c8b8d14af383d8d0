package crash

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"umbrella/internal/bound"
	"umbrella/internal/state"
)

// Last is what is known of crashes of this process's forerunners.
type Last struct {
	// Count is how many were recorded in the directory.
	Count uint64
	// At is when the last one was, and Reason the first line of what the Go runtime
	// said. They are empty where Count is 0.
	At     time.Time
	Reason string
	// Fresh: the process that ran before this one ended by it.
	Fresh bool
}

var last atomic.Pointer[Last]

// Previous is what Record found; the zero Last before.
func Previous() Last {
	if l := last.Load(); l != nil {
		return *l
	}
	return Last{}
}

const (
	// outputFile gets what the runtime says when the process crashes. Record moves it
	// to LastFile, behind a line with the number and the time.
	outputFile = state.CrashOutput
	// LastFile has what the runtime said of the last crash.
	LastFile = state.CrashLast
	// maxKept bounds what is kept of that, in bytes.
	maxKept = 16 << 10
	// quietTime is how long after a crash no other one is recorded, so that a node
	// that crashes again and again does not wear out flash memory.
	quietTime = time.Minute
)

// Record makes the runtime write what it says of a crash to a file in dir, besides
// standard error, and returns what is known of crashes before. dir is made where it
// is not there.
func Record(dir string, now time.Time) (Last, error) {
	l, err := record(dir, now)
	if err != nil {
		return l, fmt.Errorf("recording crashes: %w", err)
	}
	return l, nil
}

func record(dir string, now time.Time) (Last, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Last{}, err
	}
	output := filepath.Join(dir, outputFile)
	l := read(filepath.Join(dir, LastFile))
	text, at, err := begin(output)
	if err != nil {
		return l, err
	}
	if len(text) > 0 {
		l = Last{Count: l.Count + 1, At: at, Reason: reason(string(text)), Fresh: true}
		head := fmt.Sprintf("%d %s\n", l.Count, at.UTC().Format(time.RFC3339))
		if err := state.Write(filepath.Join(dir, LastFile), append([]byte(head), text...)); err != nil {
			return l, err
		}
		if err := os.Truncate(output, 0); err != nil {
			return l, err
		}
	}
	last.Store(&l)
	if l.Count > 0 && now.Sub(l.At).Abs() < quietTime {
		time.AfterFunc(quietTime, func() { _ = watch(output) })
		return l, nil
	}
	return l, watch(output)
}

// begin reads what a crash has left in the file, and when that was.
func begin(output string) (text []byte, at time.Time, err error) {
	f, err := os.Open(output)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, time.Time{}, err
	}
	text, err = io.ReadAll(io.LimitReader(f, maxKept))
	return text, info.ModTime(), err
}

// watch has the runtime write to the file from now on.
func watch(output string) error {
	f, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() // the runtime has its own descriptor
	return debug.SetCrashOutput(f, debug.CrashOptions{})
}

// read reads LastFile; the zero Last where there is none that can be read.
func read(path string) (l Last) {
	f, err := os.Open(path)
	if err != nil {
		return Last{}
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, maxKept))
	head, text, _ := strings.Cut(string(b), "\n")
	var at string
	if _, err := fmt.Sscanf(head, "%d %s", &l.Count, &at); err != nil {
		return Last{}
	}
	l.At, _ = time.Parse(time.RFC3339, at)
	l.Reason = reason(text)
	return l
}

// reason is the first line of what the runtime says, fit to be shown.
func reason(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return bound.Text(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, line), maxShown)
}
