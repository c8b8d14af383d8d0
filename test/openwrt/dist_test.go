package openwrt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What OpenWrt's packages feed builds from: the release tarball and the Makefile
// that goes with it.
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
		cmd.Env = append(os.Environ(), "OUT="+out)
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

	makefile := string(readFile(t, filepath.Join(out, "feed/net/umbrella/Makefile")))
	hash := sha256.Sum256(tarball)
	number := strings.TrimSuffix(strings.TrimPrefix(top, "umbrella-"), "/")
	for _, line := range []string{
		"PKG_VERSION:=" + number, "PKG_SOURCE:=$(PKG_NAME)-$(PKG_VERSION).tar.gz", "PKG_SOURCE_URL:=" + url + "/",
		"PKG_HASH:=" + hex.EncodeToString(hash[:]), "include ../../lang/golang/golang-package.mk",
	} {
		if !strings.Contains(makefile, "\n"+line+"\n") {
			t.Errorf("the feed's Makefile has no line %q:\n%s", line, makefile)
		}
	}
	// As the feed has it: other packages beside this one.
	sdk, err := filepath.Abs("../../scripts/pack/sdk")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(out, "feed/lang"), os.DirFS(filepath.Join(sdk, "feeds/packages/lang"))); err != nil {
		t.Fatal(err)
	}
	stage := t.TempDir()
	install := exec.Command("make", "--no-print-directory", "-C", filepath.Join(out, "feed/net/umbrella"), "stage", "TOPDIR="+sdk,
		"INCLUDE_DIR="+filepath.Join(sdk, "include"), "PKG_BUILD_DIR="+work, "DEST="+stage, "DAEMON="+filepath.Join(work, "umbrellad"))
	install.Env = slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "MAKE") || strings.HasPrefix(e, "MFLAGS=") })
	if text, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if _, err := os.Stat(filepath.Join(stage, "etc/init.d/umbrella")); err != nil {
		t.Error(err)
	}
}

// The feed builds with the flags that `make build` does.
func TestFeedFlags(t *testing.T) {
	var want []string
	for line := range strings.Lines(string(readFile(t, "../../scripts/goflags"))) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
			want = append(want, line)
		}
	}
	sdk, err := filepath.Abs("../../scripts/pack/sdk")
	if err != nil {
		t.Fatal(err)
	}
	show := exec.Command("make", "--no-print-directory", "--silent", "-C", "../../openwrt", "show", "TOPDIR="+sdk, "INCLUDE_DIR="+filepath.Join(sdk, "include"),
		"PKG_BUILD_DIR="+filepath.Dir(filepath.Dir(filepath.Dir(sdk))),
		"--eval", "GoPackage/Build/Compile=echo -tags=$(GO_PKG_TAGS) $(1)\nshow: ; $(call Build/Compile)")
	show.Env = slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "MAKE") || strings.HasPrefix(e, "MFLAGS=") })
	got, err := show.CombinedOutput()
	if err != nil || !slices.Equal(strings.Fields(string(got)), want) {
		t.Errorf("%v, got\n%s\nwant\n%s", err, got, strings.Join(want, "\n"))
	}
}
