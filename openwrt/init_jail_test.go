package openwrt

import (
	"os"
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
		"procd_add_jail_mount [/var/run/umbrella] [/var/run/umbrella/etc:/etc] [/etc/hosts] [/etc/ssl/certs] [/tmp/resolv.conf.d]",
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
	for _, place := range []string{"hosts", "ssl/certs", "passwd", "group", "nsswitch.conf"} {
		if _, err := os.Stat(filepath.Join(d.run, "etc", place)); err != nil {
			t.Error(err)
		}
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
	d.state = filepath.Join(t.TempDir(), "other")
	d.settings(validSettings)
	if got, err := d.do("reload"); err != nil || slices.Contains(got, asked) || !slices.Contains(got, "procd_add_jail_mount_rw [/state]") {
		t.Errorf("another state_dir: %v, %q", err, got)
	}

	if err := os.Remove(d.capabilities); err != nil {
		t.Fatal(err)
	}
	equal(t, "jail without capabilities", jail(), want[:4])
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
		if err := os.RemoveAll(d.run); err != nil {
			t.Fatal(err)
		}
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
		if given != (c.words == "") || said == given || (err == nil) != given || (d.refused() == "") != given {
			t.Errorf("%s: %v, %q", c.name, err, got)
		}
		if given {
			if info, err := os.Stat(d.state); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%s: %v, %v", c.name, info, err)
			}
		}
	}
}
