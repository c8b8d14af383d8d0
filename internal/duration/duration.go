// Package duration reads and writes durations as people give them, with days and weeks.
package duration

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	// Day and Week are 24 hours and seven times that, whatever clocks are set to in
	// between.
	Day  = 24 * time.Hour
	Week = 7 * Day
)

// Syntax says what Parse takes, for error messages and helps.
const Syntax = "such as 90s, 45m, 1h30m, 7d or 2w"

// units from the longest one.
func units() []unit {
	return []unit{
		{"w", Week}, {"d", Day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second},
		{"ms", time.Millisecond}, {"us", time.Microsecond}, {"µs", time.Microsecond}, {"ns", time.Nanosecond},
	}
}

type unit struct {
	name string
	is   time.Duration
}

// Parse reads one or more numbers with a unit each, such as 90s, 1h30m, 1.5h, 7d or 2w.
// It takes what time.ParseDuration takes, and d and w, but nothing negative. The error is
// a sentence for people.
func Parse(s string) (time.Duration, error) {
	text := strings.TrimSpace(s)
	if text == "0" {
		return 0, nil
	}
	if text == "" {
		return 0, fmt.Errorf("a duration is wanted, %s", Syntax)
	}
	total := time.Duration(0)
	for rest := text; rest != ""; {
		digits := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if digits < 0 {
			return 0, fmt.Errorf("%q has no unit: write %ss, %sm, %sh or %sd", s, rest, rest, rest, rest)
		}
		number, err := strconv.ParseFloat(rest[:digits], 64)
		if err != nil {
			return 0, fmt.Errorf("%q is no duration: it is %s", s, Syntax)
		}
		rest = rest[digits:]
		end := strings.IndexFunc(rest, func(r rune) bool { return r >= '0' && r <= '9' || r == '.' })
		if end < 0 {
			end = len(rest)
		}
		is, ok := lookUp(rest[:end])
		if !ok {
			return 0, fmt.Errorf("%q is no unit of time: there are s, m, h, d (days) and w (weeks)", rest[:end])
		}
		rest = rest[end:]
		part := math.Round(number * float64(is))
		if part >= math.MaxInt64 || time.Duration(part) > math.MaxInt64-total {
			return 0, fmt.Errorf("%q is longer than can be counted, which is 292 years", s)
		}
		total += time.Duration(part)
	}
	return total, nil
}

func lookUp(name string) (time.Duration, bool) {
	for _, u := range units() {
		if u.name == name || u.name == "µs" && name == "μs" {
			return u.is, true
		}
	}
	return 0, false
}

// String writes a duration so that Parse reads it, without parts that are zero: 7d, 24h,
// 1h30m. Days are written where they are whole, and more than one.
func String(d time.Duration) string {
	if d >= 2*Day && d%Day == 0 {
		return fmt.Sprintf("%dd", d/Day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Value is a flag.Value.
type Value time.Duration

// Set implements flag.Value.
func (v *Value) Set(s string) error {
	d, err := Parse(s)
	*v = Value(d)
	return err
}

func (v *Value) String() string { return String(time.Duration(*v)) }
