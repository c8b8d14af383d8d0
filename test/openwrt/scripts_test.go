package openwrt

import (
	"crypto/md5"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// openwrtFunctions stands in for OpenWrt's functions: it records what they are
// asked to do, and for which package and root.
const openwrtFunctions = `
for name in add_group_and_user default_postinst default_prerm; do
	eval "$name() { echo \"$name [\$*] root=\$root pkgname=\$pkgname upgrade=\$PKG_UPGRADE\" >>\"\$IPKG_INSTROOT/record\"; }"
done
`

// testScripts runs a package's maintainer scripts, in an image that is being built
// and on a device.
func testScripts(t *testing.T, scripts map[string]string, name string) {
	t.Helper()
	shells := [][]string{{"sh"}}
	if busybox, err := exec.LookPath("busybox"); err == nil {
		shells = append(shells, []string{busybox, "ash"})
	}
	for kind, text := range scripts {
		root := t.TempDir()
		// opkg knows by the name of the script which package it is of.
		_, action, _ := strings.Cut(kind, " ")
		script := filepath.Join(root, name+"."+action)
		if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(text, "#!/bin/sh\n") {
			t.Errorf("%s begins with %.20q", kind, text)
		}
		for _, shell := range shells {
			run := func(env ...string) string {
				t.Helper()
				cmd := exec.Command(shell[0], append(shell[1:], script, "configure")...)
				cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "IPKG_INSTROOT=" + root}, env...)
				if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
					t.Errorf("%s, %v: %v, %s", kind, shell, err, out)
				}
				record, _ := os.ReadFile(filepath.Join(root, "record"))
				_ = os.Remove(filepath.Join(root, "record"))
				return strings.ReplaceAll(strings.ReplaceAll(string(record), script, "SCRIPT"), root, "ROOT")
			}

			if got := run(); got != "" {
				t.Errorf("%s without OpenWrt's functions: %q", kind, got)
			}
			if err := os.MkdirAll(filepath.Join(root, "lib"), 0o755); err != nil {
				t.Fatal(err)
			}
			functions := filepath.Join(root, "lib/functions.sh")
			if err := os.WriteFile(functions, []byte(openwrtFunctions), 0o644); err != nil {
				t.Fatal(err)
			}
			apk := "[] root=ROOT pkgname=" + name
			want := map[string]string{
				"ipk postinst":      "default_postinst [SCRIPT configure] root= pkgname= upgrade=\n",
				"ipk prerm":         "default_prerm [SCRIPT configure] root= pkgname= upgrade=\n",
				"apk post-install":  "add_group_and_user " + apk + " upgrade=\ndefault_postinst " + apk + " upgrade=\n",
				"apk post-upgrade":  "add_group_and_user " + apk + " upgrade=1\ndefault_postinst " + apk + " upgrade=1\n",
				"apk pre-deinstall": "default_prerm " + apk + " upgrade=\n",
			}[kind]
			if got := run(); got != want {
				t.Errorf("%s, %v: did %q, want %q", kind, shell, got, want)
			}
			// opkg and apk can be told not to run what comes after an installation.
			if got := run("IPKG_NO_SCRIPT=1"); strings.HasPrefix(action, "post") && got != "" {
				t.Errorf("%s with IPKG_NO_SCRIPT: %q", kind, got)
			}
			if err := os.Remove(functions); err != nil {
				t.Fatal(err)
			}
		}
	}
	testOnDevice(t, scripts, name)
}

// testOnDevice runs the scripts with the root of a device.
func testOnDevice(t *testing.T, scripts map[string]string, name string) {
	busybox, err := exec.LookPath("busybox")
	if os.Getuid() != 0 || err != nil {
		t.Log("the scripts are not run as on a device: that needs root, and busybox")
		return
	}
	root := t.TempDir()
	put := func(path, text string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put("bin/busybox", string(readFile(t, busybox)))
	libraries, _ := exec.Command("ldd", busybox).Output()
	for _, word := range strings.Fields(string(libraries)) {
		if strings.HasPrefix(word, "/") {
			put(word, string(readFile(t, word)))
		}
	}
	for _, applet := range []string{"sh", "rm"} {
		if err := os.Symlink("busybox", filepath.Join(root, "bin", applet)); err != nil {
			t.Fatal(err)
		}
	}
	put("lib/functions.sh", openwrtFunctions)
	put("etc/init.d/rpcd", "#!/bin/sh\necho \"rpcd $*\" >>/record\n")
	for kind, text := range scripts {
		put("tmp/luci-indexcache.1.json", "{}")
		put("tmp/luci-modulecache/x", "")
		put("tmp/"+name+".script", text)
		cmd := exec.Command("chroot", root, "/tmp/"+name+".script", "configure")
		cmd.Env = []string{"PATH=/bin"}
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v, %s", kind, err, out)
		}
		record := string(readFile(t, filepath.Join(root, "record")))
		if err := os.Remove(filepath.Join(root, "record")); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(record, "default_p") {
			t.Errorf("%s: did %q", kind, record)
		}
		// LuCI is told of an app that has come.
		app := strings.HasPrefix(name, "luci-app-") && strings.Contains(kind, "post")
		_, err := os.Stat(filepath.Join(root, "tmp/luci-indexcache.1.json"))
		_, err2 := os.Stat(filepath.Join(root, "tmp/luci-modulecache"))
		if strings.Contains(record, "rpcd reload\n") != app || os.IsNotExist(err) != app || os.IsNotExist(err2) != app {
			t.Errorf("%s: did %q, and the caches: %v, %v", kind, record, err, err2)
		}
	}
}

// What runs once after an installation does no harm when it runs again, as with an
// image that is made of a device's files.
func TestDefaultsTwice(t *testing.T) {
	dir := t.TempDir()
	script := strings.ReplaceAll(string(readFile(t, "../../openwrt/files/umbrella.defaults")), "/var/run/", dir+"/")
	if !strings.Contains(script, dir) {
		t.Fatal("the script does not look into /var/run")
	}
	path, state := filepath.Join(dir, "script"), filepath.Join(dir, "config.md5")
	functions := `
pidof() { [ "$1" = ubusd ] && echo 12 34; }
kill() { echo "kill $*"; }
uci() { [ "$*" = "show umbrella" ] && echo "umbrella.main=umbrella"; }
`
	if err := os.WriteFile(path, []byte(functions+script), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func() {
		t.Helper()
		out, err := exec.Command("sh", path).CombinedOutput()
		if err != nil || string(out) != "kill -HUP 12\nkill -HUP 34\n" {
			t.Errorf("%v, %q", err, out)
		}
	}
	// Where reload_config has never run, it has nothing to compare with.
	run()
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("it made %s", state)
	}
	before := "0123  " + dir + "/config.check/network\n"
	if err := os.WriteFile(state, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum([]byte("umbrella.main=umbrella\n"))
	for range 2 {
		run()
		if got, want := string(readFile(t, state)), before+hex.EncodeToString(sum[:])+"  "+dir+"/config.check/umbrella\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
