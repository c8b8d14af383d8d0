package main

import (
	"bytes"
	"strings"
	"testing"

	"umbrella/internal/access"
	"umbrella/internal/password"
	"umbrella/internal/usage"
)

// The token that is printed holds for the node of the same settings.
func TestTokenHolds(t *testing.T) {
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	code := run([]string{"token", "-room", "kitchen", "-name", "Ada", "-rights", "subscribe,moderate", "-once", "-for", "90m"},
		[]string{"UMBRELLA_STATE_DIR=" + dir}, stdio{strings.NewReader(""), &stdout, &stderr}, nil)
	_, text, ok := strings.Cut(strings.TrimSpace(stdout.String()), "#token=")
	if code != usage.OK || !ok {
		t.Fatalf("code %d, %s%s", code, &stdout, &stderr)
	}
	tokens := &access.Tokens{StateDir: dir}
	if err := tokens.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := tokens.Verify(text)
	if err != nil || c.Room != "kitchen" || c.Name != "Ada" || !c.Once || c.Has(access.RightPublish) || !c.Has(access.RightModerate) {
		t.Errorf("it says %+v, %v", c, err)
	}
}

func TestHashHolds(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := run([]string{"hash"}, nil, stdio{strings.NewReader("correct horse\n"), &stdout, &stderr}, nil)
	if hash := strings.TrimSpace(stdout.String()); code != usage.OK || !password.Matches(hash, "correct horse") {
		t.Errorf("code %d, %q, %s", code, hash, &stderr)
	}
}
