package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"umbrella/bench/internal/load"
	"umbrella/bench/internal/report"
)

func TestParse(t *testing.T) {
	o, err := parse([]string{"-work", "1x10,8x8", "-codec", "h264", "-vs", "a=http://x/%d,http://x/w,12", "-vs", "g=ws://h/ws,group,13"})
	if err != nil {
		t.Fatal(err)
	}
	if len(o.works) != 2 || o.works[1] != (load.Work{Publishers: 8, Subscribers: 8}) {
		t.Error(o.works)
	}
	if len(o.others) != 2 || o.others[0].pid != 12 || o.others[1].target != (load.Target{WHIP: "ws://h/ws", WHEP: "group", Codec: "h264"}) {
		t.Errorf("%+v", o.others)
	}
	for _, bad := range []string{"-work=10", "-work=0x1", "-windows=0", "-window=1ms", "-vs=a", "-vs=a=b,c", "-vs=a=b,c,x"} {
		if _, err := parse([]string{bad}); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

// TestMeasuresTheDaemon runs a small load on a daemon as it is shipped.
func TestMeasuresTheDaemon(t *testing.T) {
	dir := t.TempDir()
	daemon := filepath.Join(dir, "umbrellad")
	if out, err := exec.Command("go", "build", "-o", daemon, "umbrella/cmd/umbrellad").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	document := filepath.Join(dir, "doc.md")
	if err := os.WriteFile(document, []byte("<!-- measured: begin -->\n<!-- measured: end -->\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, codec := range []string{"vp8", "h264"} {
		o := &options{daemon: daemon, codec: codec, windows: 2, window: time.Second, tableIn: document, svg: filepath.Join(dir, "a.svg")}
		row, err := o.umbrella(ctx, load.Work{Publishers: 2, Subscribers: 3})
		if err != nil {
			t.Fatal(err)
		}
		if row.Silent != 0 || row.Loss.Most > 0 || row.CPU.Least <= 0 || row.Peak < row.RSS || row.Join <= 0 || row.P99.Median < row.P50.Median {
			t.Errorf("%s: %+v", codec, row)
		}
		// Two clips at 30 pictures a second, of several packets each, to three.
		if row.Rate.Median < 600 || row.Rate.Median > 2000 {
			t.Errorf("%s: %.0f packets/s", codec, row.Rate.Median)
		}
		if err := o.save([]report.Row{row}); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(document)
	if err != nil || !strings.Contains(string(b), "| umbrella | 2×3 |") {
		t.Errorf("%v\n%s", err, b)
	}
}
