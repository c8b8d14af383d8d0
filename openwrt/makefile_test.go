package openwrt

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What OpenWrt's build system brings along, as far as the Makefile uses it.
var standIns = map[string]string{
	"top/rules.mk": "INSTALL_DIR:=install -d -m0755\nINSTALL_BIN:=install -m0755\nINSTALL_CONF:=install -m0600\nCP:=cp -fpR\n",
	"top/include/package.mk": `define BuildPackage
prepare:
	$$(Build/Prepare)
install:
	$$(call Package/$(1)/install,$$(DEST))
conffiles:
	@$$(foreach f,$$(Package/$(1)/conffiles),echo $$(f);)
endef
`,
	"top/feeds/packages/lang/golang/golang-package.mk": `define GoPackage/Package/Install/Bin
	install -d $(1)$(GO_PKG_INSTALL_BIN_PATH)
	cd $(PKG_BUILD_DIR) && go build -ldflags "$(patsubst %,-X %,$(GO_PKG_LDFLAGS_X))" -o $(1)$(GO_PKG_INSTALL_BIN_PATH)/ $(GO_PKG_BUILD_PKG)
endef
`,
}

func TestMakefile(t *testing.T) {
	root := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range standIns {
		put(name, text)
	}
	for _, dir := range []string{"cmd", "internal", "proto"} {
		if err := os.CopyFS(filepath.Join(root, "checkout", dir), os.DirFS("../"+dir)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"LICENSE", "go.mod", "go.sum", "web/embed.go", "openwrt/Makefile", "openwrt/files/umbrella.config", "openwrt/files/umbrella.init"} {
		text, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		put("checkout/"+name, string(text))
	}
	build, dest := filepath.Join(root, "build"), filepath.Join(root, "dest")
	run := func(target string) (string, error) {
		cmd := exec.Command("make", "--no-print-directory", "-C", filepath.Join(root, "checkout/openwrt"), target,
			"TOPDIR="+filepath.Join(root, "top"), "INCLUDE_DIR="+filepath.Join(root, "top/include"),
			"PKG_BUILD_DIR="+build, "DEST="+dest)
		// What a make above this one would hand down.
		cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "MAKE") || strings.HasPrefix(e, "MFLAGS") })
		out, err := cmd.CombinedOutput()
		return string(out), err
	}

	if out, err := run("prepare"); err == nil || !strings.Contains(out, "the web client is not built: run make build in") {
		t.Fatalf("without a web client: %v\n%s", err, out)
	}
	put("checkout/web/dist/index.html.gz", "x")
	for _, target := range []string{"prepare", "install"} {
		if out, err := run(target); err != nil {
			t.Fatalf("%s: %v\n%s", target, err, out)
		}
	}
	got := map[string]fs.FileMode{}
	err := filepath.WalkDir(dest, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		got[strings.TrimPrefix(path, dest)] = info.Mode()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]fs.FileMode{"/usr/sbin/umbrellad": 0o755, "/etc/init.d/umbrella": 0o755, "/etc/config/umbrella": 0o600} {
		if got[name] != mode {
			t.Errorf("%s: mode %v, want %v", name, got[name], mode)
		}
	}
	if len(got) != 3 {
		t.Errorf("installed are %v", got)
	}
	version, err := exec.Command(filepath.Join(dest, "usr/sbin/umbrellad"), "--version").Output()
	makefile, _ := os.ReadFile("Makefile")
	if err != nil || !strings.Contains(string(makefile), "\nPKG_VERSION:="+string(version)) {
		t.Errorf("the version of the binary is %q, %v", version, err)
	}
	if out, err := run("conffiles"); err != nil || out != "/etc/config/umbrella\n/etc/umbrella/\n" {
		t.Errorf("conffiles are %q, %v", out, err)
	}
}
