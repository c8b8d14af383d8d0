package openwrt

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// manager is a real package manager with a root directory of its own.
type manager struct {
	t    *testing.T
	root string
	// run runs a command of it, such as "install umbrella".
	run func(args ...string) (string, error)
	// update and the others are the manager's words for it.
	update, install, upgrade, remove []string
	// index and pkg are what the web server has of it.
	index, pkg string
}

// depended are what the packages depend on, of OpenWrt's own feeds.
var depended = []string{"ca-bundle", "luci-base", "luci-lib-uqr"}

// A real opkg and a real apk install from a feed, upgrade and remove, and refuse what
// the feed's key did not sign. They run where they are in PATH: opkg or opkg-cl with
// usign, as OpenWrt 24.10 has them, and apk 3.
func TestFeedWithPackageManagers(t *testing.T) {
	makers := map[string]func(*testing.T) *manager{}
	for _, name := range []string{"opkg", "opkg-cl"} {
		if path, err := exec.LookPath(name); err == nil {
			if _, err := exec.LookPath("usign"); err == nil {
				makers["opkg"] = func(t *testing.T) *manager { return newOpkg(t, path) }
			}
		}
	}
	if out, err := exec.Command("apk", "--version").Output(); err == nil && strings.HasPrefix(string(out), "apk-tools 3") {
		makers["apk"] = newAPK
	}
	if len(makers) == 0 {
		t.Skip("there is no opkg with usign and no apk 3")
	}
	work := t.TempDir()
	keys := filepath.Join(work, "keys")
	older := makeFeed(t, release(t, "1"), keys, "")
	newer := makeFeed(t, release(t, "2"), keys, "")
	foreign := makeFeed(t, release(t, "2"), filepath.Join(work, "other"), "")
	for name, make := range makers {
		t.Run(name, func(t *testing.T) {
			// spoil changes a file on its way, by its path; feed is what is served.
			var feed string
			var spoil func(path string, text []byte) []byte
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				text, err := os.ReadFile(filepath.Join(feed, filepath.Clean(r.URL.Path)))
				if err != nil {
					http.NotFound(w, r)
					return
				}
				if spoil != nil {
					text = spoil(r.URL.Path, text)
				}
				_, _ = w.Write(text)
			}))
			defer server.Close()
			m := make(t)
			m.trust(older, server.URL)

			do := func(args []string, packages ...string) string {
				t.Helper()
				out, err := m.run(append(args, packages...)...)
				if err != nil {
					t.Fatalf("%q: %v\n%s", args, err, out)
				}
				return out
			}
			daemon := filepath.Join(m.root, "usr/sbin/umbrellad")
			installed := func() bool { _, err := os.Stat(daemon); return err == nil }
			refuses := func(what string, serve string, change func(string, []byte) []byte) {
				t.Helper()
				feed, spoil = serve, change
				updated, _ := m.run(m.update...)
				out, err := m.run(append(m.install, "luci-app-umbrella")...)
				if err == nil || installed() {
					t.Errorf("%s was installed\n%s\n%s", what, updated, out)
				}
				t.Logf("%s:\n%s%s", what, updated, out)
				spoil = nil
			}
			flip := func(suffix string) func(string, []byte) []byte {
				return func(path string, text []byte) []byte {
					if strings.HasSuffix(path, suffix) {
						text = bytes.Clone(text)
						text[len(text)/2] ^= 1
					}
					return text
				}
			}
			refuses("an index of another key", foreign, nil)
			refuses("an index that was changed", older, flip(m.index))
			refuses("a package that was changed", older, flip(m.pkg))
			// The index of one release with the packages of another.
			refuses("another package of the feed", older, func(path string, text []byte) []byte {
				if !strings.HasSuffix(path, m.pkg) {
					return text
				}
				matches, _ := filepath.Glob(filepath.Join(newer, "x86_64", strings.Replace(filepath.Base(path), "-r1", "-r2", 1)))
				return readFile(t, matches[0])
			})

			feed = older
			do(m.update)
			do(m.install, "luci-app-umbrella")
			if out, err := exec.Command(daemon, "version").CombinedOutput(); err != nil {
				t.Errorf("the daemon that was installed: %v, %s", err, out)
			}
			settings := filepath.Join(m.root, "etc/config/umbrella")
			own := "config umbrella 'main'\n"
			if err := os.WriteFile(settings, []byte(own), 0o600); err != nil {
				t.Fatal(err)
			}
			feed = newer
			do(m.update)
			out := do(m.upgrade, "umbrella")
			if !strings.Contains(out, "r2") {
				t.Errorf("upgrading says %q", out)
			}
			if got := string(readFile(t, settings)); got != own {
				t.Errorf("the settings are %q after the upgrade", got)
			}
			do(m.remove, "luci-app-umbrella", "umbrella")
			if installed() {
				t.Error("the daemon is still there")
			}
		})
	}
}

// release packs the packages for x86_64 with a release number, out of a copy of the
// checkout.
func release(t *testing.T, number string) string {
	t.Helper()
	root, out := t.TempDir(), t.TempDir()
	names, err := exec.Command("git", "-C", "../..", "ls-files").Output()
	if err != nil {
		t.Skipf("the checkout is not one of git: %v", err)
	}
	built, err := filepath.Glob("../../web/dist/*")
	if err != nil || len(built) < 2 {
		t.Skip("the web client is not built: make build")
	}
	copies := strings.Fields(string(names))
	if err := os.CopyFS(filepath.Join(root, "web/dist"), os.DirFS("../../web/dist")); err != nil {
		t.Fatal(err)
	}
	for _, name := range copies {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil || strings.HasPrefix(name, "web/dist/") {
			continue
		}
		if name == "openwrt/Makefile" {
			text = bytes.Replace(text, []byte("PKG_RELEASE:=1"), []byte("PKG_RELEASE:="+number), 1)
		}
		mode := os.FileMode(0o644)
		if info, err := os.Stat(filepath.Join("../..", name)); err == nil {
			mode = info.Mode().Perm()
		}
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, mode); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "run", ".", "-root", root, "-out", out, "-arch", "x86_64")
	cmd.Dir = "../../scripts/pack"
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

func (m *manager) put(path, text string) {
	m.t.Helper()
	path = filepath.Join(m.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

// trust does what the first line of the feed's page does.
func (m *manager) trust(feed, address string) {
	m.t.Helper()
	if m.index == "packages.adb" {
		m.put("etc/apk/keys/umbrella.pem", string(readFile(m.t, filepath.Join(feed, "umbrella.pem"))))
		m.put("etc/apk/repositories.d/customfeeds.list", address+"/x86_64/packages.adb\n")
		return
	}
	id, _ := usign(m.t, readFile(m.t, filepath.Join(feed, "umbrella.pub")))
	m.put(fmt.Sprintf("etc/opkg/keys/%x", id), string(readFile(m.t, filepath.Join(feed, "umbrella.pub"))))
	m.put("etc/opkg/customfeeds.conf", "src/gz umbrella "+address+"/x86_64\n")
}

// newOpkg has what the packages depend on, and checks signatures as OpenWrt's opkg-key
// does.
func newOpkg(t *testing.T, opkg string) *manager {
	m := &manager{t: t, root: t.TempDir(), index: "Packages.gz", pkg: ".ipk",
		update: []string{"update"}, install: []string{"install"}, upgrade: []string{"upgrade"}, remove: []string{"remove"}}
	var status strings.Builder
	for _, name := range depended {
		fmt.Fprintf(&status, "Package: %s\nVersion: 1\nStatus: install user installed\nArchitecture: all\n\n", name)
	}
	m.put("usr/lib/opkg/status", status.String())
	m.put("etc/opkg.conf", "dest root /\nlists_dir ext /var/opkg-lists\noption check_signature\narch all 1\narch x86_64 2\n")
	m.put("tmp/x", "")
	m.put("var/lock/x", "")
	verify := filepath.Join(m.root, "verify")
	m.put("verify", "#!/bin/sh\n{ zcat \"$3\" || cat \"$3\"; } 2>/dev/null | usign -V -P "+m.root+"/etc/opkg/keys -q -x \"$2\" -m -\n")
	m.run = func(args ...string) (string, error) {
		args = append([]string{"-o", m.root, "-f", filepath.Join(m.root, "etc/opkg.conf"), "-t", filepath.Join(m.root, "tmp"), "--verify-program", verify}, args...)
		out, err := exec.Command(opkg, args...).CombinedOutput()
		return string(out), err
	}
	return m
}

// newAPK has what the packages depend on in a repository of its own, with its own key.
func newAPK(t *testing.T) *manager {
	m := &manager{t: t, root: t.TempDir(), index: "packages.adb", pkg: ".apk",
		update: []string{"update"}, install: []string{"add", "--scripts=no"},
		upgrade: []string{"upgrade", "--scripts=no"}, remove: []string{"del", "--scripts=no"}}
	base := t.TempDir()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(base, "key.pem")
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600); err != nil {
		t.Fatal(err)
	}
	m.put("etc/apk/keys/base.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})))
	m.put("etc/apk/arch", "x86_64\nnoarch\n")
	m.put("etc/apk/world", "")
	m.put("lib/apk/db/installed", "")
	m.put("etc/apk/repositories.d/distfeeds.list", filepath.Join(base, "packages.adb")+"\n")
	tool := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("apk", append([]string{"--sign-key", key, "--allow-untrusted"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	index := []string{"mkndx", "-o", filepath.Join(base, "packages.adb")}
	for _, name := range depended {
		file := filepath.Join(base, name+"-1-r1.apk")
		tool("mkpkg", "-I", "name:"+name, "-I", "version:1-r1", "-I", "arch:noarch", "-I", "license:MIT", "-I", "description:x", "-o", file)
		index = append(index, file)
	}
	tool(index...)
	m.run = func(args ...string) (string, error) {
		// The scripts have no shell in this root.
		out, err := exec.Command("apk", append([]string{"--root", m.root}, args...)...).CombinedOutput()
		return string(out), err
	}
	return m
}
