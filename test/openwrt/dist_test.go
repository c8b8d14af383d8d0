package openwrt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What OpenWrt's own feeds build from: the release tarball and the packages that go
// with it.
func TestDist(t *testing.T) {
	if out, err := exec.Command("git", "rev-parse", "HEAD").CombinedOutput(); err != nil {
		t.Skipf("a release is made in a checkout: %s", out)
	}
	if _, err := os.Stat("../../web/node_modules"); err != nil {
		t.Skip("make tools installs what the web client is built with")
	}
	const url = "https://example.org/releases"
	dist := func(args ...string) (string, []byte) {
		t.Helper()
		out := t.TempDir()
		cmd := exec.Command("../../scripts/dist", args...)
		cmd.Env = append(os.Environ(), "OUT="+out, "MAINTAINER="+maintainer, "HOMEPAGE="+homepage)
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		tarballs, _ := filepath.Glob(filepath.Join(out, "umbrella-*.tar.gz"))
		if len(tarballs) != 1 {
			t.Fatalf("made %q", tarballs)
		}
		return out, readFile(t, tarballs[0])
	}
	out, tarball := dist(url)
	if _, again := dist(); !bytes.Equal(again, tarball) {
		t.Error("the same commit does not give the same tarball")
	}

	files := untar(t, tarball)
	top := strings.SplitAfter(files.order[0], "/")[0]
	// A folder's files come right after it, whatever the names beside it.
	if !slices.IsSortedFunc(files.order, func(a, b string) int {
		return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
	}) {
		t.Error("the files are not sorted")
	}
	work := t.TempDir()
	for name, f := range files.files {
		if !strings.HasPrefix(name, top) || f.owner != ":" || strings.Contains(name, "node_modules") {
			t.Errorf("%s, of %q, should not be there", name, f.owner)
		}
		path := filepath.Join(work, strings.TrimPrefix(name, top))
		if f.mode.IsDir() {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.text, f.mode.Perm()); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"LICENSE", "web/dist/index.html.gz", "proto/umbrella/v1/signal.pb.go", "go.sum"} {
		files.text(t, top+name)
	}

	// It builds with Go alone.
	build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(work, "umbrellad"), "./cmd/umbrellad")
	build.Dir = work
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, text)
	}

	daemon := filepath.Join(out, "upstream/packages/net/umbrella")
	hash := sha256.Sum256(tarball)
	number := strings.TrimSuffix(strings.TrimPrefix(top, "umbrella-"), "/")
	testUpstream(t, daemon, []string{
		"PKG_VERSION:=" + number, "PKG_SOURCE:=$(PKG_NAME)-$(PKG_VERSION).tar.gz", "PKG_SOURCE_URL:=" + url + "/",
		"PKG_HASH:=" + hex.EncodeToString(hash[:]), "include ../../lang/golang/golang-package.mk",
		"  URL:=" + homepage, "GO_PKG_TAGS:=" + tags(t),
	}, "Makefile", "files/umbrella.acl.json", "files/umbrella.capabilities.json", "files/umbrella.config", "files/umbrella.defaults", "files/umbrella.init")
	testUpstream(t, filepath.Join(out, "upstream/luci/applications/luci-app-umbrella"), []string{
		"include ../../luci.mk", "LUCI_URL:=" + homepage, "PKG_VERSION:=" + number,
	})
	// As the feed has it: other packages beside this one.
	sdk, err := filepath.Abs("../../scripts/pack/sdk")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(out, "upstream/packages/lang"), os.DirFS(filepath.Join(sdk, "feeds/packages/lang"))); err != nil {
		t.Fatal(err)
	}
	stage := t.TempDir()
	install := exec.Command("make", "--no-print-directory", "-C", daemon, "stage", "TOPDIR="+sdk,
		"INCLUDE_DIR="+filepath.Join(sdk, "include"), "PKG_BUILD_DIR="+work, "DEST="+stage, "DAEMON="+filepath.Join(work, "umbrellad"))
	install.Env = slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "MAKE") || strings.HasPrefix(e, "MFLAGS=") })
	if text, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if _, err := os.Stat(filepath.Join(stage, "etc/init.d/umbrella")); err != nil {
		t.Error(err)
	}
}

// tags are the build tags of `make build`.
func tags(t *testing.T) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^-tags=(.+)$`).FindStringSubmatch(string(readFile(t, "../../scripts/goflags")))
	if m == nil {
		t.Fatal("scripts/goflags names no tags")
	}
	return m[1]
}

// testUpstream holds a package's folder against what reviewers of OpenWrt's feeds and
// their checks ask for (openwrt/packages and openwrt/luci: CONTRIBUTING.md,
// .github/formalities.json and .github/llm-review-rules.md). Its Makefile has the
// lines; where files are named, there are no others.
func testUpstream(t *testing.T, dir string, lines []string, files ...string) {
	t.Helper()
	text := string(readFile(t, filepath.Join(dir, "Makefile")))
	for _, line := range append(lines, "PKG_RELEASE:=1", "PKG_MAINTAINER:="+maintainer, "PKG_LICENSE:=Apache-2.0") {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("%s: the Makefile has no line %q:\n%s", dir, line, text)
		}
	}
	block := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		name, isDefine := strings.CutPrefix(line, "define ")
		switch {
		case isDefine:
			block = name
		case line == "endef":
			block = ""
		}
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		want := ""
		switch {
		case block == "" || isDefine || line == "" || strings.HasSuffix(block, "/conffiles"):
		case strings.HasSuffix(block, "/install") || strings.HasPrefix(block, "Build/"):
			want = "\t"
		default:
			want = "  "
		}
		if indent != want {
			t.Errorf("%s: %q is indented by %q, want %q", dir, line, indent, want)
		}
		for what, bad := range map[string]bool{
			"blanks at its end":                      strings.TrimRight(line, " \t\r") != line,
			"a placeholder":                          strings.Contains(line, ".example"),
			"$(PKG_NAME) in a call":                  strings.Contains(line, "$(PKG_NAME)") && strings.ContainsAny(line, "()") && strings.HasPrefix(line, "$(eval"),
			"a path of the build tree":               strings.Contains(line, "$(TOPDIR)/feeds/"),
			"a file of this machine":                 strings.Contains(line, "file://"),
			"no hash":                                line == "PKG_HASH:=skip",
			"compiler flags of its own":              strings.Contains(line, "gcflags") || strings.HasPrefix(line, "define Build/"),
			"a licence that goes onto the flash":     strings.Contains(line, "/usr/share/licenses"),
			"a maintainer without a name or address": strings.HasPrefix(line, "PKG_MAINTAINER") && !regexp.MustCompile(`:=\S+.* <\S+@\S+>$`).MatchString(line),
		} {
			if bad {
				t.Errorf("%s: %q has %s", dir, line, what)
			}
		}
	}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if strings.HasSuffix(name, "_test.go") || strings.Contains(name, "testdata") || files != nil && !slices.Contains(files, name) {
			t.Errorf("%s: %s is not for the feed", dir, name)
		}
		if bytes.Contains(readFile(t, path), []byte("\r\n")) {
			t.Errorf("%s: %s has line ends of another system", dir, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A package without a maintainer is not made for OpenWrt's feeds.
func TestDistRefuses(t *testing.T) {
	for want, env := range map[string][]string{
		"MAINTAINER has to be set": {"MAINTAINER=", "HOMEPAGE=" + homepage},
		"MAINTAINER has to be":     {"MAINTAINER=jane", "HOMEPAGE=" + homepage},
		"HOMEPAGE has to be set":   {"MAINTAINER=" + maintainer, "HOMEPAGE="},
	} {
		cmd := exec.Command("../../scripts/dist", "https://example.org/releases")
		cmd.Env = append(os.Environ(), append(env, "OUT="+t.TempDir())...)
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%q: %v, %s", env, err, out)
		}
	}
}
