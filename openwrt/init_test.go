package openwrt

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// harness stands in for rc.common, procd.sh and functions.sh: it records what
// the init script asks of them, and does as $ACTION says.
const harness = `
record() {
	line="$1"
	shift
	for word; do line="$line [$word]"; done
	printf '%s\n' "$line" >>"$RECORD"
}
for name in open_instance close_instance set_param add_reload_trigger send_signal; do
	eval "procd_$name() { record procd_$name \"\$@\"; }"
done
logger() { record logger "$@"; }
config_load() { record config_load "$@"; }
config_get_bool() { # as functions.sh has it
	eval "tmp=\$OPTION_$3"
	case "$tmp" in
		1|on|true|yes|enabled) tmp=1;;
		0|off|false|no|disabled) tmp=0;;
		*) tmp="$4";;
	esac
	eval "$1=$tmp"
}
procd_running() { [ "$1:$RUNNING" = umbrella:1 ]; }
. "$SCRIPT"
[ -n "$USE_PROCD" ] && [ "$START" -gt 0 ] && [ "$STOP" -gt 0 ] || exit 9
[ "$PROG" = /usr/sbin/umbrellad ] || exit 8
PROG="$TEST_PROG"
start() { record start; start_service "$@"; }
case "$ACTION" in
	start) start;;
	reload) reload_service;;
	triggers) service_triggers;;
esac
`

func TestInitScript(t *testing.T) {
	shells := [][]string{{"sh"}}
	if busybox, err := exec.LookPath("busybox"); err == nil {
		shells = append(shells, []string{busybox, "ash"})
	}
	dir := t.TempDir()
	daemon := filepath.Join(dir, "umbrellad-real")
	if out, err := exec.Command("go", "build", "-o", daemon, "umbrella/cmd/umbrellad").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// The script names no directory, so that of the test is put in here.
	prog := filepath.Join(dir, "umbrellad")
	wrapper := "#!/bin/sh\nexec " + daemon + " \"$@\" -config " + dir + "\n"
	for name, text := range map[string]string{prog: wrapper, filepath.Join(dir, "harness.sh"): harness} {
		if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	script, err := filepath.Abs("files/umbrella.init")
	if err != nil {
		t.Fatal(err)
	}

	const (
		valid   = "config umbrella main\n option cert /nowhere\n"
		invalid = "config umbrella main\n option tls 'may\\be'\n option media_port 99999\n"
	)
	opened := []string{
		"procd_open_instance",
		"procd_set_param [command] [" + prog + "]",
		"procd_set_param [file] [" + prog + "]",
		"procd_set_param [respawn]",
		"procd_set_param [stdout] [1]",
		"procd_set_param [stderr] [1]",
		"procd_set_param [term_timeout] [10]",
		"procd_close_instance",
	}
	said := []string{
		"logger [-t] [umbrella] [-p] [daemon.err] [" + dir + `/umbrella: section 'main', option 'tls': 'may\be' is not allowed: auto, files or off]`,
		"logger [-t] [umbrella] [-p] [daemon.err] [" + dir + "/umbrella: section 'main', option 'media_port': '99999' is not allowed: a port number from 1 to 65535]",
	}
	for name, c := range map[string]struct {
		action, settings, enabled string
		running                   bool
		fails                     bool
		want                      [][]string
	}{
		"start":                     {action: "start", settings: valid, want: [][]string{{"start", "config_load [umbrella]"}, opened}},
		"start, enabled":            {action: "start", settings: valid, enabled: "1", want: [][]string{{"start", "config_load [umbrella]"}, opened}},
		"start again":               {action: "start", settings: valid, running: true, want: [][]string{{"start", "config_load [umbrella]"}, opened}},
		"start, not enabled":        {action: "start", settings: valid, enabled: "off", want: [][]string{{"start", "config_load [umbrella]", "logger [-t] [umbrella] [-p] [daemon.notice] [not enabled: uci set umbrella.main.enabled=1; uci commit umbrella; reload_config]"}}},
		"start, invalid":            {action: "start", settings: invalid, fails: true, want: [][]string{{"start", "config_load [umbrella]"}, said, {"logger [-t] [umbrella] [-p] [daemon.err] [not started: put /etc/config/umbrella right, and it starts by itself]"}}},
		"start again, invalid":      {action: "start", settings: invalid, running: true, want: [][]string{{"start", "config_load [umbrella]"}, said, opened}},
		"reload":                    {action: "reload", settings: valid, running: true, want: [][]string{{"config_load [umbrella]", "procd_send_signal [umbrella] [*] [HUP]"}}},
		"reload, invalid":           {action: "reload", settings: invalid, running: true, want: [][]string{{"config_load [umbrella]", "procd_send_signal [umbrella] [*] [HUP]"}}},
		"reload, not running":       {action: "reload", settings: valid, want: [][]string{{"start", "config_load [umbrella]"}, opened}},
		"reload, no longer enabled": {action: "reload", settings: valid, enabled: "0", running: true, want: [][]string{{"config_load [umbrella]", "start", "config_load [umbrella]", "logger [-t] [umbrella] [-p] [daemon.notice] [not enabled: uci set umbrella.main.enabled=1; uci commit umbrella; reload_config]"}}},
		"triggers":                  {action: "triggers", want: [][]string{{"procd_add_reload_trigger [umbrella]"}}},
	} {
		for _, shell := range shells {
			if err := os.WriteFile(filepath.Join(dir, "umbrella"), []byte(c.settings), 0o600); err != nil {
				t.Fatal(err)
			}
			record := filepath.Join(t.TempDir(), "record")
			cmd := exec.Command(shell[0], append(shell[1:], filepath.Join(dir, "harness.sh"))...)
			cmd.Env = append(os.Environ(), "RECORD="+record, "SCRIPT="+script, "TEST_PROG="+prog, "ACTION="+c.action, "OPTION_enabled="+c.enabled)
			if c.running {
				cmd.Env = append(cmd.Env, "RUNNING=1")
			}
			out, err := cmd.CombinedOutput()
			if (err != nil) != c.fails || len(out) > 0 {
				t.Errorf("%s, %s: %v, output %q", name, shell, err, out)
			}
			got, err := os.ReadFile(record)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, lines := range c.want {
				want = append(want, lines...)
			}
			if string(got) != strings.Join(want, "\n")+"\n" {
				t.Errorf("%s, %s: got\n%s\nwant\n%s", name, shell, got, strings.Join(want, "\n"))
			}
		}
	}
}
