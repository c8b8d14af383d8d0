package duration

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"7d": 7 * 24 * time.Hour, "2w": 14 * 24 * time.Hour, "1h30m": 90 * time.Minute, "1w2d3h4m5s": 219*time.Hour + 4*time.Minute + 5*time.Second,
		"90s": 90 * time.Second, "1.5h": 90 * time.Minute, ".5d": 12 * time.Hour, "500ms": 500 * time.Millisecond, "24h": 24 * time.Hour,
		"0": 0, "0s": 0, " 7d ": 7 * 24 * time.Hour, "10µs": 10 * time.Microsecond, "3650d": 3650 * 24 * time.Hour,
	} {
		if got, err := Parse(text); got != want || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for text, words := range map[string]string{
		"": "a duration is wanted", "7": `"7" has no unit: write 7s, 7m, 7h or 7d`, "1h30": "no unit", "7 d": "no unit of time",
		"1y": `"y" is no unit of time: there are s, m, h, d (days) and w (weeks)`, "d": "is no duration", "-7d": "is no duration", "1..5h": "is no duration",
		"7D": "no unit of time", "300000d": "longer than can be counted", "9e9d": "no unit of time", "100000d100000d": "longer than can be counted",
		"99999999999999999999999999w": "longer than can be counted", "week": "is no duration", ".": "no unit", "7d\x00": "no unit of time", "nan": "is no duration",
	} {
		if got, err := Parse(text); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v, %v, want %q", text, got, err, words)
		}
	}
}

func TestString(t *testing.T) {
	for _, text := range []string{"7d", "24h", "1h30m", "90s", "1m30s", "25h", "3650d", "0s", "1ms"} {
		d, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(String(d))
		if again != d || err != nil || text != "90s" && String(d) != text {
			t.Errorf("%s is written %s, and read %v, %v", text, String(d), again, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1w2d3h")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := Parse(s)
		if err == nil && d < 0 {
			t.Errorf("%q: %v", s, d)
		}
		if again, e := Parse(String(d)); err == nil && (e != nil || again-d > time.Microsecond || d-again > time.Microsecond) {
			t.Errorf("%q: %v is written %q and read %v, %v", s, d, String(d), again, e)
		}
	})
}
