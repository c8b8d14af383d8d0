package openwrt

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// device is what the init script sees of an access point.
type device struct {
	t *testing.T
	// config, run and state are /etc/config, /var/run/umbrella and a state_dir.
	config, run, state string
	prog, capabilities string
	// jail is whether ujail is there, onBus whether a node that runs is on the bus.
	jail, running, onBus bool
	// comesUp is whether one that procd starts gets there.
	comesUp bool
	// problem is why it cannot apply settings.
	problem string
	// resolv is what /etc/resolv.conf is a link to.
	resolv string
	// hosts is /etc/hosts, leased what netifd writes of the uplinks' name servers.
	hosts, leased string
	shell         []string
}

// newDevice uses a real daemon to check settings.
func newDevice(t *testing.T, daemon string, shell []string) *device {
	dir := t.TempDir()
	d := &device{
		t: t, config: filepath.Join(dir, "config"), run: filepath.Join(dir, "run"), state: filepath.Join(dir, "state"),
		prog: filepath.Join(dir, "umbrellad"), capabilities: filepath.Join(dir, "umbrella.json"),
		hosts: filepath.Join(dir, "hosts"), leased: filepath.Join(dir, "resolv.conf.auto"),
		resolv: "/tmp/resolv.conf.d/resolv.conf.auto", onBus: true, comesUp: true, shell: shell,
	}
	if err := os.Mkdir(d.config, 0o755); err != nil {
		t.Fatal(err)
	}
	d.write(d.capabilities, "{}")
	// Only `check` is asked of it, which reads /etc/config if nothing else is said.
	d.write(d.prog, "#!/bin/sh\n[ \"$1\" = -config ] || set -- -config "+d.config+" \"$@\"\nexec "+daemon+" \"$@\"\n")
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
	script, err := filepath.Abs("../../openwrt/files/umbrella.init")
	if err != nil {
		d.t.Fatal(err)
	}
	record := filepath.Join(d.t.TempDir(), "record")
	d.write(record, "")
	cmd := exec.Command(d.shell[0], append(d.shell[1:], "testdata/rc.sh")...)
	cmd.Env = append(os.Environ(), "RECORD="+record, "SCRIPT="+script, "ACTION="+action, "TEST_PROG="+d.prog,
		"TEST_CONFIG="+d.config, "TEST_RUN="+d.run, "TEST_CAPABILITIES="+d.capabilities, "TEST_UJAIL=/nowhere", "TEST_RESOLV="+d.resolv,
		"TEST_HOSTS="+d.hosts, "TEST_LEASED="+d.leased)
	if d.jail {
		cmd.Env = append(cmd.Env, "TEST_UJAIL="+d.prog)
	}
	if d.running {
		cmd.Env = append(cmd.Env, "RUNNING=1")
	}
	cmd.Env = append(cmd.Env, "TEST_PROBLEM="+d.problem)
	if d.onBus {
		cmd.Env = append(cmd.Env, "ON_BUS=1")
	}
	if d.comesUp {
		cmd.Env = append(cmd.Env, "COMES_UP=1")
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

func withoutChown(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return strings.HasPrefix(line, "chown ") })
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
