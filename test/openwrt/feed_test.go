package openwrt

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// feedPackages are in the feed, for each architecture.
var feedPackages = []string{"luci-app-umbrella", "luci-i18n-umbrella-de", "umbrella"}

// runFeed runs the tool that makes feeds of packages.
func runFeed(env []string, args ...string) (string, error) {
	cmd := exec.Command("go", append([]string{"run", "./feed"}, args...)...)
	cmd.Dir = "../../scripts/pack"
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// makeFeed makes a feed of a copy of packages, by keys that it makes where there are
// none, and returns where it is.
func makeFeed(t *testing.T, packages, keys, address string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(packages)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(keys); err != nil {
		if out, err := runFeed(nil, "keys", "-dir", keys, "-root", "../.."); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if out, err := runFeed(nil, "make", "-dir", dir, "-keys", keys, "-root", "../..", "-url", address); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// testFeed makes a feed of packages and holds it against what opkg and apk look for.
func testFeed(t *testing.T, packages string, arches []string) {
	keys := filepath.Join(t.TempDir(), "keys")
	dir := makeFeed(t, packages, keys, "https://example.org/feed/")
	again := makeFeed(t, packages, keys, "https://example.org/feed/")
	sums := func(dir string) string {
		var all strings.Builder
		err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				fmt.Fprintf(&all, "%s %x\n", strings.TrimPrefix(path, dir), sha256.Sum256(readFile(t, path)))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all.String()
	}
	if sums(dir) != sums(again) {
		t.Errorf("the same packages and keys give\n%s\nand\n%s", sums(dir), sums(again))
	}
	for _, arch := range arches {
		testOpkgIndex(t, dir, arch)
		testAPKIndex(t, dir, arch)
	}
	for name, want := range map[string][]string{
		"README.txt":      {"https://example.org/feed/umbrella.pub", "https://example.org/feed/$DISTRIB_ARCH/packages.adb", arches[0]},
		"index.html":      {"https://example.org/feed/umbrella.pem", "src/gz umbrella https://example.org/feed/$DISTRIB_ARCH", arches[0]},
		"third-party.txt": {"github.com/pion/webrtc"},
		"LICENSE":         {"Apache License"},
	} {
		// The page has quotes and plus signs as HTML.
		text := strings.NewReplacer("&#34;", `"`, "&#43;", "+").Replace(string(readFile(t, filepath.Join(dir, name))))
		for _, words := range want {
			if !strings.Contains(text, words) {
				t.Errorf("%s does not have %q", name, words)
			}
		}
	}
	testLines(t, dir)
	for _, secret := range []string{"opkg.key", "apk.key"} {
		text := bytes.TrimSpace(readFile(t, filepath.Join(keys, secret)))
		secretPart := text[bytes.IndexByte(text, '\n')+1:]
		if info, err := os.Stat(filepath.Join(keys, secret)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", secret, info.Mode(), err)
		}
		err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() && bytes.Contains(readFile(t, path), secretPart[:40]) {
				t.Errorf("%s has the secret key %s", path, secret)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	testFeedRefuses(t, dir, keys)
}

// testLines holds the documents against the feed's page, which says the same: two lines
// for each package manager.
func testLines(t *testing.T, feed string) {
	t.Helper()
	for _, document := range []string{"README.md", "docs/openwrt.md"} {
		text := string(readFile(t, filepath.Join("../..", document)))
		lines := 0
		for line := range strings.Lines(string(readFile(t, filepath.Join(feed, "README.txt")))) {
			if !strings.HasPrefix(line, "wget ") && !strings.HasPrefix(line, "apk ") && !strings.HasPrefix(line, "opkg ") {
				continue
			}
			lines++
			if want := "    " + strings.ReplaceAll(line, "https://example.org/feed", "FEED"); strings.Count(text, want) != 1 {
				t.Errorf("%s has not once %q", document, want)
			}
		}
		if lines != 4 {
			t.Errorf("the feed's page has %d lines to type, want 4", lines)
		}
	}
}

// usign takes a file of usign's apart: algorithm, identity of the key, and the rest.
func usign(t *testing.T, text []byte) (id, rest []byte) {
	t.Helper()
	lines := strings.Split(string(text), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "untrusted comment: ") {
		t.Fatalf("not of usign: %q", text)
	}
	b, err := base64.StdEncoding.DecodeString(lines[1])
	if err != nil || len(b) < 10 || string(b[:2]) != "Ed" {
		t.Fatalf("not of usign: %q, %v", text, err)
	}
	return b[2:10], b[10:]
}

// The index says of each package what is in it, and is signed by the feed's key.
func testOpkgIndex(t *testing.T, feed, arch string) {
	dir := filepath.Join(feed, arch)
	index := readFile(t, filepath.Join(dir, "Packages"))
	gz, err := gzip.NewReader(bytes.NewReader(readFile(t, filepath.Join(dir, "Packages.gz"))))
	if err != nil {
		t.Fatal(err)
	}
	if unpacked, err := io.ReadAll(gz); err != nil || !bytes.Equal(unpacked, index) {
		t.Errorf("%s: Packages.gz is not Packages: %v", arch, err)
	}
	keyID, key := usign(t, readFile(t, filepath.Join(feed, "umbrella.pub")))
	id, signature := usign(t, readFile(t, filepath.Join(dir, "Packages.sig")))
	if !bytes.Equal(id, keyID) || !ed25519.Verify(key, index, signature) {
		t.Errorf("%s: the signature is not by the feed's key", arch)
	}
	paragraphs := strings.Split(strings.TrimSuffix(string(index), "\n\n"), "\n\n")
	if len(paragraphs) != len(feedPackages) {
		t.Fatalf("%s: %d packages are listed", arch, len(paragraphs))
	}
	for i, name := range feedPackages {
		if !strings.HasPrefix(paragraphs[i], "Package: "+name+"\n") {
			t.Errorf("%s: package %d begins with %.40q, want %s", arch, i, paragraphs[i], name)
		}
		got := fields(t, joinContinued(paragraphs[i]+"\n"), ": ")
		pkg := readFile(t, filepath.Join(dir, strings.Join(got["Filename"], " ")))
		want := map[string]string{
			"Filename": got["Filename"][0], "Size": fmt.Sprint(len(pkg)), "SHA256sum": fmt.Sprintf("%x", sha256.Sum256(pkg)),
		}
		control := untar(t, []byte(untar(t, pkg).text(t, "./control.tar.gz"))).text(t, "./control")
		for name, values := range fields(t, joinContinued(control), ": ") {
			want[name] = values[0]
		}
		wantFields(t, got, want)
	}
}

// What apk finds in packages.adb, which is signed by the feed's other key.
func testAPKIndex(t *testing.T, feed, arch string) {
	dir := filepath.Join(feed, arch)
	db := readADB(t, readFile(t, filepath.Join(dir, "packages.adb")), readFile(t, filepath.Join(feed, "umbrella.pem")))
	packages := db.slots(db.slots(db.root())[1])
	if len(packages) != len(feedPackages) {
		t.Fatalf("%s: %d packages are listed", arch, len(packages))
	}
	for i, name := range feedPackages {
		p := db.slots(packages[i])
		file := fmt.Sprintf("%s-%s.apk", db.blob(p[0]), db.blob(p[1]))
		pkg := readFile(t, filepath.Join(dir, file))
		info := fields(t, untar(t, pkg).text(t, ".PKGINFO"), " = ")
		// The part before the data, of whose SHA-256 it has a line.
		control := pkg[:len(pkg)-len(dataPart(t, pkg))]
		identity := sha1.Sum(control)
		var depends []string
		for _, d := range db.slots(p[14]) {
			depends = append(depends, string(db.blob(db.slots(d)[0])))
		}
		got := fmt.Sprintf("%s %x %s %s %s %s %s %d %d %q", db.blob(p[0]), db.blob(p[2]), db.blob(p[3]), db.blob(p[4]), db.blob(p[5]), db.blob(p[7]),
			db.blob(p[8]), db.number(p[11]), db.number(p[12]), depends)
		want := fmt.Sprintf("%s %x %s %s Apache-2.0 %s %s %s %d %q", name, identity, info["pkgdesc"][0], info["arch"][0], maintainer, homepage,
			info["size"][0], len(pkg), info["depend"])
		if got != want {
			t.Errorf("%s: the index says\n%s\nwant\n%s", arch, got, want)
		}
	}
}

// adb reads a database of apk 3 (apk-v3(5)).
type adb struct {
	t    *testing.T
	text []byte
}

// readADB returns the database of an index that is signed by the key.
func readADB(t *testing.T, file, publicKey []byte) *adb {
	t.Helper()
	if len(file) < 8 || string(file[:8]) != "ADB.indx" {
		t.Fatalf("not an index: %.16q", file)
	}
	block := func(at int, kind uint32) (text []byte, next int) {
		head := binary.LittleEndian.Uint32(file[at:])
		if head>>30 != kind {
			t.Fatalf("the block at %d is of kind %d, want %d", at, head>>30, kind)
		}
		size := int(head & 0x3fffffff)
		return file[at+4 : at+size], at + (size+7)/8*8
	}
	text, next := block(8, 0)
	signed, end := block(next, 1)
	if end != len(file) {
		t.Errorf("behind the signature are %d bytes", len(file)-end)
	}
	der, _ := pem.Decode(publicKey)
	parsed, err := x509.ParsePKIXPublicKey(der.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key := parsed.(*ecdsa.PublicKey)
	point, err := key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	id := sha512.Sum512(point)
	digest := sha512.Sum512(text)
	whole := sha512.Sum512(append(append([]byte("indx"), signed[:18]...), digest[:]...))
	if signed[0] != 0 || signed[1] != 4 || !bytes.Equal(signed[2:18], id[:16]) || !ecdsa.VerifyASN1(key, whole[:], signed[18:]) {
		t.Errorf("the signature %x is not by the feed's key", signed)
	}
	return &adb{t, text}
}

func (d *adb) root() uint32 { return binary.LittleEndian.Uint32(d.text[4:]) }

// slots returns what an object or array has, without their number.
func (d *adb) slots(v uint32) (values []uint32) {
	if kind := v >> 28; kind != 0xd && kind != 0xe {
		d.t.Fatalf("%x is no object and no array", v)
	}
	at := v & 0x0fffffff
	for i := uint32(1); i < binary.LittleEndian.Uint32(d.text[at:]); i++ {
		values = append(values, binary.LittleEndian.Uint32(d.text[at+4*i:]))
	}
	return values
}

func (d *adb) blob(v uint32) []byte {
	if v == 0 {
		return nil
	}
	if v>>28 != 8 {
		d.t.Fatalf("%x is no short text", v)
	}
	at := v & 0x0fffffff
	return d.text[at+1:][:d.text[at]]
}

func (d *adb) number(v uint32) uint64 {
	if v>>28 != 1 {
		d.t.Fatalf("%x is no number", v)
	}
	return uint64(v & 0x0fffffff)
}

// testFeedRefuses asks for feeds that would be of no use or do harm.
func testFeedRefuses(t *testing.T, feed, keys string) {
	spare := filepath.Join(t.TempDir(), "keys")
	if err := os.CopyFS(spare, os.DirFS(keys)); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(spare, "apk.key")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	secret := "FEED_APK_KEY=" + string(readFile(t, open))
	opkg := "FEED_OPKG_KEY=" + string(readFile(t, filepath.Join(keys, "opkg.key")))
	for _, c := range []struct {
		want string
		env  []string
		args []string
	}{
		{"is there already", nil, []string{"keys", "-dir", keys}},
		{"is in the checkout", nil, []string{"keys", "-dir", "../../bin/keys"}},
		{"is in the checkout", nil, []string{"make", "-dir", feed, "-keys", "../../bin"}},
		{"make feed-keys makes it", nil, []string{"make", "-dir", feed, "-keys", t.TempDir()}},
		{"can be read by others", nil, []string{"check", "-dir", spare}},
		{"the key for opkg: it is not a secret key", []string{"FEED_OPKG_KEY=x", secret}, []string{"make", "-dir", feed}},
		{"the key for apk: it is not PEM", []string{opkg, "FEED_APK_KEY=x"}, []string{"make", "-dir", feed}},
		{"is not the http:// or https:// address", []string{opkg, secret}, []string{"make", "-dir", feed, "-url", "example.org/$(reboot)"}},
		{"has no directory with packages", []string{opkg, secret}, []string{"make", "-dir", t.TempDir()}},
		{"is not known", nil, []string{"sell", "-dir", feed}},
	} {
		out, err := runFeed(c.env, append(c.args, "-root", "../..")...)
		if err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%q: %v, %s, want %q", c.args, err, out, c.want)
		}
		if key := readFile(t, filepath.Join(keys, "opkg.key")); strings.Contains(out, hex.EncodeToString(key)) || strings.Contains(out, string(key)) {
			t.Errorf("%q shows the key", c.args)
		}
	}
	// Build servers have the keys in variables alone.
	if out, err := runFeed([]string{opkg, secret}, "make", "-dir", feed, "-root", "../.."); err != nil {
		t.Errorf("%v, %s", err, out)
	}
}
