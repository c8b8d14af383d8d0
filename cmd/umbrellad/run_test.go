package main

import (
	"bytes"
	"cmp"
	"flag"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"umbrella/internal/usage"
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
		{args: "check -h", stdout: "umbrellad check: check the settings"},
		{args: "-h check", stdout: "umbrellad check: check the settings"},
		{args: "help check", stdout: "umbrellad check: check the settings"},
		{args: "help cameras discover", stdout: "umbrellad cameras discover: look for"},
		{args: "probe --help", stdout: "umbrellad probe: tell what a camera sends"}, // what it wants is not there
		{args: "help chek", code: usage.Wrong, stderr: "umbrellad: there is no command \"chek\"\nTry 'check', or"},
		{args: "chek -h", code: usage.Wrong, stderr: "umbrellad: there is no command \"chek\"\nTry 'check', or"},
		{args: "camera", code: usage.Wrong, stderr: "umbrellad: there is no command \"camera\"\nTry 'cameras', or 'umbrellad -h'.\n"},
		{args: "xyz", code: usage.Wrong, stderr: "umbrellad: there is no command \"xyz\"\nTry 'umbrellad -h'.\n"},
		{args: "cameras -jsn", code: usage.Wrong, stderr: "umbrellad: flag provided but not defined: -jsn\nTry '-json', or"},
		{args: "token --romo=den", code: usage.Wrong, stderr: "umbrellad: flag provided but not defined: -romo\nTry '-room', or"},
		{args: "cameras -json=maybe", code: usage.Wrong, stderr: "umbrellad: invalid value \"maybe\" for flag -json"},
		{args: "kick den", code: usage.Wrong, stderr: "umbrellad: kick wants a WHO\nTry 'umbrellad help kick'.\n"},
		{args: "kick", code: usage.Wrong, stderr: "umbrellad: kick wants a ROOM\nTry"},
		{args: "rooms -token x", code: usage.Wrong, stderr: "umbrellad: -token goes with -url"},
		{args: "rooms -url call.example.org", code: usage.Wrong, stderr: "umbrellad: -url: \"call.example.org\" is not the address of a web server"},
		{args: "rooms -url http://call.example.org -token x", code: usage.Wrong, stderr: "umbrellad: -token is not sent over http"},
		{args: "rooms -url https://127.0.0.1:1 -token /nowhere/x", code: usage.Failure, stderr: "umbrellad: -token: open /nowhere/x"},
		{args: "rooms -url https://127.0.0.1:1 -ca /dev/null", code: usage.Failure, stderr: "umbrellad: -ca: /dev/null holds no certificate"},
		{args: "rooms -url https://127.0.0.1:1", code: usage.Failure, stderr: "umbrellad: no umbrellad answers at https://127.0.0.1:1: connection refused"},
		{args: "chek", code: usage.Wrong, stderr: "umbrellad: there is no command \"chek\"\nTry"},
		{args: "check now", code: usage.Wrong, stderr: "umbrellad: \"now\" is too much\nTry"},
		{args: "check -json", code: usage.Wrong, stderr: "umbrellad: -json is for cameras, kick, rooms, status and trunks\nTry"},
		{args: "cameras -user eve", code: usage.Wrong, stderr: "umbrellad: -user is for cameras discover\nTry"},
		{args: "cameras discover -json", code: usage.Wrong, stderr: "umbrellad: -json is for cameras, kick, rooms, status and trunks\nTry"},
		{args: "cameras find", code: usage.Wrong, stderr: "umbrellad: \"find\" is too much\nTry"},
		{args: "cameras discover -user eve", code: usage.Failure, stderr: "umbrellad: reading the password of \"eve\": there is none"},
		{args: "probe", code: usage.Wrong, stderr: "umbrellad: probe wants a CAMERA\nTry"},
		{args: "probe rtsp://a rtsp://b", code: usage.Wrong, stderr: "umbrellad: \"rtsp://b\" is too much\nTry"},
		{args: "probe door -config " + valid, code: usage.Wrong, stderr: "umbrellad: \"door\" is neither a URL nor a section"},
		{args: "probe door -config " + invalid, code: usage.Settings, stderr: invalid},
		{args: "probe -report - http://127.0.0.1/", code: usage.Failure, stdout: "Camera: unknown\n", stderr: "Looking at it"},
		{args: "probe http://127.0.0.1/ -report /nowhere/x", code: usage.Failure, stdout: "http://127.0.0.1/\n", stderr: "Looking at it"},
		{args: "check -report x", code: usage.Wrong, stderr: "umbrellad: -report is for probe\nTry"},
		{args: "probe http://127.0.0.1/", code: usage.Failure, stdout: "http://127.0.0.1/\n  cannot be used: ", stderr: "Looking at it"},
		{args: "token -config " + state, code: usage.Wrong, stderr: "umbrellad: token: -room says which room"},
		{args: "token -room a/b -config " + state, code: usage.Wrong, stderr: "umbrellad: token: a room's name"},
		{args: "token -room a -rights root -config " + state, code: usage.Wrong, stderr: "umbrellad: token: \"root\" is no right"},
		{args: "token -room a -for 1y", code: usage.Wrong, stderr: "umbrellad: invalid value \"1y\" for flag -for"},
		{args: "token -room a -for 100000h -config " + state, code: usage.Wrong, stderr: "umbrellad: token: a token holds"},
		{args: "token -room kitchen -config " + state, stdout: "https://call.example.org:8081/u/sfu/kitchen#token=eyJ", stderr: "Link, for 24h from now on:\n"},
		{args: "token -room kitchen -for 1w -config " + state, stdout: "https://call.example.org:8081/u/sfu/kitchen#token=eyJ", stderr: "Link, for 7d from now on:\n"},
		{args: "token -room kitchen -for 7 -config " + state, code: usage.Wrong, stderr: "umbrellad: invalid value \"7\" for flag -for: \"7\" has no unit: write 7s, 7m, 7h or 7d\nTry"},
		{args: "check -pause 1d", code: usage.Wrong, stderr: "umbrellad: -pause is for running the node"},
		{args: "token -room * -rights admin -for 1h -config " + state, stdout: "eyJ"},
		{args: "check -pause 9s", code: usage.Wrong, stderr: "umbrellad: -pause is for running the node\nTry"},
		{args: "check -room a", code: usage.Wrong, stderr: "umbrellad: -room is for token\nTry"},
		{args: "hash", code: usage.Failure, stderr: "umbrellad: hash: there is none on the standard input"},
		{args: "-nonsense", code: usage.Wrong, stderr: "umbrellad: flag provided but not defined: -nonsense\nTry"},
		{args: "check -config", code: usage.Wrong, stderr: "umbrellad: flag needs an argument: -config\nTry"},
		{args: "-config /nowhere check", code: usage.Wrong, stderr: "umbrellad: -config: \"/nowhere\" is not a directory\nTry"},
		{args: "-config " + valid + " check", stdout: "OK: " + valid + "/umbrella is valid\n",
			stderr: "warning: " + valid + "/umbrella: section 'main', option 'cert' is not used"},
		{args: "check --config=" + valid, stdout: "OK: " + valid + "/umbrella is valid\n", stderr: "warning: "},
		{args: "check -config " + empty, stdout: "OK: there is no " + empty + "/umbrella, and"},
		{args: "check -config " + empty, environ: []string{"UMBRELLA_TLS=maybe"}, code: usage.Settings,
			stderr: "environment: UMBRELLA_TLS: 'maybe' is not allowed: auto, files, acme or off\n"},
		{args: "check -config " + invalid, code: usage.Settings,
			stderr: invalid + "/umbrella: section 'main', option 'tls': 'maybe' is not allowed: auto, files, acme or off\n" +
				invalid + "/umbrella: section 'main', option 'media_port': '99999' is not allowed: a port number from 1 to 65535\n"},
		{args: "-config " + invalid, code: usage.Settings, stderr: invalid + "/umbrella: section 'main', option 'tls'"},
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

// The help names every flag and command, and every exit code; each command has a help of
// its own, on the standard output.
func TestHelpIsWhole(t *testing.T) {
	help := func(args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := run(args, nil, stdio{nil, &stdout, &stderr}, nil); code != usage.OK || stderr.Len() > 0 {
			t.Errorf("%q: code %d, %s", args, code, &stderr)
		}
		for _, line := range strings.Split(stdout.String(), "\n") {
			if len(line) > 80 && !strings.HasPrefix(line, "  umbrellad ") { // an example
				t.Errorf("too long for a terminal: %q", line)
			}
		}
		return stdout.String()
	}
	whole := help("-h")
	for _, word := range []string{"-config", "-version", "-h", " check", " trunks", " cameras", " probe", " token", " hash", "-room", "-name", "-rights", "-for", "-once", "-report", "-user", "-json", "-pause", " version", " help", "SIGHUP", "SIGTERM", "  0 ", "  1 ", "  2 ", "  3 ", "/etc/config"} {
		if !strings.Contains(whole, word) {
			t.Errorf("the help does not tell %q", word)
		}
	}
	if len(runs()) != len(usage.Commands()) {
		t.Errorf("%d commands run, %d are told of", len(runs()), len(usage.Commands()))
	}
	for _, c := range usage.Commands() {
		if runs()[c.Name] == nil || !strings.Contains(whole, "\n  "+cmp.Or(c.Name, "(none)")) {
			t.Errorf("%q is not run, or not told of", c.Name)
		}
		if c.Name == "" {
			continue
		}
		own := help(append(strings.Fields(c.Name), "-h")...)
		if again := help(append([]string{"help"}, strings.Fields(c.Name)...)...); again != own {
			t.Errorf("help %s differs from %s -h", c.Name, c.Name)
		}
		for _, word := range append([]string{"umbrellad " + c.Name + ": ", "Usage:", "Exit codes:"}, c.Arguments...) {
			if !strings.Contains(own, word) {
				t.Errorf("%s -h does not tell %q:\n%s", c.Name, word, own)
			}
		}
		for _, f := range usage.Flags() {
			if slices.Contains(c.Flags, f.Name) && strings.Contains(own, "\n  -"+f.Name) != (f.Text != "") {
				t.Errorf("%s -h does not tell of -%s", c.Name, f.Name)
			}
		}
	}
	in, flags := &invocation{}, flag.NewFlagSet("", flag.ContinueOnError)
	in.define(flags)
	flags.VisitAll(func(f *flag.Flag) {
		if f.Name != "help" && !slices.ContainsFunc(usage.Flags(), func(u usage.Flag) bool { return u.Name == f.Name }) {
			t.Errorf("nothing tells of -%s", f.Name)
		}
	})
	for _, f := range usage.Flags() {
		if flags.Lookup(f.Name) == nil {
			t.Errorf("-%s is told of, and not there", f.Name)
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
	if code := p.exit(); code != usage.OK {
		t.Errorf("it ended with %d", code)
	}
}
