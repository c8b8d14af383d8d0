package main

import (
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// asDaemon makes a test binary be the daemon, for tests that need a process.
const asDaemon = "RUN_AS_UMBRELLAD"

// crashSignal makes a goroutine of that daemon panic.
const crashSignal = syscall.SIGUSR1

func TestMain(m *testing.M) {
	if os.Getenv(asDaemon) != "" {
		crashes := make(chan os.Signal, 1)
		signal.Notify(crashes, crashSignal)
		go func() {
			<-crashes
			panic("as a packet may cause one")
		}()
		main()
		return
	}
	os.Exit(m.Run())
}

// settings writes a UCI file and returns its directory.
func settings(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "umbrella"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestCommandLine(t *testing.T) {
	valid := settings(t, "config umbrella main\n\toption enabled 0\n\toption cert /nowhere\n")
	invalid := settings(t, "config umbrella main\n\toption media_port 99999\n\toption tls maybe\n")
	empty := t.TempDir()
	state := settings(t, "config umbrella main\n\toption prefix /u\n\tlist public_address 192.0.2.1\n\tlist public_address call.example.org\n\toption state_dir "+t.TempDir()+"\n")
	for _, c := range []struct {
		args           string
		environ        []string
		code           int
		stdout, stderr string // what begins each
	}{
		{args: "version", stdout: version + "\n"},
		{args: "-version", stdout: version + "\n"},
		{args: "--version", stdout: version + "\n"},
		{args: "help", stdout: "umbrellad is a WebRTC SFU"},
		{args: "-h", stdout: "umbrellad is a WebRTC SFU"},
		{args: "--help", stdout: "umbrellad is a WebRTC SFU"},
		{args: "check -h", stdout: "umbrellad is a WebRTC SFU"},
		{args: "chek", code: exitUsage, stderr: "umbrellad: there is no command \"chek\"\nTry"},
		{args: "check now", code: exitUsage, stderr: "umbrellad: \"now\" is too much\nTry"},
		{args: "check -json", code: exitUsage, stderr: "umbrellad: -json is for cameras and trunks\nTry"},
		{args: "cameras -user eve", code: exitUsage, stderr: "umbrellad: -user is for cameras discover\nTry"},
		{args: "cameras discover -json", code: exitUsage, stderr: "umbrellad: -json is for cameras and trunks\nTry"},
		{args: "cameras find", code: exitUsage, stderr: "umbrellad: \"find\" is too much\nTry"},
		{args: "cameras discover -user eve", code: exitFailure, stderr: "umbrellad: reading the password of \"eve\": there is none"},
		{args: "probe", code: exitUsage, stderr: "umbrellad: probe wants a CAMERA\nTry"},
		{args: "probe rtsp://a rtsp://b", code: exitUsage, stderr: "umbrellad: \"rtsp://b\" is too much\nTry"},
		{args: "probe door -config " + valid, code: exitUsage, stderr: "umbrellad: \"door\" is neither a URL nor a section"},
		{args: "probe door -config " + invalid, code: exitSettings, stderr: invalid},
		{args: "probe -report - http://127.0.0.1/", code: exitFailure, stdout: "Camera: unknown\n", stderr: "Looking at it"},
		{args: "probe http://127.0.0.1/ -report /nowhere/x", code: exitFailure, stdout: "http://127.0.0.1/\n", stderr: "Looking at it"},
		{args: "check -report x", code: exitUsage, stderr: "umbrellad: -report is for probe\nTry"},
		{args: "probe http://127.0.0.1/", code: exitFailure, stdout: "http://127.0.0.1/\n  cannot be used: ", stderr: "Looking at it"},
		{args: "token -config " + state, code: exitFailure, stderr: "umbrellad: token: -room says which room"},
		{args: "token -room a/b -config " + state, code: exitFailure, stderr: "umbrellad: token: a room's name"},
		{args: "token -room a -rights root -config " + state, code: exitFailure, stderr: "umbrellad: token: \"root\" is no right"},
		{args: "token -room a -for 1y", code: exitUsage, stderr: "umbrellad: invalid value \"1y\" for flag -for"},
		{args: "token -room a -for 100000h -config " + state, code: exitFailure, stderr: "umbrellad: token: a token holds"},
		{args: "token -room kitchen -config " + state, stdout: "https://call.example.org:8081/u/sfu/kitchen#token=eyJ", stderr: "Link, for 24h0m0s from now on:\n"},
		{args: "token -room * -rights admin -for 1h -config " + state, stdout: "eyJ"},
		{args: "check -pause 9s", code: exitUsage, stderr: "umbrellad: -pause is for running the node\nTry"},
		{args: "check -room a", code: exitUsage, stderr: "umbrellad: -room is for token\nTry"},
		{args: "hash", code: exitFailure, stderr: "umbrellad: hash: there is none on the standard input"},
		{args: "-nonsense", code: exitUsage, stderr: "umbrellad: flag provided but not defined: -nonsense\nTry"},
		{args: "check -config", code: exitUsage, stderr: "umbrellad: flag needs an argument: -config\nTry"},
		{args: "-config /nowhere check", code: exitUsage, stderr: "umbrellad: -config: \"/nowhere\" is not a directory\nTry"},
		{args: "-config " + valid + " check", stdout: "OK: " + valid + "/umbrella is valid\n",
			stderr: "warning: " + valid + "/umbrella: section 'main', option 'cert' is not used"},
		{args: "check --config=" + valid, stdout: "OK: " + valid + "/umbrella is valid\n", stderr: "warning: "},
		{args: "check -config " + empty, stdout: "OK: there is no " + empty + "/umbrella, and"},
		{args: "check -config " + empty, environ: []string{"UMBRELLA_TLS=maybe"}, code: exitSettings,
			stderr: "environment: UMBRELLA_TLS: 'maybe' is not allowed: auto, files, acme or off\n"},
		{args: "check -config " + invalid, code: exitSettings,
			stderr: invalid + "/umbrella: section 'main', option 'tls': 'maybe' is not allowed: auto, files, acme or off\n" +
				invalid + "/umbrella: section 'main', option 'media_port': '99999' is not allowed: a port number from 1 to 65535\n"},
		{args: "-config " + invalid, code: exitSettings, stderr: invalid + "/umbrella: section 'main', option 'tls'"},
		{args: "-config " + valid, stdout: "Umbrella is not enabled: ", stderr: "time="},
	} {
		var stdout, stderr bytes.Buffer
		code := run(strings.Fields(c.args), c.environ, stdio{strings.NewReader(""), &stdout, &stderr}, nil)
		if code != c.code || !begins(stdout.String(), c.stdout) || !begins(stderr.String(), c.stderr) {
			t.Errorf("umbrellad %s: code %d, stdout %q, stderr %q", c.args, code, stdout.String(), stderr.String())
		}
	}
}

// begins is strings.HasPrefix, but nothing begins with nothing only.
func begins(s, prefix string) bool {
	return strings.HasPrefix(s, prefix) && (s == "") == (prefix == "")
}

// The help names every flag and command, and every exit code.
func TestHelpIsWhole(t *testing.T) {
	var stdout, stderr bytes.Buffer
	run([]string{"-h"}, nil, stdio{nil, &stdout, &stderr}, nil)
	for _, word := range []string{"-config", "-version", "-h", " check", " trunks", " cameras", " probe", " token", " hash", "-room", "-name", "-rights", "-for", "-once", "-report", "-user", "-json", "-pause", " version", " help", "SIGHUP", "SIGTERM", "  0 ", "  1 ", "  2 ", "  3 ", "/etc/config"} {
		if !strings.Contains(stdout.String(), word) {
			t.Errorf("the help does not tell %q", word)
		}
	}
	for _, line := range strings.Split(stdout.String(), "\n") {
		if len(line) > 80 {
			t.Errorf("too long for a terminal: %q", line)
		}
	}
}

// The linker sets the version, as the Makefile asks it to.
func TestVersionIsLinked(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "umbrellad")
	build := exec.Command("go", "build", "-ldflags", "-X main.version=1.2.3_rc4", "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(binary, "--version").Output()
	if err != nil || string(out) != "1.2.3_rc4\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

// Behind a proxy, the address to open is that of the proxy.
func TestURLBehindProxy(t *testing.T) {
	p := start(t, "config umbrella main\n", "UMBRELLA_CLOUD=1", "UMBRELLA_HTTP_PREFIX=/umbrella",
		"UMBRELLA_PUBLIC_IP=192.0.2.1", "UMBRELLA_PUBLIC_HOST=call.example.org")
	p.expect("is running.")
	if got, want := p.expect("Open "), "Open https://call.example.org/umbrella/sfu"; got != want {
		t.Errorf("the first is %q, want %q", got, want)
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != exitOK {
		t.Errorf("it ended with %d", code)
	}
}
