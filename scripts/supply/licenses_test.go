package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// The file that the packages carry is what is compiled in now.
func TestThirdParty(t *testing.T) {
	if _, err := os.Stat("../../web/node_modules/preact"); err != nil {
		t.Skip("the web client's packages are not installed: make web")
	}
	var now bytes.Buffer
	if err := run(&now, "../.."); err != nil {
		t.Fatal(err)
	}
	was, err := os.ReadFile("../../docs/third-party.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(was, now.Bytes()) {
		t.Error("docs/third-party.txt is not what umbrellad is made of: run make licenses")
	}
	// What asks for most: under the LGPL, and left out by the build tag noaac.
	_, text, ok := strings.Cut(now.String(), "\ngithub.com/tphakala/go-aac v")
	if !ok || !strings.Contains(text, "GNU LESSER GENERAL PUBLIC LICENSE") {
		t.Error("the licence of go-aac is not there")
	}
}
