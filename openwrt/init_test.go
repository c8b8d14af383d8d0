package openwrt

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"umbrella/internal/config"
)

// device is what the init script sees of an access point.
type device struct {
	t *testing.T
	// config, run and state are /etc/config, /var/run/umbrella and a state_dir.
	config, run, state string
	prog, capabilities string
	// jail is whether ujail is there.
	jail, running bool
	// resolv is what /etc/resolv.conf is a link to.
	resolv string
	shell  []string
}

// newDevice uses a real daemon to check settings.
func newDevice(t *testing.T, daemon string, shell []string) *device {
	dir := t.TempDir()
	d := &device{
		t: t, config: filepath.Join(dir, "config"), run: filepath.Join(dir, "run"), state: filepath.Join(dir, "state"),
		prog: filepath.Join(dir, "umbrellad"), capabilities: filepath.Join(dir, "umbrella.json"),
		resolv: "/tmp/resolv.conf.d/resolv.conf.auto", shell: shell,
	}
	if err := os.Mkdir(d.config, 0o755); err != nil {
		t.Fatal(err)
	}
	d.write(d.capabilities, "{}")
	// Only `check` is asked of it, which reads /etc/config.
	d.write(d.prog, "#!/bin/sh\nexec "+daemon+" \"$@\" -config "+d.config+"\n")
	return d
}

func (d *device) write(path, text string) {
	d.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		d.t.Fatal(err)
	}
}

func (d *device) read(path string) string {
	d.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

// settings become /etc/config/umbrella. $STATE is the directory state.
func (d *device) settings(text string) {
	d.write(filepath.Join(d.config, "umbrella"), strings.ReplaceAll(text, "$STATE", d.state))
}

// do runs an action and returns what the script asked for, a line each, with the
// names of directories as they are on a device.
func (d *device) do(action string) ([]string, error) {
	d.t.Helper()
	script, err := filepath.Abs("files/umbrella.init")
	if err != nil {
		d.t.Fatal(err)
	}
	record := filepath.Join(d.t.TempDir(), "record")
	d.write(record, "")
	cmd := exec.Command(d.shell[0], append(d.shell[1:], "testdata/rc.sh")...)
	cmd.Env = append(os.Environ(), "RECORD="+record, "SCRIPT="+script, "ACTION="+action, "TEST_PROG="+d.prog,
		"TEST_CONFIG="+d.config, "TEST_RUN="+d.run, "TEST_CAPABILITIES="+d.capabilities, "TEST_UJAIL=/nowhere", "TEST_RESOLV="+d.resolv)
	if d.jail {
		cmd.Env = append(cmd.Env, "TEST_UJAIL="+d.prog)
	}
	if d.running {
		cmd.Env = append(cmd.Env, "RUNNING=1")
	}
	out, err := cmd.CombinedOutput()
	if len(out) > 0 {
		d.t.Errorf("the script says %q", out)
	}
	text := strings.NewReplacer(d.config, "/etc/config", d.run, "/var/run/umbrella", d.state, "/state",
		d.prog, "/usr/sbin/umbrellad", d.capabilities, "/etc/capabilities/umbrella.json").Replace(d.read(record))
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n"), err
}

// section returns the lines from the first that begins with from to the next that
// begins with to.
func section(lines []string, from, to string) []string {
	begins := func(prefix string) func(string) bool {
		return func(line string) bool { return strings.HasPrefix(line, prefix) }
	}
	first := slices.IndexFunc(lines, begins(from))
	if first < 0 {
		return nil
	}
	last := slices.IndexFunc(lines[first:], begins(to))
	if last < 0 {
		return nil
	}
	return lines[first : first+last+1]
}

func onlyWith(lines []string, prefixes ...string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		return !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(line, p) })
	})
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

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
		"procd_set_param [command] [/usr/sbin/umbrellad] [-config] [/var/run/umbrella]",
		"procd_set_param [file] [/usr/sbin/umbrellad]",
		"procd_set_param [respawn] [3600] [10] [0]",
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
	daemon := filepath.Join(t.TempDir(), "umbrellad-real")
	if out, err := exec.Command("go", "build", "-o", daemon, "umbrella/cmd/umbrellad").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, shell := range shells {
		t.Run(name, func(t *testing.T) {
			for name, test := range map[string]func(*testing.T, *device){
				"start": testStart, "not started": testNotStarted, "reload": testReload, "files": testFiles,
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
	if copied := d.read(filepath.Join(d.run, "umbrella")); copied != d.read(filepath.Join(d.config, "umbrella"))+"\n" {
		t.Errorf("the copied settings are %q", copied)
	}
	for _, want := range []string{
		"chown [root:umbrella] [/var/run/umbrella]", "chown [root:umbrella] [/var/run/umbrella/.new]", "chown [umbrella:umbrella] [/state]",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("not done: %s", want)
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
	d.running = true
	if got, _ := d.do("start"); got[len(got)-1] != "procd_set_config_changed [firewall]" {
		t.Errorf("no longer enabled: %q", got)
	}

	d.running = false
	d.settings(invalidSettings)
	got, err = d.do("start")
	equal(t, "not valid", got, []string{"start",
		`logger [-t] [umbrella] [-p] [daemon.err] [/etc/config/umbrella: section 'main', option 'tls': 'may\be' is not allowed: auto, files, acme or off]`,
		"logger [-t] [umbrella] [-p] [daemon.err] [/etc/config/umbrella: section 'main', option 'media_port': '99999' is not allowed: a port number from 1 to 65535]",
		"logger [-t] [umbrella] [-p] [daemon.err] [not started: put /etc/config/umbrella right, and it starts by itself]",
		"procd_set_config_changed [firewall]"})
	if err == nil {
		t.Error("started by settings that are not valid")
	}
}

func testReload(t *testing.T, d *device) {
	d.settings(validSettings)
	if _, err := d.do("start"); err != nil {
		t.Fatal(err)
	}
	d.running = true
	procd := func(lines []string) []string {
		return onlyWith(lines, "procd_send_signal", "procd_open_instance", "logger", "start")
	}

	// The signal comes before anything that might start a new process, which a
	// signal would end that early.
	d.settings(validSettings + "\toption media_port '9000'\n")
	got, err := d.do("reload")
	equal(t, "reload", procd(got), []string{"procd_send_signal [umbrella] [*] [HUP]", "start", "procd_open_instance"})
	if err != nil || !slices.Contains(got, "json_add_string [dest_port] [9000]") {
		t.Errorf("the firewall is not told of the port: %v, %q", err, got)
	}

	// Not valid: the node is left alone, with what it has.
	d.settings(invalidSettings)
	got, err = d.do("reload")
	if err != nil || len(onlyWith(got, "logger")) != 2 || len(onlyWith(got, "procd_send_signal")) > 0 {
		t.Errorf("reload, not valid: %v, %q", err, got)
	}
	if !slices.Contains(got, "json_add_string [dest_port] [9000]") || !strings.Contains(d.read(filepath.Join(d.run, "umbrella")), "9000") {
		t.Errorf("what runs is not what is registered: %q", got)
	}
	// So it is by start, as after an upgrade.
	got, err = d.do("start")
	if err != nil || len(onlyWith(got, "logger")) != 2 || !slices.Contains(got, "json_add_string [dest_port] [9000]") {
		t.Errorf("start, not valid: %v, %q", err, got)
	}

	// Nothing of the settings before shows through.
	d.settings(validSettings)
	if got, err = d.do("reload"); err != nil || !slices.Contains(got, "json_add_string [dest_port] [8082]") {
		t.Errorf("reload to the default: %v, %q", err, got)
	}

	// Not running: it starts.
	d.running = false
	got, err = d.do("reload")
	equal(t, "reload, not running", procd(got), []string{"start", "procd_open_instance"})
	if err != nil {
		t.Error(err)
	}

	// No longer enabled: an empty service ends it.
	d.running = true
	d.settings(validSettings + "\toption enabled '0'\n")
	got, err = d.do("reload")
	if err != nil || len(onlyWith(got, "procd_open_instance", "procd_send_signal")) > 0 || got[0] != "start" {
		t.Errorf("reload, no longer enabled: %v, %q", err, got)
	}
}

// Files that settings name are lent to the node's user.
func testFiles(t *testing.T, d *device) {
	dir := t.TempDir()
	files := map[string]string{}
	for _, name := range []string{"cert", "key", "ca", "token_key"} {
		files[name] = filepath.Join(dir, name)
		d.write(files[name], "the "+name)
	}
	for _, o := range config.Options() {
		if o.Allowed == "the path of a file that is there" && files[o.Name] == "" {
			t.Errorf("%s of %s names a file that is not lent", o.Name, o.Section)
		}
	}
	d.settings(validSettings + "\toption tls 'files'\n\toption cert '" + files["cert"] + "'\n\toption key '" + files["key"] +
		"'\n\toption token_key '" + files["token_key"] +
		"'\n\nconfig backhaul 'cloud'\n\toption url 'wss://cloud.example.org/wsb'\n\toption ca '" + files["ca"] + "'\n" +
		"\nconfig backhaul 'other'\n\toption url 'wss://other.example.org/wsb'")
	if got, err := d.do("start"); err != nil {
		t.Fatal(err, got)
	}
	for name, want := range map[string]string{"main.cert": "the cert", "main.key": "the key", "main.token_key": "the token_key", "cloud.ca": "the ca"} {
		path := filepath.Join(d.run, name)
		if got := d.read(path); got != want {
			t.Errorf("%s: %q", name, got)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%v, %v", info, err)
		}
	}
	cfg := load(t, d.read(filepath.Join(d.run, "umbrella")))
	if cfg.Main.Cert != filepath.Join(d.run, "main.cert") || cfg.Main.Key != filepath.Join(d.run, "main.key") ||
		cfg.Main.TokenKey != filepath.Join(d.run, "main.token_key") ||
		cfg.Backhauls[0].CA != filepath.Join(d.run, "cloud.ca") || cfg.Backhauls[1].CA != "" {
		t.Errorf("the node does not read what was lent: %+v", cfg)
	}

	// A certificate that was renewed.
	d.running = true
	d.write(files["key"], "the next key")
	if got, err := d.do("reload"); err != nil || !slices.Contains(got, "procd_send_signal [umbrella] [*] [HUP]") {
		t.Error(err, got)
	}
	if got := d.read(filepath.Join(d.run, "main.key")); got != "the next key" {
		t.Errorf("got %q", got)
	}
}

func testJail(t *testing.T, d *device) {
	d.jail = true
	d.settings(validSettings)
	jail := func() []string {
		t.Helper()
		got, err := d.do("start")
		if err != nil {
			t.Fatal(err)
		}
		return onlyWith(got, "procd_add_jail", "procd_set_param [capabilities]")
	}
	equal(t, "jail", jail(), []string{
		"procd_add_jail [umbrella] [procfs]",
		"procd_add_jail_mount [/var/run/umbrella] [/var/run/umbrella/etc:/etc] [/etc/hosts] [/etc/ssl/certs]",
		"procd_add_jail_mount [/var/run/ubus]",
		"procd_add_jail_mount [/tmp/resolv.conf.d]",
		"procd_add_jail_mount_rw [/state]",
		"procd_set_param [capabilities] [/etc/capabilities/umbrella.json]",
	})
	resolv := filepath.Join(d.run, "etc/resolv.conf")
	if got, err := os.Readlink(resolv); got != d.resolv {
		t.Errorf("resolv.conf is a link to %q, %v", got, err)
	}
	// What a running node has mounted stays the same file.
	before, err := os.Lstat(resolv)
	if err != nil {
		t.Fatal(err)
	}
	jail()
	if after, err := os.Lstat(resolv); err != nil || !os.SameFile(before, after) {
		t.Errorf("the link was replaced: %v", err)
	}

	d.resolv = "/tmp/resolv.conf"
	if err := os.Remove(d.capabilities); err != nil {
		t.Fatal(err)
	}
	equal(t, "jail with dnsmasq, without capabilities", jail()[3:], []string{
		"procd_add_jail_mount [/etc/resolv.conf]",
		"procd_add_jail_mount_rw [/state]",
	})
	if info, err := os.Lstat(resolv); err != nil || !info.Mode().IsRegular() {
		t.Errorf("no place for resolv.conf: %v, %v", info, err)
	}
	// The last three are what ujail itself mounts.
	for _, place := range []string{"hosts", "ssl/certs", "passwd", "group", "nsswitch.conf"} {
		if _, err := os.Stat(filepath.Join(d.run, "etc", place)); err != nil {
			t.Error(err)
		}
	}
}

// Only a directory that is there for the node is given to it.
func testStateDir(t *testing.T, d *device) {
	for _, c := range []struct {
		name  string
		make  func(dir string) error
		words string
	}{
		{"not there", func(string) error { return nil }, ""},
		{"empty", func(dir string) error { return os.Mkdir(dir, 0o755) }, ""},
		{"somebody's", func(dir string) error {
			return os.MkdirAll(filepath.Join(dir, "shadow"), 0o755)
		}, "is not allowed: a directory that is empty, and not that of shadow]"},
		{"hidden things", func(dir string) error {
			return os.MkdirAll(filepath.Join(dir, ".ssh"), 0o755)
		}, "is not allowed: a directory that is empty, and not that of .ssh]"},
	} {
		d.state = filepath.Join(t.TempDir(), "state")
		if err := c.make(d.state); err != nil {
			t.Fatal(err)
		}
		d.settings(validSettings)
		got, err := d.do("start")
		given := slices.Contains(got, "chown [umbrella:umbrella] [/state]")
		said := slices.ContainsFunc(got, func(line string) bool {
			return strings.HasPrefix(line, "logger [-t] [umbrella] [-p] [daemon.err] [/etc/config/umbrella: section 'main', option 'state_dir': '/state'") &&
				strings.HasSuffix(line, c.words)
		})
		if given != (c.words == "") || said == given || (err == nil) != given {
			t.Errorf("%s: %v, %q", c.name, err, got)
		}
		if given {
			if info, err := os.Stat(d.state); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%s: %v, %v", c.name, info, err)
			}
		}
	}
}

func testAnnounced(t *testing.T, d *device) {
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
	cases["\toption wan '1'\n\toption listen '127.0.0.1:8081'\n"] = slices.Concat([]string{"procd_open_data", "json_add_array [firewall]"},
		rule("lan", "tcp", "8082"), rule("lan", "udp", "8082"), rule("wan", "tcp", "8082"), rule("wan", "udp", "8082"),
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

func testTheRest(t *testing.T, d *device) {
	for action, want := range map[string][]string{
		"triggers": {
			"procd_add_reload_trigger [umbrella]",
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
