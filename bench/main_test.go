package main

import (
	"context"
	"fmt"
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
	o, err := parse([]string{"-work", "1x10,8x8", "-codec", "h264", "-vs", "a=http://x/%d,http://x/w,12", "-vs", "g=ws://h/ws,group,13",
		"-vs-run", "r=http://x:1/%d?a=b,http://x:1/w,serve -a 1,2"})
	if err != nil {
		t.Fatal(err)
	}
	if len(o.works) != 2 || o.works[1] != (load.Work{Publishers: 8, Subscribers: 8}) {
		t.Error(o.works)
	}
	if len(o.others) != 3 || o.others[2].command != "serve -a 1,2" || o.others[2].target.WHIP != "http://x:1/%d?a=b" || o.others[0].pid != 12 || o.others[1].target != (load.Target{WHIP: "ws://h/ws", WHEP: "group", Codec: "h264"}) {
		t.Errorf("%+v", o.others)
	}
	for _, bad := range []string{"-work=10", "-work=0x1", "-windows=0", "-window=1ms", "-vs=a", "-vs=a=b,c", "-vs=a=b,c,x", "-vs-run=a=b,c", "-vs-run=a=b,c, "} {
		if _, err := parse([]string{bad}); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

// buildDaemon builds the daemon as it is shipped.
func buildDaemon(t *testing.T, dir string) string {
	t.Helper()
	daemon := filepath.Join(dir, "umbrellad")
	if out, err := exec.Command("go", "build", "-o", daemon, "umbrella/cmd/umbrellad").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return daemon
}

// TestStartsAnotherServer measures a server by the command that starts it, here
// our own, and ends it.
func TestStartsAnotherServer(t *testing.T) {
	dir := t.TempDir()
	daemon := buildDaemon(t, dir)
	listen, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	media, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	at := fmt.Sprintf("http://127.0.0.1:%d", listen)
	command := fmt.Sprintf("env UMBRELLA_TLS=off UMBRELLA_STATE_DIR='%s' UMBRELLA_LISTEN=127.0.0.1:%d UMBRELLA_MEDIA_PORT=%d '%s'", dir, listen, media, daemon)
	o, err := parse([]string{"-work=1x1", "-windows=1", "-window=1s", "-vs-run=other=" + at + "/whip/b?name=p%d," + at + "/whep/b," + command})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // anew each time, on the same port
		row, err := o.others[0].anew(ctx, o, o.works[0])
		if err != nil {
			t.Fatal(err)
		}
		if row.Server != "other" || row.CPU.Least <= 0 || row.Peak < 5 {
			t.Errorf("%+v", row)
		}
		if listens(ctx, strings.TrimPrefix(at, "http://")) {
			t.Fatal("it was not ended")
		}
	}
	if _, err := startServer(ctx, "sh -c 'echo no such group; exit 3'", at); err == nil || !strings.Contains(err.Error(), "no such group") {
		t.Errorf("of a server that ends at once: %v", err)
	}
	s, err := startServer(ctx, command, at)
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	if _, err := startServer(ctx, command, at); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("of a port that is taken: %v", err)
	}
}

// TestMeasuresTheDaemon runs a small load on a daemon as it is shipped.
func TestMeasuresTheDaemon(t *testing.T) {
	dir := t.TempDir()
	daemon := buildDaemon(t, dir)
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
