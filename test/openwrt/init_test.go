package openwrt

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const (
	validSettings   = "config umbrella 'main'\n\toption state_dir '$STATE'\n"
	invalidSettings = validSettings + "\toption tls 'may\\be'\n\toption media_port '99999'\n"
)

// rule is how the firewall is asked for one.
func rule(zone, protocol, ports string) []string {
	return []string{
		"json_add_object []", "json_add_string [type] [rule]", "json_add_string [src] [" + zone + "]",
		"json_add_string [proto] [" + protocol + "]", "json_add_string [dest_port] [" + ports + "]",
		"json_add_string [target] [ACCEPT]", "json_close_object",
	}
}

// The whole of what procd gets for a node without a jail.
func instance() []string {
	return slices.Concat([]string{
		"procd_open_instance",
		"procd_set_param [command] [/usr/sbin/umbrellad] [-config] [/var/run/umbrella] [-original] [/etc/config/umbrella] [-pause] [2s]",
		"procd_set_param [file] [/usr/sbin/umbrellad]",
		"procd_set_param [respawn] [3600] [1] [0]",
		"procd_set_param [stdout] [1]",
		"procd_set_param [stderr] [1]",
		"procd_set_param [term_timeout] [10]",
		"procd_set_param [limits] [core=0] [nofile=4096 4096]",
		"procd_set_param [user] [umbrella]",
		"procd_set_param [group] [umbrella]",
		"procd_set_param [no_new_privs] [1]",
		"procd_open_data",
		"json_add_object [mdns]",
		"procd_add_mdns_service [umbrella] [tcp] [8081] [path=/sfu]",
		"json_close_object",
		"json_add_array [firewall]",
	}, rule("lan", "tcp", "8081 8082"), rule("lan", "udp", "8082"), []string{
		"json_close_array",
		"procd_close_data",
		"procd_close_instance",
	})
}

func TestInitScript(t *testing.T) {
	shells := map[string][]string{"sh": {"sh"}}
	if busybox, err := exec.LookPath("busybox"); err == nil {
		shells["busybox"] = []string{busybox, "ash"}
	}
	daemon := filepath.Join(openTempDir(t), "umbrellad-real")
	if out, err := exec.Command("go", "build", "-o", daemon, "umbrella/cmd/umbrellad").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, shell := range shells {
		t.Run(name, func(t *testing.T) {
			for name, test := range map[string]func(*testing.T, *device){
				"start": testStart, "not started": testNotStarted, "reload": testReload, "files": testFiles, "foreign files": testForeignFiles,
				"not running and not valid": testNotRunningAndNotValid, "not applied": testNotApplied, "stopped": testStopped,
				"not committed": testNotCommitted, "missing CA": testMissingCA, "preparation fails": testPreparationFails, "settings gone": testSettingsGone, "failing state_dir": testFailingStateDir, "firewall": testFirewall,
				"jail": testJail, "state_dir": testStateDir, "announced": testAnnounced, "the rest": testTheRest,
			} {
				t.Run(name, func(t *testing.T) { test(t, newDevice(t, daemon, shell)) })
			}
		})
	}
}

func testStart(t *testing.T, d *device) {
	d.settings(validSettings)
	got, err := d.do("start")
	if err != nil {
		t.Error(err)
	}
	equal(t, "instance", section(got, "procd_open_instance", "procd_close_instance"), instance())
	if last := got[len(got)-1]; last != "procd_set_config_changed [firewall]" {
		t.Errorf("the last is %q, want that the firewall is told", last)
	}
	if d.refused() != "" {
		t.Errorf("LuCI is told %q", d.refused())
	}
	if copied := d.read(filepath.Join(d.run, "umbrella")); copied != d.read(filepath.Join(d.config, "umbrella"))+"\n" {
		t.Errorf("the copied settings are %q", copied)
	}
	if _, uid := owner(t); os.Geteuid() == 0 {
		for path, want := range map[string]int{d.run: 0, filepath.Join(d.run, "lent"): 0, filepath.Join(d.run, "umbrella"): 0, d.state: uid} {
			if info, err := os.Stat(path); err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != want {
				t.Errorf("%s is not of the user %d: %v", path, want, err)
			}
		}
	}
	if info, err := os.Stat(d.run); err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("%v, %v", info, err)
	}
	if info, err := os.Stat(filepath.Join(d.run, "umbrella")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
}

func testNotStarted(t *testing.T, d *device) {
	d.settings(validSettings + "\toption enabled 'off'\n")
	got, err := d.do("start")
	equal(t, "not enabled", got, []string{"start",
		"logger [-t] [umbrella] [-p] [daemon.notice] [not enabled: uci set umbrella.main.enabled=1; uci commit umbrella; reload_config]"})
	if err != nil {
		t.Error(err)
	}

	// Once it ran, the firewall is told.
	d.started("")
	d.settings(validSettings + "\toption enabled 'off'\n")
	if got, _ := d.do("start"); got[len(got)-1] != "procd_set_config_changed [firewall]" {
		t.Errorf("no longer enabled: %q", got)
	}

	d.running = false
	d.settings(invalidSettings)
	got, err = d.do("start")
	equal(t, "not valid", got, []string{"start",
		`logger [-t] [umbrella] [-p] [daemon.err] [/etc/config/umbrella: section 'main', option 'tls': 'may\be' is not allowed: auto, files, acme or off]`,
		"logger [-t] [umbrella] [-p] [daemon.err] [/etc/config/umbrella: section 'main', option 'media_port': '99999' is not allowed: a port number from 1 to 65535]",
		"logger [-t] [umbrella] [-p] [daemon.err] [not started: put /etc/config/umbrella right, and then: /etc/init.d/umbrella start]"})
	if err == nil {
		t.Error("started by settings that are not valid")
	}
}

// Settings that were emptied or removed start nothing, and change nothing that runs.
func testSettingsGone(t *testing.T, d *device) {
	file := filepath.Join(d.config, "umbrella")
	ways := map[string]struct {
		do    func() error
		words string
	}{
		"removed":     {func() error { return nil }, "/etc/config/umbrella: it is not there: put a copy of it back"},
		"emptied":     {func() error { return os.WriteFile(file, nil, 0o600) }, "/etc/config/umbrella: it is empty"},
		"cut off":     {func() error { return os.WriteFile(file, []byte("config room 'den'\n"), 0o600) }, "/etc/config/umbrella: it has no section config umbrella 'main'"},
		"NUL bytes":   {func() error { return os.WriteFile(file, make([]byte, 512), 0o600) }, "/etc/config/umbrella: line 1: this is not a text file"},
		"a directory": {func() error { return os.Mkdir(file, 0o755) }, "/etc/config/umbrella: cannot be read: it is not a file"},
		"a FIFO":      {func() error { return syscall.Mkfifo(file, 0o600) }, "/etc/config/umbrella: cannot be read: it is not a file"},
		"too large":   {func() error { return os.WriteFile(file, make([]byte, 10<<20), 0o600) }, "/etc/config/umbrella: cannot be read: it is larger than 256 KiB"},
		"another's": {func() error {
			return os.WriteFile(file, []byte("config interface 'lan'\n\toption proto 'dhcp'\n"), 0o600)
		}, "'interface'"},
	}
	for name, way := range ways {
		if err := errors.Join(os.RemoveAll(file), way.do()); err != nil {
			t.Fatal(err)
		}
		if got, err := d.do("start"); err == nil || len(onlyWith(got, "procd_open_instance")) > 0 || !strings.Contains(d.refused(), way.words) {
			t.Errorf("%s: started: %q, LuCI is told %q", name, got, d.refused())
		}
	}
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	d.started("\toption media_port '9000'\n")
	for name, way := range ways {
		if err := errors.Join(os.RemoveAll(file), way.do()); err != nil {
			t.Fatal(err)
		}
		got, err := d.do("reload")
		if err != nil || !slices.Contains(got, "json_add_string [dest_port] [9000]") || !d.runsBy("9000") || !slices.Contains(got, goesOn) || !strings.Contains(d.refused(), way.words) {
			t.Errorf("%s: what runs was changed: %v, %q, LuCI is told %q", name, err, got, d.refused())
		}
	}
}

const (
	asked    = "ubus [-t] [30] [call] [umbrella] [reload]"
	waited   = "ubus [-t] [20] [wait_for] [umbrella]"
	signaled = `ubus [-t] [5] [call] [service] [signal] [{ "name": "umbrella", "signal": 1 }]`
	goesOn   = "logger [-t] [umbrella] [-p] [daemon.err] [/etc/config/umbrella is not taken: the node goes on by the last settings that it could run by]"
)

// started puts the device where a node runs by the valid settings and more.
func (d *device) started(more string) {
	d.t.Helper()
	d.settings(validSettings + more)
	if got, err := d.do("start"); err != nil {
		d.t.Fatal(err, got)
	}
	d.running = true
}

// runsBy tells whether the settings that the node reads have the text.
func (d *device) runsBy(text string) bool {
	d.t.Helper()
	return strings.Contains(d.read(filepath.Join(d.run, "umbrella")), text)
}

func (d *device) refused() string {
	text, _ := os.ReadFile(filepath.Join(d.run, "refused"))
	return strings.ReplaceAll(string(text), d.root, "")
}

func testReload(t *testing.T, d *device) {
	d.started("")
	procd := func(lines []string) []string {
		return onlyWith(lines, "ubus", "procd_open_instance", "logger", "start")
	}

	// The node is asked before anything that might start a new process.
	d.settings(validSettings + "\toption media_port '9000'\n")
	got, err := d.do("reload")
	equal(t, "reload", procd(got), []string{"start", asked, "procd_open_instance"})
	if err != nil || !slices.Contains(got, "json_add_string [dest_port] [9000]") {
		t.Errorf("the firewall is not told of the port: %v, %q", err, got)
	}
	if !strings.Contains(d.read(filepath.Join(d.run, "../asked")), "9000") {
		t.Error("the node was asked before there were new settings")
	}

	// A node that is not on the bus, and stays so, gets a signal.
	d.onBus, d.comesUp = false, false
	d.settings(validSettings + "\toption media_port '9000'\n\nconfig room 'den'\n")
	got, _ = d.do("reload")
	equal(t, "not on the bus", procd(got), []string{"start", "procd_open_instance", "start", waited, signaled, "procd_open_instance"})
	d.onBus, d.comesUp = true, true

	// Not valid: the node is left alone, with what it has.
	d.settings(invalidSettings)
	for _, action := range []string{"reload", "start"} {
		got, err = d.do(action)
		if err != nil || len(onlyWith(got, "logger")) != 3 || !slices.Contains(got, goesOn) || len(onlyWith(got, "ubus")) > 0 {
			t.Errorf("%s, not valid: %v, %q", action, err, got)
		}
		if !slices.Contains(got, "json_add_string [dest_port] [9000]") || !d.runsBy("9000") {
			t.Errorf("%s: what runs is not what is registered: %q", action, got)
		}
		if text := d.refused(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "option 'media_port': '99999' is not allowed") {
			t.Errorf("LuCI is told %q", text)
		}
	}

	// Nothing of the settings before shows through.
	d.settings(validSettings)
	if got, err = d.do("reload"); err != nil || !slices.Contains(got, "json_add_string [dest_port] [8082]") || d.refused() != "" {
		t.Errorf("reload to the default: %v, %q", err, got)
	}

	// Not running: it starts.
	d.running = false
	got, err = d.do("reload")
	equal(t, "reload, not running", procd(got), []string{"start", signaled, "procd_open_instance"})
	if err != nil {
		t.Error(err)
	}

	// No longer enabled: an empty service ends it, and what it ran by counts no more.
	d.running = true
	d.settings(validSettings + "\toption enabled '0'\n")
	got, err = d.do("reload")
	if err != nil || len(onlyWith(got, "procd_open_instance", "ubus")) > 0 || got[0] != "start" {
		t.Errorf("reload, no longer enabled: %v, %q", err, got)
	}
	d.running = false
	d.settings(invalidSettings)
	if got, err := d.do("start"); err == nil || len(onlyWith(got, "procd_open_instance")) > 0 {
		t.Errorf("started: %q", got)
	}
}

// After a stop, as at an upgrade, and while procd waits to start it again.
func testNotRunningAndNotValid(t *testing.T, d *device) {
	d.started("\toption media_port '9000'\n")
	d.running = false
	if _, err := d.do("stopped"); err != nil {
		t.Fatal(err)
	}
	d.settings(invalidSettings)
	for range 2 {
		got, err := d.do("start")
		if err != nil || len(onlyWith(got, "procd_open_instance")) != 1 || !slices.Contains(got, goesOn) ||
			!slices.Contains(got, "json_add_string [dest_port] [9000]") || !d.runsBy("9000") {
			t.Errorf("%v, %q", err, got)
		}
	}
}

// What cannot be applied is taken back, and is not what the node starts by.
func testNotApplied(t *testing.T, d *device) {
	d.started("\toption listen ':9001'\n")
	before := d.read(filepath.Join(d.run, "umbrella"))
	d.settings(validSettings + "\toption listen ':443'\n\toption wan '1'\n")
	d.problem = "option 'listen': listen tcp :443: address already in use"
	refused := "/etc/config/umbrella: section 'main', " + d.problem
	kept := func(when string, got []string, err error) {
		t.Helper()
		if err != nil || d.read(filepath.Join(d.run, "umbrella")) != before || d.refused() != refused+"\n" ||
			!slices.Contains(got, "logger [-t] [umbrella] [-p] [daemon.err] ["+refused+"]") || !slices.Contains(got, goesOn) {
			t.Errorf("%s: %v, %q, refused: %q", when, err, got, d.refused())
		}
		if slices.Contains(got, "json_add_string [src] [wan]") || !slices.Contains(got, "json_add_string [dest_port] [9001 8082]") {
			t.Errorf("%s: the firewall is told of what is not used: %q", when, got)
		}
	}
	got, err := d.do("reload")
	kept("reload", got, err)
	if !slices.Contains(got, asked) {
		t.Errorf("not asked: %q", got)
	}
	// As at an upgrade: it starts by those that it ran by, and is asked again.
	d.running = false
	got, err = d.do("start")
	kept("start", got, err)
	equal(t, "start", onlyWith(got, "start", "ubus", "procd_open_instance"),
		[]string{"start", "procd_open_instance", "start", waited, asked, "procd_open_instance"})
	if slices.Contains(got, "json_add_string [dest_port] [443 8082]") {
		t.Errorf("the firewall was told of what is not used: %q", got)
	}
	d.running = true
	got, err = d.do("reload")
	kept("again", got, err)
	d.problem = ""
	if got, err = d.do("reload"); err != nil || !d.runsBy("':443'") || d.refused() != "" || !slices.Contains(got, "json_add_string [src] [wan]") {
		t.Errorf("when it can be applied: %v, %q", err, got)
	}
}

// Settings that came while no node ran are tried by one that runs by those before.
func testStopped(t *testing.T, d *device) {
	d.started("\toption listen ':9001'\n")
	d.running = false
	d.settings(validSettings + "\toption listen ':9002'\n")
	got, err := d.do("start")
	if err != nil || !d.runsBy(":9002") || d.refused() != "" {
		t.Errorf("%v, %q", err, got)
	}
	equal(t, "comes up", onlyWith(got, "start", "ubus", "procd_open_instance", "procd_add_mdns_service", "procd_set_config_changed"), []string{
		"start", "procd_open_instance", "procd_add_mdns_service [umbrella] [tcp] [9001] [path=/sfu]",
		"start", waited, asked, "procd_open_instance", "procd_add_mdns_service [umbrella] [tcp] [9002] [path=/sfu]", "procd_set_config_changed [firewall]"})

	// One that does not come up may do so by the new ones.
	d.comesUp = false
	d.settings(validSettings + "\toption listen ':9003'\n")
	got, err = d.do("start")
	if err != nil || !d.runsBy(":9003") || d.refused() != "" {
		t.Errorf("%v, %q", err, got)
	}
	equal(t, "does not come up", onlyWith(got, "start", "ubus", "procd_open_instance"),
		[]string{"start", "procd_open_instance", "start", waited, signaled, "procd_open_instance"})
}

// What `uci set` has changed and `uci commit` has not counts for nothing.
func testNotCommitted(t *testing.T, d *device) {
	delta := filepath.Join(d.config, ".uci")
	if err := os.Mkdir(delta, 0o700); err != nil {
		t.Fatal(err)
	}
	d.settings(validSettings + "\toption enabled '0'\n")
	d.write(filepath.Join(delta, "umbrella"), "\noption enabled '1'\noption media_port '1234'\n")
	if got, err := d.do("start"); err != nil || len(onlyWith(got, "procd_open_instance")) > 0 {
		t.Errorf("enabled before the commit: %v, %q", err, got)
	}
	d.settings(validSettings)
	if got, err := d.do("start"); err != nil || !slices.Contains(got, "json_add_string [dest_port] [8081 8082]") {
		t.Errorf("a port before the commit: %v, %q", err, got)
	}
}

func testAnnounced(t *testing.T, d *device) {
	d.running = true
	cases := map[string][]string{
		"": slices.Concat([]string{"procd_open_data", "json_add_object [mdns]",
			"procd_add_mdns_service [umbrella] [tcp] [8081] [path=/sfu]", "json_close_object", "json_add_array [firewall]"},
			rule("lan", "tcp", "8081 8082"), rule("lan", "udp", "8082"), []string{"json_close_array", "procd_close_data"}),
		"\toption listen '[fd00::1]:443'\n\toption prefix '/umbrella/'\n\toption media_port '5000'\n": slices.Concat([]string{
			"procd_open_data", "json_add_object [mdns]",
			"procd_add_mdns_service [umbrella] [tcp] [443] [path=/umbrella/sfu]", "json_close_object", "json_add_array [firewall]"},
			rule("lan", "tcp", "443 5000"), rule("lan", "udp", "5000"), []string{"json_close_array", "procd_close_data"}),
		"\toption listen '127.0.0.1:8081'\n": slices.Concat([]string{"procd_open_data", "json_add_array [firewall]"},
			rule("lan", "tcp", "8082"), rule("lan", "udp", "8082"), []string{"json_close_array", "procd_close_data"}),
	}
	acme := "\toption tls 'acme'\n\toption acme_domain 'ap.example.org'\n"
	both := func(tcp string) []string {
		return slices.Concat([]string{"procd_open_data", "json_add_object [mdns]",
			"procd_add_mdns_service [umbrella] [tcp] [443] [path=/sfu]", "json_close_object", "json_add_array [firewall]"},
			rule("lan", "tcp", tcp), rule("lan", "udp", "8082"), rule("wan", "tcp", tcp), rule("wan", "udp", "8082"),
			[]string{"json_close_array", "procd_close_data"})
	}
	https := "\toption listen ':443'\n\toption wan '1'\n"
	cases[https+acme] = both("443 8082")
	cases[https+acme+"\toption acme_http ':80'\n"] = both("443 8082 80")
	cases[https+acme+"\toption acme_http '[::1]:80'\n"] = both("443 8082")
	cases[https+"\toption acme_http ':80'\n"] = both("443 8082") // not used
	cases["\toption wan '1'\n\toption listen '127.0.0.1:8081'\n"] = slices.Concat([]string{"procd_open_data", "json_add_array [firewall]"},
		rule("lan", "tcp", "8082"), rule("lan", "udp", "8082"), rule("wan", "tcp", "8082"), rule("wan", "udp", "8082"),
		[]string{"json_close_array", "procd_close_data"})
	// Zones in place of lan, wan only once, and mDNS into those of guests.
	guests := slices.Concat([]string{"procd_open_data", "json_add_object [mdns]",
		"procd_add_mdns_service [umbrella] [tcp] [8081] [path=/sfu]", "json_close_object", "json_add_array [firewall]"},
		rule("lan", "tcp", "8081 8082"), rule("lan", "udp", "8082"), rule("guest", "tcp", "8081 8082"), rule("guest", "udp", "8082 5353"),
		rule("wan", "tcp", "8081 8082"), rule("wan", "udp", "8082"), []string{"json_close_array", "procd_close_data"})
	cases["\tlist zone 'lan'\n\tlist zone 'guest'\n\toption wan '1'\n"] = guests
	cases["\toption zone 'lan guest wan'\n\toption wan '1'\n"] = guests
	cases["\toption zone 'lan guest wan'\n"] = guests
	cases["\tlist zone 'iot'\n"] = slices.Concat(guests[:5], rule("iot", "tcp", "8081 8082"), rule("iot", "udp", "8082 5353"),
		[]string{"json_close_array", "procd_close_data"})
	for settings, want := range cases {
		d.settings(validSettings + settings)
		got, err := d.do("start")
		if err != nil {
			t.Errorf("%q: %v", settings, err)
		}
		equal(t, settings, section(got, "procd_open_data", "procd_close_data"), want)
	}
}

// The firewall reads its rules anew when they are others, and only then.
func testFirewall(t *testing.T, d *device) {
	told := func(action, settings string) bool {
		t.Helper()
		if settings != "" {
			d.settings(validSettings + settings)
		}
		got, err := d.do(action)
		if err != nil {
			t.Fatal(err, got)
		}
		return slices.Contains(got, "procd_set_config_changed [firewall]")
	}
	room := "\nconfig room 'den'\n"
	d.write(filepath.Join(d.config, "firewall"), "config zone\n\toption name 'lan'\n")
	defer func() {
		if got := d.read(filepath.Join(d.run, "firewall")); got != "config zone\n\toption name 'lan'\n" {
			t.Errorf("the node's copy of the firewall's settings is %q", got)
		}
	}()
	for i, step := range []struct {
		action, settings string
		want             bool
	}{
		{"start", "\n", true}, {"start", "", false}, {"reload", room, false}, {"reload", "\toption media_port '9000'\n" + room, true},
		{"reload", "\toption wan '1'\n", true}, {"stopped", "", true}, {"start", "", true}, {"reload", "\toption enabled '0'\n", true},
		{"reload", room, true},
	} {
		if got := told(step.action, step.settings); got != step.want {
			t.Errorf("%d. %s: the firewall is told: %t", i, step.action, got)
		}
	}
}

func testTheRest(t *testing.T, d *device) {
	for action, want := range map[string][]string{
		"triggers": {
			"procd_add_reload_trigger [umbrella] [firewall]",
			"procd_add_raw_trigger [acme.renew] [5000] [/etc/init.d/umbrella] [reload]",
		},
		"stopped": {"procd_set_config_changed [firewall]"},
	} {
		got, err := d.do(action)
		if err != nil {
			t.Error(err)
		}
		equal(t, action, got, want)
	}
}
