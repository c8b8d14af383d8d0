package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"umbrella/internal/config"
)

// A reload repeats no warning that stands already; one that was put right and comes back
// is new.
func TestWarningsOnce(t *testing.T) {
	var log bytes.Buffer
	d := &daemon{log: slog.New(slog.NewTextHandler(&log, nil))}
	for i, step := range []struct{ warnings, want string }{
		{"a", "a"}, {"a", ""}, {"a b", "b"}, {"b", ""}, {"", ""}, {"b", "b"},
	} {
		log.Reset()
		d.warn(&config.Config{Warnings: strings.Fields(step.warnings)})
		var got []string
		for line := range strings.Lines(log.String()) {
			_, warning, _ := strings.Cut(strings.TrimSpace(line), "warning=")
			got = append(got, warning)
		}
		if strings.Join(got, " ") != step.want {
			t.Errorf("step %d: warned of %q, want %q", i, got, step.want)
		}
	}
}
