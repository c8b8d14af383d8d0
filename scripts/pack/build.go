package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// build compiles the daemon for a family into the file out.
func build(root string, f family, version, out string) error {
	if _, err := os.Stat(filepath.Join(root, "web/dist/index.html.gz")); err != nil {
		return fmt.Errorf("the web client is not built, run make build: %w", err)
	}
	flags, err := os.ReadFile(filepath.Join(root, "scripts/goflags"))
	if err != nil {
		return err
	}
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid= -X main.version=" + version, "-o", out}
	for line := range strings.Lines(string(flags)) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
			args = append(args, line)
		}
	}
	cmd := exec.Command("go", append(args, "./cmd/umbrellad")...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), append([]string{"CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=", "GOWORK=off"}, f.Env...)...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building for %v: %w\n%s", f.Env, err, text)
	}
	return nil
}
