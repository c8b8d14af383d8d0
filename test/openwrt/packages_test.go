package openwrt

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// machine is what a daemon has to be built for.
type machine struct {
	kind  elf.Machine
	order elf.Data
	// setting of the compiler; there may be no FPU.
	setting debug.BuildSetting
	// qemu runs it where the test does not.
	qemu string
}

var machines = map[string]machine{
	"aarch64_cortex-a53": {elf.EM_AARCH64, elf.ELFDATA2LSB, debug.BuildSetting{Key: "GOARCH", Value: "arm64"}, "qemu-aarch64-static"},
	"arm_cortex-a7":      {elf.EM_ARM, elf.ELFDATA2LSB, debug.BuildSetting{Key: "GOARM", Value: "7,softfloat"}, "qemu-arm-static"},
	"mips_24kc":          {elf.EM_MIPS, elf.ELFDATA2MSB, debug.BuildSetting{Key: "GOMIPS", Value: "softfloat"}, "qemu-mips-static"},
	"mipsel_24kc":        {elf.EM_MIPS, elf.ELFDATA2LSB, debug.BuildSetting{Key: "GOMIPS", Value: "softfloat"}, "qemu-mipsel-static"},
	"x86_64":             {elf.EM_X86_64, elf.ELFDATA2LSB, debug.BuildSetting{Key: "GOARCH", Value: "amd64"}, ""},
}

// PACKAGE_ARCH=all, which CI sets, checks every architecture. Without it, two are
// left out that others stand for: compiling for each takes a minute.
const archVariable = "PACKAGE_ARCH"

// What a release fills in.
const (
	maintainer = "Jane Doe <jane@example.org>"
	homepage   = "https://example.org/umbrella"
)

// TestPackages makes the packages as `make ipk` does, and looks at them.
func TestPackages(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for other architectures")
	}
	arches := []string{"aarch64_cortex-a53", "mipsel_24kc", "x86_64"}
	if os.Getenv(archVariable) == "all" {
		arches = slices.Sorted(maps.Keys(machines))
	}
	out := t.TempDir()
	pack(t, out, arches)
	for _, arch := range arches {
		t.Run(arch, func(t *testing.T) {
			dir := filepath.Join(out, arch)
			daemon := testDaemonPackages(t, dir, arch)
			testAppPackages(t, dir)
			testTranslation(t, dir)
			testBinary(t, daemon, machines[arch])
		})
	}
	t.Run("feed", func(t *testing.T) { testFeed(t, out, arches) })
	t.Run("same again", func(t *testing.T) {
		again := t.TempDir()
		pack(t, again, []string{"x86_64"})
		for _, e := range list(t, filepath.Join(again, "x86_64")) {
			if !bytes.Equal(readFile(t, filepath.Join(again, "x86_64", e)), readFile(t, filepath.Join(out, "x86_64", e))) {
				t.Errorf("%s is not the same when it is made again", e)
			}
		}
	})
}

func pack(t *testing.T, out string, arches []string) {
	t.Helper()
	cmd := exec.Command("go", "run", ".", "-root", "../..", "-out", out, "-arch", strings.Join(arches, " "))
	cmd.Dir = "../../scripts/pack"
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000", "MAINTAINER="+maintainer, "HOMEPAGE="+homepage)
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	t.Logf("%s", text)
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// version of the packages, such as "1.2.0-r1".
func version(t *testing.T) string {
	t.Helper()
	m := regexp.MustCompile(`(?s)\nPKG_VERSION:=(\S+)\nPKG_RELEASE:=(\d+)\n`).FindStringSubmatch(string(readFile(t, "../../openwrt/Makefile")))
	if m == nil {
		t.Fatal("the Makefile says no version")
	}
	return m[1] + "-r" + m[2]
}

// What the daemon's packages put on a device, and how.
var daemonFiles = map[string]fs.FileMode{
	"/usr/sbin/umbrellad":                         0o755,
	"/etc/init.d/umbrella":                        0o755,
	"/etc/config/umbrella":                        0o600,
	"/etc/uci-defaults/umbrella":                  0o755,
	"/etc/capabilities/umbrella.json":             0o644,
	"/usr/share/acl.d/umbrella.json":              0o644,
	"/lib/upgrade/keep.d/umbrella":                0o644,
	"/lib/apk/packages/umbrella.list":             0o644, // and below: .apk only
	"/lib/apk/packages/umbrella.rusers":           0o644,
	"/lib/apk/packages/umbrella.conffiles":        0o644,
	"/lib/apk/packages/umbrella.conffiles_static": 0o644,
}

// testDaemonPackages returns the path of the daemon that was in both.
func testDaemonPackages(t *testing.T, dir, arch string) string {
	ipk := readFile(t, filepath.Join(dir, "umbrella_"+version(t)+"_"+arch+".ipk"))
	apk := readFile(t, filepath.Join(dir, "umbrella-"+version(t)+".apk"))

	control, files := testIPK(t, ipk)
	wantFields(t, fields(t, joinContinued(control.text(t, "./control")), ": "), map[string]string{
		"Package": "umbrella", "Version": version(t), "Architecture": arch, "Depends": "ca-bundle", "Section": "net",
		"License": "Apache-2.0", "Require-User": "umbrella:umbrella", "Installed-Size": sizeOf(files),
		"Maintainer": maintainer, "Homepage": homepage,
	}, "Description", "Priority", "SourceDateEpoch")
	if got := control.text(t, "./conffiles"); got != "/etc/config/umbrella\n" {
		t.Errorf("conffiles are %q", got)
	}
	wantFiles(t, "ipk", files, daemonFiles, "/lib/apk")

	a := untar(t, apk)
	data := sha256.Sum256(dataPart(t, apk))
	if hash := fields(t, a.text(t, ".PKGINFO"), " = ")["datahash"]; !slices.Equal(hash, []string{hex.EncodeToString(data[:])}) {
		t.Errorf("the datahash %q is not that of the data", hash)
	}
	wantFields(t, fields(t, a.text(t, ".PKGINFO"), " = "), map[string]string{
		"pkgname": "umbrella", "pkgver": version(t), "arch": arch, "depend": "ca-bundle", "license": "Apache-2.0",
		"maintainer": maintainer, "url": homepage,
	}, "pkgdesc", "size", "datahash")
	onDevice := a.below("")
	wantFiles(t, "apk", onDevice, daemonFiles, "")
	static := sha256.Sum256(onDevice["/etc/config/umbrella"].text)
	for name, want := range map[string]string{
		"list": strings.Join(slices.DeleteFunc(slices.Sorted(maps.Keys(daemonFiles)), func(n string) bool {
			return strings.HasSuffix(n, ".list") || strings.Contains(n, ".conffiles")
		}), "\n") + "\n",
		"rusers":           "umbrella:umbrella\n",
		"conffiles":        "/etc/config/umbrella\n/etc/umbrella/\n",
		"conffiles_static": "/etc/config/umbrella " + hex.EncodeToString(static[:]) + "\n",
	} {
		if got := string(onDevice["/lib/apk/packages/umbrella."+name].text); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got := string(onDevice["/lib/upgrade/keep.d/umbrella"].text); got != "/etc/umbrella/\n" {
		t.Errorf("sysupgrade keeps %q", got)
	}
	for _, f := range []string{"/etc/capabilities/umbrella.json", "/usr/share/acl.d/umbrella.json"} {
		if !json.Valid(onDevice[f].text) {
			t.Errorf("%s is not JSON", f)
		}
	}

	testScripts(t, map[string]string{
		"ipk postinst": control.text(t, "./postinst"), "ipk prerm": control.text(t, "./prerm"),
		"apk post-install": a.text(t, ".post-install"), "apk post-upgrade": a.text(t, ".post-upgrade"),
		"apk pre-deinstall": a.text(t, ".pre-deinstall"),
	}, "umbrella")

	if arch == "aarch64_cortex-a53" {
		// What an access point has room for.
		if daemon := len(onDevice["/usr/sbin/umbrellad"].text); max(len(ipk), len(apk)) >= 7e6 || daemon >= 18e6 {
			t.Errorf("the .ipk has %d bytes and the .apk %d, of 7,000,000; the daemon %d, of 18,000,000", len(ipk), len(apk), daemon)
		}
	}
	if !bytes.Equal(onDevice["/usr/sbin/umbrellad"].text, files["/usr/sbin/umbrellad"].text) {
		t.Error("the daemons of both packages differ")
	}
	path := filepath.Join(t.TempDir(), "umbrellad")
	if err := os.WriteFile(path, onDevice["/usr/sbin/umbrellad"].text, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// dataPart is the second of the gzip files that an .apk is made of.
func dataPart(t *testing.T, apk []byte) []byte {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(apk))
	gz, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	gz.Multistream(false)
	if _, err := io.Copy(io.Discard, gz); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return rest
}

func testAppPackages(t *testing.T, dir string) {
	control, files := testIPK(t, readFile(t, filepath.Join(dir, "luci-app-umbrella_"+version(t)+"_all.ipk")))
	wantFields(t, fields(t, joinContinued(control.text(t, "./control")), ": "), map[string]string{
		"Package": "luci-app-umbrella", "Version": version(t), "Architecture": "all", "Depends": "luci-base, luci-lib-uqr, umbrella", "Section": "luci",
		"License": "Apache-2.0", "Installed-Size": sizeOf(files), "Maintainer": maintainer, "Homepage": homepage,
	}, "Description", "Priority", "SourceDateEpoch")
	if _, there := control.files["./conffiles"]; there {
		t.Error("it has conffiles")
	}

	// Every file of the sources, where LuCI looks for it.
	want := map[string]fs.FileMode{"/lib/apk/packages/luci-app-umbrella.list": 0o644}
	for from, to := range map[string]string{"htdocs": "/www", "root": ""} {
		source := filepath.Join("../../luci-app-umbrella", from)
		err := filepath.WalkDir(source, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			info, err := e.Info()
			want[to+strings.TrimPrefix(path, source)] = 0o644 | info.Mode().Perm()&0o100>>6*0o111
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wantFiles(t, "ipk", files, want, "/lib/apk")

	a := untar(t, readFile(t, filepath.Join(dir, "luci-app-umbrella-"+version(t)+".apk")))
	info := fields(t, a.text(t, ".PKGINFO"), " = ")
	if depends := info["depend"]; !slices.Equal(depends, []string{"luci-base", "luci-lib-uqr", "umbrella"}) {
		t.Errorf("depends on %q", depends)
	}
	delete(info, "depend")
	wantFields(t, info, map[string]string{
		"pkgname": "luci-app-umbrella", "pkgver": version(t), "arch": "noarch", "license": "Apache-2.0",
		"maintainer": maintainer, "url": homepage,
	}, "pkgdesc", "size", "datahash")
	wantFiles(t, "apk", a.below(""), want, "")
	testScripts(t, map[string]string{
		"ipk postinst": control.text(t, "./postinst"), "ipk prerm": control.text(t, "./prerm"),
		"apk post-install": a.text(t, ".post-install"), "apk post-upgrade": a.text(t, ".post-upgrade"),
		"apk pre-deinstall": a.text(t, ".pre-deinstall"),
	}, "luci-app-umbrella")
}

// testIPK checks what every .ipk is, and returns its control files and, by their
// paths on the device, the others.
func testIPK(t *testing.T, data []byte) (control archive, files map[string]file) {
	t.Helper()
	outer := untar(t, data)
	if want := []string{"./debian-binary", "./control.tar.gz", "./data.tar.gz"}; !slices.Equal(outer.order, want) {
		t.Errorf("an .ipk of %q, want %q", outer.order, want)
	}
	if got := outer.text(t, "./debian-binary"); got != "2.0\n" {
		t.Errorf("debian-binary is %q", got)
	}
	control = untar(t, []byte(outer.text(t, "./control.tar.gz")))
	for name, want := range map[string]fs.FileMode{"./control": 0o644, "./postinst": 0o755, "./prerm": 0o755} {
		if got := control.files[name].mode; got != want {
			t.Errorf("%s has the mode %v", name, got)
		}
	}
	return control, untar(t, []byte(outer.text(t, "./data.tar.gz"))).below("./")
}

// joinContinued puts continued lines, which begin with a blank, at the end of
// those that they continue.
func joinContinued(control string) string { return strings.ReplaceAll(control, "\n ", " ") }

func sizeOf(files map[string]file) string {
	size := 0
	for _, f := range files {
		size += len(f.text)
	}
	return strconv.Itoa(size)
}

// wantFields holds the fields against want; those named in more have to be there.
func wantFields(t *testing.T, got map[string][]string, want map[string]string, more ...string) {
	t.Helper()
	for name, value := range want {
		if !slices.Equal(got[name], []string{value}) {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
	for name, values := range got {
		if len(values) != 1 {
			t.Errorf("%s is there %d times", name, len(values))
		}
		if _, ok := want[name]; !ok && !slices.Contains(more, name) {
			t.Errorf("%s: %q is not expected", name, values)
		}
	}
	for _, name := range more {
		if len(got[name]) == 0 {
			t.Errorf("there is no %s", name)
		}
	}
}

// wantFiles holds files against want, without those below the directory except.
func wantFiles(t *testing.T, what string, files map[string]file, want map[string]fs.FileMode, except string) {
	t.Helper()
	for path, mode := range want {
		if except != "" && strings.HasPrefix(path, except) {
			continue
		}
		if got := files[path]; got.mode != mode || got.owner != "root:root" {
			t.Errorf("%s: %s has the mode %v and is %q, want %v and root:root", what, path, got.mode, got.owner, mode)
		}
	}
	for path, f := range files {
		switch mode, ok := want[path]; {
		case f.mode.IsDir():
			if f.mode.Perm() != 0o755 || f.owner != "root:root" {
				t.Errorf("%s: the directory %s has the mode %v and is %q", what, path, f.mode, f.owner)
			}
		case !ok || except != "" && strings.HasPrefix(path, except):
			t.Errorf("%s: %s (%v) is not expected", what, path, mode)
		}
	}
}

func testBinary(t *testing.T, path string, m machine) {
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Machine != m.kind || f.Data != m.order {
		t.Errorf("built for %v, %v", f.Machine, f.Data)
	}
	if info, err := buildinfo.ReadFile(path); err != nil || !slices.Contains(info.Settings, m.setting) {
		t.Errorf("built without %v: %v", m.setting, err)
	}
	if libs, _ := f.ImportedLibraries(); len(libs) > 0 || f.Section(".interp") != nil {
		t.Errorf("not static: %q", libs)
	}
	if f.Section(".symtab") != nil || f.Section(".debug_info") != nil || f.Section(".zdebug_info") != nil {
		t.Error("not stripped")
	}
	var command []string
	if m.qemu != "" {
		qemu, err := exec.LookPath(m.qemu)
		if err != nil {
			t.Skipf("%s is not installed: make tools", m.qemu)
		}
		command = []string{qemu}
	}
	command = append(command, path)
	// As OpenWrt's CI asks for it.
	out, err := exec.Command(command[0], append(command[1:], "--version")...).CombinedOutput()
	if want := strings.Split(version(t), "-")[0] + "\n"; err != nil || string(out) != want {
		t.Errorf("--version says %q, %v", out, err)
	}
	if m.qemu == "qemu-aarch64-static" || m.qemu == "qemu-mipsel-static" {
		t.Run("stream", func(t *testing.T) { testStream(t, command) })
	}
}

// What packages cannot be made of, in words.
func TestPackRefuses(t *testing.T) {
	for arch, want := range map[string]string{
		"":                     "no architecture is named; there are: aarch64_cortex-a53,",
		"riscv65":              `there is no architecture "riscv65"; there are: aarch64_cortex-a53,`,
		"x86_64 mips_24kc_fpu": `there is no architecture "mips_24kc_fpu"`,
	} {
		cmd := exec.Command("go", "run", ".", "-root", "../..", "-out", t.TempDir(), "-arch", arch)
		cmd.Dir = "../../scripts/pack"
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%q: %v, %s", arch, err, out)
		}
	}
}
