// Package proc reads what a process spends, from /proc.
package proc

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Usage of a process so far.
type Usage struct {
	CPU       time.Duration // of all its threads, in user space and the kernel
	RSS, Peak int64         // bytes resident, now and at most
}

// Read reads the usage of a process.
func Read(pid int) (u Usage, err error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	// Threads that have ended are in stat only, which counts in hundredths of a
	// second; the living ones are counted to the nanosecond in schedstat.
	tasks, err := filepath.Glob(filepath.Join(dir, "task", "*", "schedstat"))
	if err != nil {
		return u, err
	}
	for _, path := range tasks {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended just now
		}
		n, err := schedstat(b)
		if err != nil {
			return u, err
		}
		u.CPU += n
	}
	b, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return u, err
	}
	ticks, err := stat(b)
	if err != nil {
		return u, err
	}
	if ticks > u.CPU+20*time.Millisecond {
		u.CPU = ticks
	}
	b, err = os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return u, err
	}
	u.RSS, u.Peak = kilobytes(b, "VmRSS:"), kilobytes(b, "VmHWM:")
	return u, nil
}

// schedstat is the time that a thread ran.
func schedstat(b []byte) (time.Duration, error) {
	words := strings.Fields(string(b))
	if len(words) != 3 {
		return 0, fmt.Errorf("schedstat: %q", b)
	}
	n, err := strconv.ParseInt(words[0], 10, 64)
	return time.Duration(n), err
}

// stat is utime and stime; the name before them may hold anything.
func stat(b []byte) (time.Duration, error) {
	i := bytes.LastIndexByte(b, ')')
	words := strings.Fields(string(b[i+1:]))
	if i < 0 || len(words) < 13 {
		return 0, fmt.Errorf("stat: %q", b)
	}
	user, err := strconv.ParseInt(words[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(words[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, err
}

func kilobytes(status []byte, name string) int64 {
	for line := range strings.Lines(string(status)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == name {
			n, err := strconv.ParseInt(words[1], 10, 64)
			if err == nil {
				return n << 10
			}
		}
	}
	return 0
}

// Machine is how long all processors have been busy and idle so far.
type Machine struct{ Busy, Idle time.Duration }

// ReadMachine reads it.
func ReadMachine() (m Machine, err error) {
	f, err := os.Open("/proc/stat")
	if err != nil {
		return m, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Scan()
	for i, w := range strings.Fields(s.Text())[1:] {
		n, err := strconv.ParseInt(w, 10, 64)
		if err != nil {
			return m, err
		}
		d := time.Duration(n) * 10 * time.Millisecond
		switch i {
		case 3, 4: // idle, iowait
			m.Idle += d
		case 8, 9: // guests are in user time
		default:
			m.Busy += d
		}
	}
	return m, nil
}
