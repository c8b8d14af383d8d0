package node

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umbrella/internal/state"
)

// Whatever a node writes to its directory is among the files that internal/state knows:
// others are not given back to it after somebody copied the directory as root.
func TestStateFilesAreKnown(t *testing.T) {
	cfg := settings(t, "")
	startNode(t, cfg)
	count := 0
	err := filepath.WalkDir(cfg.Main.StateDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == cfg.Main.StateDir {
			return err
		}
		count++
		if !slices.Contains(state.Files, entry.Name()) {
			t.Errorf("%s is not known", entry.Name())
		}
		return nil
	})
	if err != nil || count < 4 {
		t.Errorf("%d files, %v", count, err)
	}
}

// A port that another program has is told with that program; what cannot be written,
// with what keeps it from that.
func TestStartNamesTheCause(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, text := range map[string]string{
		fmt.Sprintf("(pid %d) listens there: stop that, or take another port", os.Getpid()): fmt.Sprintf("\toption listen '%s'\n", l.Addr()),
		"a part of the path is a file and no directory":                                     fmt.Sprintf("\toption state_dir '%s/state'\n", file),
	} {
		n := &Node{Stderr: io.Discard, Log: slog.New(slog.DiscardHandler)}
		if err := n.Start(settings(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	// It can try again, and is on the bus meanwhile.
	cfg := settings(t, fmt.Sprintf("\toption listen '%s'\n", l.Addr()))
	r := &Node{Stderr: io.Discard, Log: slog.New(slog.DiscardHandler), Retry: true, UbusPath: filepath.Join(t.TempDir(), "none")}
	if err := r.Start(cfg); err == nil {
		t.Error("it started")
	}
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if answer, err := ask(t, r, "status", "{}"); err != nil || !strings.Contains(answer["problem"].(string), "listens there") || answer["stateDir"] != cfg.Main.StateDir {
		t.Errorf("the status is %v, %v", answer, err)
	}
	if _, err := ask(t, r, "rooms", "{}"); err == nil || !strings.Contains(err.Error(), "the node has not started: option 'listen'") {
		t.Errorf("its rooms: %v", err)
	}
	// Before the first attempt has ended, that is no problem.
	r.failure.Store(&stillStarting)
	if answer, err := ask(t, r, "status", "{}"); err != nil || answer["problem"] != "" || answer["starting"] != true {
		t.Errorf("the status is %v, %v", answer, err)
	}
	if err := r.Start(settings(t, "")); err != nil {
		t.Error(err)
	}
	if answer, err := ask(t, r, "status", "{}"); err != nil || answer["problem"] != "" {
		t.Errorf("the status is %v, %v", answer, err)
	}
	n := startNode(t, settings(t, ""))
	other := *n.cfg.Load()
	other.Main.Listen = l.Addr().String()
	if err := n.Apply(&other); err == nil || !strings.Contains(err.Error(), "listens there") {
		t.Errorf("got %v", err)
	}
}
