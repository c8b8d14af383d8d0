package clock

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"umbrella/internal/clock/clocktest"
)

const years = 365 * 24 * time.Hour

// Moments keep their distance when the wall clock is set by years, both ways.
func TestMomentsKeepTheirDistance(t *testing.T) {
	begin := time.Now()
	for _, ahead := range []time.Duration{56 * years, -20 * years, time.Hour} {
		now := clocktest.Set(begin.Add(time.Minute), ahead)
		if d := now.Round(0).Sub(begin.Round(0)); d != ahead.Truncate(time.Second)+time.Minute {
			t.Fatalf("the wall clock was set by %v", d)
		}
		for what, d := range map[string]time.Duration{
			"Nano":   time.Duration(Nano(now) - Nano(begin)),
			"Milli":  time.Duration(Milli(now)-Milli(begin)) * time.Millisecond,
			"Steady": Steady(now).Sub(Steady(begin)),
			"Shown":  time.Duration(Shown(now, now)-Shown(begin, now)) * time.Millisecond,
			"back":   FromNano(Nano(now)).Sub(FromMilli(Milli(begin))).Round(10 * time.Millisecond),
			"steady": FromSteady(Steady(now)).Sub(begin),
		} {
			if d.Round(2*time.Millisecond) != time.Minute {
				t.Errorf("%s, set by %v: a minute is %v", what, ahead, d)
			}
		}
		if Shown(now, now) != now.UnixMilli() {
			t.Error("now is not what the wall clock shows")
		}
	}
	if Shown(time.Time{}, begin) != 0 {
		t.Error("no time at all is one")
	}
}

func TestBelieved(t *testing.T) {
	for text, want := range map[string]string{
		"1970-01-01T00:00:07Z": "2026-11-01T00:00:00Z", "2027-05-01T00:00:00Z": "2027-05-01T00:00:00Z", "2400-01-01T00:00:00Z": "2026-11-01T00:00:00Z",
	} {
		now, _ := time.Parse(time.RFC3339, text)
		if got := Believed(now).Format(time.RFC3339); got != want {
			t.Errorf("%s: %s is believed", text, got)
		}
	}
}

// A stamp is judged by the clock that made it.
func TestStampsOfBefore(t *testing.T) {
	begin, passed, ahead := time.Now(), time.Duration(0), -56*years
	w := &Wall{Now: func() time.Time { return clocktest.Set(begin.Add(passed), ahead) }}
	stamp := func() time.Time { w.Look(); return w.Now().Round(0).Truncate(time.Second) }
	ages := func(what string, stamp time.Time, want time.Duration) {
		t.Helper()
		if got := w.By(stamp).Sub(stamp); (got - want).Abs() > time.Second {
			t.Errorf("%s: %v old, want %v", what, got, want)
		}
	}
	early := stamp()
	passed = time.Hour
	if w.Look() != 0 {
		t.Error("time passes, and the clock is said to be set")
	}
	ahead = 0
	if by := w.Look(); (by - 56*years).Abs() > time.Second {
		t.Errorf("set by %v", by)
	}
	right := stamp()
	ages("from before", early, time.Hour)
	passed, ahead = 2*time.Hour, 3*years
	ages("from before, set twice", early, 2*time.Hour)
	ages("by the right clock", right, time.Hour)
	ages("by another machine, or in another life", w.Now().Add(-40*24*time.Hour), 40*24*time.Hour)
	ahead = 0
	ages("set back", right, time.Hour)
	ages("from before, set back", early, 2*time.Hour)
	passed += 4 * time.Second
	if w.Look() != 0 {
		t.Error("set by nobody")
	}
	ahead = 3 * time.Second
	if w.Look() != 0 {
		t.Error("a little is no jump")
	}
}

// What turns moments into numbers, or makes moments of numbers, is this package: a number
// of the wall clock shows when that was set. Others are listed with their reason.
func TestNoOtherNumbers(t *testing.T) {
	allowed := map[string]string{
		"internal/clock/clock.go":      "it is here",
		"internal/crash/record.go":     "of files, which outlive the process",
		"internal/onvif/discover.go":   "a deadline in the past",
		"internal/ubus/client.go":      "a deadline in the past",
		"internal/camera/rtsp/keys.go": "of a message to a library in the same process",
		"internal/camera/timeline.go":  "NTP, by the steady clock",
		"internal/node/status.go":      "the present, and a crash of another process",
		"cmd/umbrellad/trunks.go":      "shown to people, as the daemon has sent it",
	}
	numbers := regexp.MustCompile(`\.Unix(Milli|Micro|Nano)?\(\)|\btime\.Unix(Milli|Micro)?\(`)
	for _, root := range []string{"../../internal", "../../cmd"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name := strings.TrimPrefix(path, "../../")
			for i, line := range strings.Split(string(text), "\n") {
				if numbers.MatchString(line) && allowed[name] == "" {
					t.Errorf("%s:%d: %s", name, i+1, strings.TrimSpace(line))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
