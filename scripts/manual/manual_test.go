package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"umbrella/internal/usage"
)

const docs = "../../docs"

// What is committed is what the sources say.
func TestManualIsCurrent(t *testing.T) {
	for name, want := range files() {
		got, err := os.ReadFile(filepath.Join(docs, name))
		if err != nil || string(got) != want {
			t.Errorf("docs/%s is not what internal/usage says (%v): run make manual", name, err)
		}
	}
}

// The manual page tells of each command, flag and exit code, and man finds nothing wrong.
func TestManualPage(t *testing.T) {
	man := exec.Command("man", "--warnings", "-l", filepath.Join(docs, "umbrellad.8"))
	man.Env = append(os.Environ(), "MANWIDTH=80", "LC_ALL=C.UTF-8", "MAN_KEEP_FORMATTING=")
	var problems strings.Builder
	man.Stderr = &problems
	text, err := man.Output()
	if err != nil || problems.Len() > 0 {
		t.Fatalf("%v: %s", err, &problems)
	}
	shown := strings.Join(strings.Fields(string(text)), " ")
	for _, c := range usage.Commands() {
		if want := strings.Join(append(strings.Fields(c.Name), c.Arguments...), " "); !strings.Contains(shown, want) {
			t.Errorf("it does not tell of %q", want)
		}
		for _, e := range c.Examples {
			if !strings.Contains(shown, e) {
				t.Errorf("it does not show %q", e)
			}
		}
	}
	for _, f := range usage.Shown() {
		if !strings.Contains(shown, strings.TrimSpace("-"+f.Name+" "+f.Value)) {
			t.Errorf("it does not tell of -%s", f.Name)
		}
	}
	for _, part := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "SIGNALS", "EXIT STATUS", "FILES", "EXAMPLES"} {
		if !strings.Contains(string(text), "\n"+part+"\n") {
			t.Errorf("it has no part %s", part)
		}
	}
	if out, err := exec.Command("mandoc", "-Tlint", "-Wstyle", filepath.Join(docs, "umbrellad.8")).CombinedOutput(); err != nil {
		t.Errorf("mandoc: %v\n%s", err, out)
	}
}

// The completion offers commands, and of each command its flags.
func TestCompletion(t *testing.T) {
	complete := func(words ...string) string {
		t.Helper()
		script := `. ` + docs + `/umbrellad.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _umbrellad; echo "${COMPREPLY[*]}"`
		out, err := exec.Command("bash", append([]string{"-ec", script, "bash", "umbrellad"}, words...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	for words, want := range map[string]string{
		"ki": "kick", "-p": "-pause", "token -ri": "-rights", "cameras -js": "-json", "cameras dis": "discover", "cameras discover -u": "-user",
		"hash -js": "", "help tok": "token", "rooms -": "-config -json -url -token -ca -h", "-config " + docs + "/umbrellad.b": docs + "/umbrellad.bash",
	} {
		if got := complete(strings.Split(words, " ")...); got != want {
			t.Errorf("%q is completed by %q, want %q", words, got, want)
		}
	}
	for _, c := range usage.Commands() {
		if got := complete(""); c.Name != "" && !strings.Contains(" "+got+" ", " "+strings.Fields(c.Name)[0]+" ") {
			t.Errorf("%s is not offered: %s", c.Name, got)
		}
	}
}
