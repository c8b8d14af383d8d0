package main

import (
	"os"
	"strings"
	"testing"
)

func TestChoosesItsMemory(t *testing.T) {
	if _, err := os.Stat("/proc/meminfo"); err != nil {
		t.Skip("needs Linux: ", err)
	}
	line := start(t, "config umbrella main\n").expect("msg=memory")
	for _, want := range []string{"limit_mib=", "gc_percent=", "machine_mib=", "'s memory\""} {
		if !strings.Contains(line, want) {
			t.Errorf("%q is not in %s", want, line)
		}
	}
	t.Setenv("GOMEMLIMIT", "99MiB")
	t.Setenv("GOGC", "123")
	line = start(t, "config umbrella main\n").expect("msg=memory")
	for _, want := range []string{"limit_mib=99", "gc_percent=123", "and GOMEMLIMIT, and GOGC"} {
		if !strings.Contains(line, want) {
			t.Errorf("%q is not in %s", want, line)
		}
	}
}
