package openwrt

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func testJail(t *testing.T, d *device) {
	d.jail = true
	d.settings(validSettings)
	want := []string{
		"procd_add_jail [umbrella] [procfs]",
		"procd_add_jail_mount [/var/run/umbrella] [/var/run/umbrella/etc:/etc] [/etc/ssl/certs] [/tmp/resolv.conf.d]",
		"procd_add_jail_mount [/var/run/ubus]",
		"procd_add_jail_mount_rw [/state]",
		"procd_set_param [capabilities] [/etc/capabilities/umbrella.json]",
	}
	jail := func() []string {
		t.Helper()
		got, err := d.do("start")
		if err != nil {
			t.Fatal(err)
		}
		return onlyWith(got, "procd_add_jail", "procd_set_param [capabilities]")
	}
	equal(t, "jail", jail(), want)
	// Through the directory that is mounted, so that it can become another.
	link, servers := filepath.Join(d.run, "etc/resolv.conf"), filepath.Join(d.run, "resolv.conf")
	if got, err := os.Readlink(link); got != servers {
		t.Errorf("resolv.conf is a link to %q, %v", got, err)
	}
	if got, err := os.Readlink(servers); got != d.resolv {
		t.Errorf("it takes name servers from %q, %v", got, err)
	}
	// What a running node has mounted stays the same file.
	before, err := os.Lstat(link)
	if err != nil {
		t.Fatal(err)
	}
	// The last three are what ujail itself mounts.
	for _, place := range []string{"ssl/certs", "passwd", "group", "nsswitch.conf"} {
		if _, err := os.Stat(filepath.Join(d.run, "etc", place)); err != nil {
			t.Error(err)
		}
	}

	// What is replaced by a new file is seen in the jail (openwrt/openwrt#10389): by
	// a process in a mount namespace that has the directory, as ujail mounts it.
	hosts := func(text string) {
		t.Helper()
		d.write(d.hosts+".new", text)
		if err := os.Rename(d.hosts+".new", d.hosts); err != nil {
			t.Fatal(err)
		}
		jail()
	}
	hosts("192.168.1.64 doorcam\n")
	look := inJail(t, filepath.Join(d.run, "etc"))
	hosts("192.168.1.65 doorcam\n")
	if got := look("hosts"); got != "192.168.1.65 doorcam\n" {
		t.Errorf("the jail has the hosts %q", got)
	}

	// With another list of mounts procd would start the node anew.
	byDnsmasq := filepath.Join(t.TempDir(), "resolv.conf")
	d.write(byDnsmasq, "nameserver 127.0.0.1\n")
	lease := d.resolv
	d.resolv = byDnsmasq
	equal(t, "jail with dnsmasq", jail(), want)
	if got := d.read(servers); got != "nameserver 127.0.0.1\n" {
		t.Errorf("it takes name servers from %q", got)
	}
	// If dnsmasq is stopped, the name servers of the uplinks are next.
	d.write(d.leased, "# Interface wan\nnameserver 192.0.2.53\nsearch example.org\n")
	equal(t, "jail with dnsmasq and an uplink", jail(), want)
	if got := look("resolv.conf"); got != "nameserver 127.0.0.1\nnameserver 192.0.2.53\n" {
		t.Errorf("the jail takes name servers from %q", got)
	}
	d.resolv = lease
	equal(t, "jail without dnsmasq", jail(), want)
	if got, err := os.Readlink(servers); got != d.resolv {
		t.Errorf("it takes name servers from %q, %v", got, err)
	}
	if after, err := os.Lstat(link); err != nil || !os.SameFile(before, after) {
		t.Errorf("the link was replaced: %v", err)
	}

	// A node in a jail cannot be asked whether it could write elsewhere.
	d.running = true
	d.state = filepath.Join(d.root, "state2")
	d.settings(validSettings)
	if got, err := d.do("reload"); err != nil || slices.Contains(got, asked) || !slices.Contains(got, "procd_add_jail_mount_rw [/state]") || d.refused() != "" {
		t.Errorf("another state_dir: %v, %q", err, got)
	}

	if err := os.Remove(d.capabilities); err != nil {
		t.Fatal(err)
	}
	equal(t, "jail without capabilities", jail(), want[:4])
}

// inJail has a process whose /mnt is a directory, in a mount namespace of its own, and
// returns what that process reads there. Without the rights for that it reads the
// directory itself.
func inJail(t *testing.T, etc string) func(name string) string {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(etc, name))
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	if os.Geteuid() != 0 {
		return read
	}
	cmd := exec.Command("unshare", "--mount", "sh", "-c", `mount --bind "$1" /mnt && while read -r name; do cat "/mnt/$name"; printf '\0'; done`, "jail", etc)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	answers := bufio.NewReader(out)
	look := func(name string) string {
		t.Helper()
		if _, err := io.WriteString(in, name+"\n"); err != nil {
			t.Fatal(err)
		}
		text, err := answers.ReadString(0)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(text, "\x00")
	}
	look("hosts") // it is mounted
	return look
}

// A node whose jail has another directory cannot be asked whether it could write there:
// it is started with that, and goes back if it cannot start.
func testFailingStateDir(t *testing.T, d *device) {
	d.jail = true
	d.started("")
	d.comesUp, d.failure = true, "option 'tls': certificates: no space left on device"
	good := d.state
	d.write(filepath.Join(d.config, "umbrella"), strings.ReplaceAll(d.read(filepath.Join(d.config, "umbrella")), d.state, filepath.Join(d.root, "failing")))
	got, err := d.do("reload")
	if err != nil || !d.runsBy("'"+good+"'") || d.runsBy("/failing") || !strings.Contains(d.refused(), d.failure) {
		t.Errorf("%v, %q, refused: %q", err, got, d.refused())
	}
	equal(t, "jails", onlyWith(got, "start", "procd_add_jail_mount_rw"), []string{
		"start", "procd_add_jail_mount_rw [/failing]", "start", "procd_add_jail_mount_rw [/state]"})
	if _, err := os.Stat(filepath.Join(d.run, "last")); !os.IsNotExist(err) {
		t.Errorf("what it went back to is still there: %v", err)
	}
	d.state = filepath.Join(d.root, "other")
	d.settings(validSettings)
	if got, err := d.do("reload"); err != nil || !d.runsBy("/other") || d.refused() != "" {
		t.Errorf("%v, %q, refused: %q", err, got, d.refused())
	}
}

// What the node can use is given to it, and what it cannot is told with the reason,
// through the script: internal/prepare tests more.
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
		}, "is not allowed: a directory that is empty, and not that of shadow"},
	} {
		d.state = filepath.Join(openTempDir(t), "state")
		if err := errors.Join(os.RemoveAll(d.run), c.make(d.state)); err != nil {
			t.Fatal(err)
		}
		d.settings(validSettings)
		got, err := d.do("start")
		if (err == nil) != (c.words == "") || !strings.Contains(d.refused(), c.words) || (d.refused() == "") != (c.words == "") {
			t.Errorf("%s: %v, %q, LuCI is told %q", c.name, err, got, d.refused())
		}
		if info, err := os.Stat(d.state); c.words == "" && (err != nil || info.Mode().Perm() != 0o700) {
			t.Errorf("%s: %v, %v", c.name, info, err)
		}
	}
}
