package openwrt

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// device is what the init script sees of an access point.
type device struct {
	t *testing.T
	// root holds its files; config, run and state are /etc/config, /var/run/umbrella and
	// a state_dir.
	root, config, run, state string
	prog, capabilities       string
	// jail is whether ujail is there, onBus whether a node that runs is on the bus.
	jail, running, onBus bool
	// comesUp is whether one that procd starts gets there.
	comesUp bool
	// problem is why it cannot apply settings, failure why it cannot start by a
	// state_dir of the name failing.
	problem, failure string
	// resolv is what /etc/resolv.conf is a link to.
	resolv string
	// hosts is /etc/hosts, leased what netifd writes of the uplinks' name servers.
	hosts, leased string
	shell         []string
}

// owner is the user that the node runs as: another one than root, where the tests may
// give files away.
func owner(t *testing.T) (name string, uid int) {
	t.Helper()
	u, err := user.Current()
	if err == nil && os.Geteuid() == 0 {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Fatal(err)
	}
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		t.Fatal(err)
	}
	return u.Username, uid
}

// newDevice uses a real daemon to prepare the start.
func newDevice(t *testing.T, daemon string, shell []string) *device {
	root := openTempDir(t)
	d := &device{
		t: t, root: root, config: filepath.Join(root, "etc/config"), run: filepath.Join(root, "var/run/umbrella"), state: filepath.Join(root, "state"),
		prog: filepath.Join(root, "umbrellad"), capabilities: filepath.Join(root, "umbrella.json"),
		hosts: filepath.Join(root, "etc/hosts"), leased: filepath.Join(root, "tmp/resolv.conf.d/resolv.conf.auto"),
		onBus: true, comesUp: true, shell: shell,
	}
	d.resolv = d.leased
	for _, dir := range []string{d.config, filepath.Dir(d.run), filepath.Dir(d.leased), filepath.Join(root, "sbin")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d.write(d.capabilities, "{}")
	name, _ := owner(t)
	d.write(d.prog, "#!/bin/sh\n[ \"$1\" = prepare ] || exit 99\nshift\nexec "+daemon+" prepare -root "+root+" -owner "+name+" \"$@\"\n")
	return d
}

// openTempDir is a directory that other users may look into.
func openTempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
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
	link, ujail := filepath.Join(d.root, "etc/resolv.conf"), filepath.Join(d.root, "sbin/ujail")
	_, _ = os.Remove(link), os.Remove(ujail)
	if err := os.Symlink(d.resolv, link); err != nil {
		d.t.Fatal(err)
	}
	if d.jail {
		d.write(ujail, "")
	}
	stand, err := filepath.Abs("testdata")
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.Command(d.shell[0], append(d.shell[1:], "testdata/rc.sh")...)
	cmd.Env = append(os.Environ(), "PATH="+stand+":"+os.Getenv("PATH"), "RECORD="+record, "SCRIPT="+script, "ACTION="+action, "TEST_PROG="+d.prog,
		"TEST_RUN="+d.run, "TEST_CAPABILITIES="+d.capabilities, "TEST_PROBLEM="+d.problem, "TEST_FAILURE="+d.failure)
	if d.running {
		cmd.Env = append(cmd.Env, "RUNNING=1")
	}
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
	text := strings.NewReplacer(d.prog, "/usr/sbin/umbrellad", d.capabilities, "/etc/capabilities/umbrella.json", d.state, "/state", d.root, "").Replace(d.read(record))
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	// Whether there is a node may be asked at any time.
	return slices.DeleteFunc(lines, func(line string) bool { return line == "ubus [-t] [5] [call] [umbrella] [status]" }), err
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
