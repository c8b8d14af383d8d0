package state

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A file that is not named is not given back to the node after a copy as root: so none
// can be written.
func TestWriteKnowsTheNames(t *testing.T) {
	dir := t.TempDir()
	if err := Write(filepath.Join(dir, "new.key"), nil); err == nil || !strings.Contains(err.Error(), "not among the files of state_dir") {
		t.Errorf("got %v", err)
	}
	for _, name := range append(Files, ACMEFiles...) {
		if err := Write(filepath.Join(dir, name), []byte("x")); err != nil {
			t.Error(err)
		}
	}
}

// Where the disk is full, the file before stays, and nothing half is left.
func TestWriteOnFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=16k", "none", dir).CombinedOutput(); err != nil {
		t.Skipf("%v: %s", err, out)
	}
	defer func() { _ = exec.Command("umount", dir).Run() }()
	path := filepath.Join(dir, CAKey)
	if err := Write(path, []byte("good")); err != nil {
		t.Fatal(err)
	}
	err := Write(path, make([]byte, 64<<10))
	text, _ := os.ReadFile(path)
	entries, _ := os.ReadDir(dir)
	if !errors.Is(err, syscall.ENOSPC) || string(text) != "good" || len(entries) != 1 {
		t.Errorf("%v, the file is %.10q, and there are %d", err, text, len(entries))
	}
}
