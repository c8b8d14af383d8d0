package proc

import (
	"os"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	if d, err := schedstat([]byte("5296559041 758683867 8256\n")); err != nil || d != 5296559041 {
		t.Errorf("%v, %v", d, err)
	}
	for _, bad := range []string{"", "1 2", "x 2 3"} {
		if _, err := schedstat([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	if d, err := stat([]byte("77 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 123 45 0 0 20 0")); err != nil || d != 1680*time.Millisecond {
		t.Errorf("%v, %v", d, err)
	}
	if n := kilobytes([]byte("Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t  1024 kB\n"), "VmRSS:"); n != 1<<20 {
		t.Error(n)
	}
}

func TestOwnUsageGrows(t *testing.T) {
	was, err := Read(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	x := 0
	for is := was; is.CPU-was.CPU < 10*time.Millisecond; {
		for i := range 1_000_000 {
			x += i
		}
		if is, err = Read(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	if was.RSS == 0 || was.Peak < was.RSS || x == 0 {
		t.Errorf("%+v", was)
	}
	if m, err := ReadMachine(); err != nil || m.Busy == 0 {
		t.Errorf("%+v, %v", m, err)
	}
}
