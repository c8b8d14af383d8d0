// Package release tests how a release is made and published.
package release

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const workflowFile = "../../.github/workflows/release.yml"

// workflow is as much of a workflow of GitHub as the test looks at.
type workflow struct {
	On struct {
		Push struct {
			Tags []string
		}
	}
	Permissions map[string]string
	Jobs        map[string]struct {
		Needs       needs
		Environment any
		Permissions map[string]string
		Steps       []step
	}
}

type step struct {
	Uses, Run string
	With, Env map[string]string
}

// needs is one job or several.
type needs []string

func (n *needs) UnmarshalYAML(value *yaml.Node) error {
	if value.Kind == yaml.ScalarNode {
		*n = needs{value.Value}
		return nil
	}
	return value.Decode((*[]string)(n))
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parse(t *testing.T) workflow {
	t.Helper()
	var w workflow
	if err := yaml.Unmarshal([]byte(read(t, workflowFile)), &w); err != nil {
		t.Fatal(err)
	}
	return w
}

// What the workflow calls is there, it gives what scripts/release asks for, and no job
// has more rights, or secrets, than it needs.
func TestReleaseWorkflow(t *testing.T) {
	w := parse(t)
	if !slices.Equal(w.On.Push.Tags, []string{"v[0-9]+.[0-9]+.[0-9]+"}) {
		t.Errorf("it runs for the tags %q", w.On.Push.Tags)
	}
	rights := map[string]string{
		"build": "contents: read", "image": "contents: read, packages: write",
		"publish": "contents: write", "feed": "id-token: write, pages: write",
	}
	for name, job := range w.Jobs {
		has := job.Permissions
		if has == nil {
			has = w.Permissions
		}
		var all []string
		for right, kind := range has {
			all = append(all, right+": "+kind)
		}
		slices.Sort(all)
		if got := strings.Join(all, ", "); got != rights[name] {
			t.Errorf("%s may %q, want %q", name, got, rights[name])
		}
		for _, needed := range job.Needs {
			if _, there := w.Jobs[needed]; !there {
				t.Errorf("%s needs %s, which is not there", name, needed)
			}
		}
		for _, s := range job.Steps {
			testStep(t, name, s)
		}
	}
	if len(w.Jobs) != len(rights) {
		t.Errorf("there are %d jobs, want %d", len(w.Jobs), len(rights))
	}
	// Access points see a release when everything else of it is there.
	if !slices.Equal(w.Jobs["feed"].Needs, needs{"publish"}) || !slices.Equal(w.Jobs["publish"].Needs, needs{"build", "image"}) {
		t.Error("the feed does not come last")
	}
	if w.Jobs["build"].Environment != "release" {
		t.Error("any branch may use the keys of the feed")
	}
	set := regexp.MustCompile(`\b(?:secrets|vars)\.(\w+)`)
	docs := read(t, "../../docs/release.md")
	for _, m := range set.FindAllStringSubmatch(read(t, workflowFile), -1) {
		if !strings.Contains(docs, "`"+m[1]+"`") {
			t.Errorf("docs/release.md does not say how %s is set", m[1])
		}
	}
}

// testStep looks at what a step runs.
func testStep(t *testing.T, job string, s step) {
	t.Helper()
	for _, m := range regexp.MustCompile(`(?m)\bmake (\S+)`).FindAllStringSubmatch(s.Run, -1) {
		if out, err := exec.Command("make", "-C", "../..", "-n", m[1]).CombinedOutput(); err != nil {
			t.Errorf("%s: %v, %s", job, err, out)
		}
	}
	for _, name := range regexp.MustCompile(`scripts/[\w-]+`).FindAllString(s.Run, -1) {
		if info, err := os.Stat(filepath.Join("../..", name)); err != nil || info.Mode().Perm()&0o111 == 0 {
			t.Errorf("%s runs %s: %v, %v", job, name, info, err)
		}
	}
	// What others may write, such as the name of a tag, is no part of a command.
	if strings.Contains(s.Run, "${{") {
		t.Errorf("%s has an expression in a command: %s", job, s.Run)
	}
	release := strings.Contains(s.Run, "scripts/release")
	for name, value := range s.Env {
		if strings.Contains(value, "secrets.") && !release {
			t.Errorf("%s gives %s to %q", job, name, s.Run)
		}
	}
	if !release {
		return
	}
	asked := regexp.MustCompile(`(?m)^: "\$\{(\w+):\?`).FindAllStringSubmatch(read(t, "../../scripts/release"), -1)
	if len(asked) < 4 {
		t.Errorf("scripts/release asks for %q only", asked)
	}
	for _, name := range append(asked, []string{"", "FEED_OPKG_KEY"}, []string{"", "FEED_APK_KEY"}) {
		if s.Env[name[1]] == "" {
			t.Errorf("%s does not set %s", job, name[1])
		}
	}
}

// checkout returns a clone of what is committed, with tags, and the environment that a
// release needs.
func checkout(t *testing.T) (dir string, env []string) {
	t.Helper()
	if _, err := os.Stat("../../web/node_modules"); err != nil {
		t.Skip("make tools installs what the web client is built with")
	}
	dir = filepath.Join(t.TempDir(), "umbrella")
	if out, err := exec.Command("git", "clone", "-q", "../..", dir).CombinedOutput(); err != nil {
		t.Skipf("a release is made in a checkout: %s", out)
	}
	// npm does not list what is behind a link.
	modules := filepath.Join(dir, "web/node_modules")
	if exec.Command("cp", "-al", "../../web/node_modules", modules).Run() != nil {
		if out, err := exec.Command("cp", "-a", "../../web/node_modules", modules).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	keys := filepath.Join(t.TempDir(), "keys")
	make := exec.Command("../../scripts/feed", "keys")
	make.Env = append(os.Environ(), "FEED_KEYS="+keys)
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir, append(os.Environ(), "ARCH=x86_64", "MAINTAINER=Jane Doe <jane@example.org>", "HOMEPAGE=https://example.org/umbrella",
		"FEED_URL=https://example.org/feed", "DOWNLOADS=https://example.org/v", "IMAGE=ghcr.io/Jane/umbrella",
		"FEED_OPKG_KEY="+read(t, filepath.Join(keys, "opkg.key")), "FEED_APK_KEY="+read(t, filepath.Join(keys, "apk.key")))
}

// scripts/release makes what the workflow publishes, out of a tag and nothing else.
func TestRelease(t *testing.T) {
	if testing.Short() {
		t.Skip("builds everything")
	}
	dir, env := checkout(t)
	m := regexp.MustCompile(`(?m)^PKG_VERSION:=(.+)$`).FindStringSubmatch(read(t, "../../openwrt/Makefile"))
	version := m[1]
	git := func(args ...string) {
		t.Helper()
		args = append([]string{"-C", dir, "-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "core.hooksPath=/dev/null"}, args...)
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	run := func(tag string, env []string) (string, error) {
		cmd := exec.Command("scripts/release", tag)
		cmd.Dir, cmd.Path, cmd.Env = dir, filepath.Join(dir, "scripts/release"), env
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	refused := func(want, tag string, env []string) {
		t.Helper()
		if out, err := run(tag, env); err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v, %s, want %q", tag, err, out, want)
		}
	}
	git("tag", "v0.0.1")
	git("commit", "-q", "--allow-empty", "-m", "Do one thing better")
	refused("they have to agree", "v0.0.1", env)
	refused("is not what is checked out", "v"+version, env)
	git("tag", "v"+version)
	refused("MAINTAINER: has to be set", "v"+version, slices.DeleteFunc(slices.Clone(env), func(e string) bool { return strings.HasPrefix(e, "MAINTAINER=") }))
	stray := filepath.Join(dir, "stray")
	if err := os.WriteFile(stray, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	refused("not committed", "v"+version, env)
	if err := os.Remove(stray); err != nil {
		t.Fatal(err)
	}
	if out, err := run("v"+version, env); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	out := filepath.Join(dir, "bin/release")
	// What the workflow names is there.
	for name, job := range parse(t).Jobs {
		for _, s := range job.Steps {
			path := s.With["path"]
			if strings.HasPrefix(path, "bin/") {
				if entries, err := os.ReadDir(filepath.Join(dir, path)); err != nil || len(entries) == 0 {
					t.Errorf("%s uploads %s: %v", name, path, err)
				}
			}
			words := strings.Fields(s.Run)
			if i := slices.Index(words, "--notes-file"); i >= 0 {
				for _, pattern := range words[i+1:] {
					if found, err := filepath.Glob(filepath.Join(out, pattern)); err != nil || len(found) == 0 {
						t.Errorf("%s publishes %s, which is not there: %v", name, pattern, err)
					}
				}
			}
		}
	}
	for _, name := range []string{"umbrella-" + version + ".tar.gz", "umbrella-feed-" + version + ".tar", "umbrella-upstream-" + version + ".tar",
		"umbrellad.cdx.json", "web.cdx.json", "third-party.txt"} {
		sum := sha256.Sum256([]byte(read(t, filepath.Join(out, name))))
		if line := hex.EncodeToString(sum[:]) + "  " + name + "\n"; !strings.Contains(read(t, filepath.Join(out, "SHA256SUMS")), line) {
			t.Errorf("SHA256SUMS has not %q", line)
		}
	}
	notes := read(t, filepath.Join(out, "notes.md"))
	for _, words := range []string{
		"- Do one thing better\n", "    opkg update && opkg install luci-app-umbrella\n", "    apk update && apk add luci-app-umbrella\n",
		"https://example.org/feed/umbrella.pem", "https://example.org/feed/umbrella.pub", "ghcr.io/jane/umbrella:" + version,
	} {
		if strings.Count(notes, words) != 1 {
			t.Errorf("the notes have not %q once:\n%s", words, notes)
		}
	}
	archive, err := exec.Command("tar", "-tf", filepath.Join(out, "umbrella-feed-"+version+".tar")).Output()
	if err != nil || !strings.Contains(string(archive), "/x86_64/Packages.sig\n") || !strings.Contains(string(archive), "/x86_64/packages.adb\n") {
		t.Errorf("the archive of the feed has %s, %v", archive, err)
	}
	feed := filepath.Join(dir, "bin/feed/x86_64")
	if index := read(t, filepath.Join(feed, "Packages")); !strings.Contains(index, "\nMaintainer: Jane Doe <jane@example.org>\n") ||
		!strings.Contains(index, "\nHomepage: https://example.org/umbrella\n") {
		t.Errorf("the packages do not name who made them:\n%s", index)
	}
}
