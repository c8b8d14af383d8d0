// Package docs has nothing but a test that holds the documents against the tree.
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	tests = regexp.MustCompile("`(Test[A-Z]\\w*|[\\w-]+\\.test\\.mjs)`")
	drop  = regexp.MustCompile(`[^\w\- ]`)
)

// Every relative link leads to a file and a heading that there are, and every test
// that a document names is there.
func TestDocumentsNameWhatThereIs(t *testing.T) {
	there := testsOf(t, "..")
	files, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../README.md") {
		text := read(t, file)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			path, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(m[1], "://") {
				continue
			}
			to := filepath.Join(filepath.Dir(file), path)
			if path == "" {
				to = file
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which is not there", file, m[1])
			} else if anchor != "" && !anchors(read(t, to))[anchor] {
				t.Errorf("%s links to %s, where no heading is called so", file, m[1])
			}
		}
		for _, m := range tests.FindAllStringSubmatch(text, -1) {
			if !there[m[1]] {
				t.Errorf("%s names the test %s, which is not there", file, m[1])
			}
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// anchors are the headings of a document, as links name them on GitHub.
func anchors(text string) map[string]bool {
	list := map[string]bool{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			heading := strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#")))
			list[strings.ReplaceAll(drop.ReplaceAllString(heading, ""), " ", "-")] = true
		}
	}
	return list
}

// testsOf are the names of Go's tests and of the files of Node's in the tree.
func testsOf(t *testing.T, root string) map[string]bool {
	t.Helper()
	list := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == "node_modules" || d.Name() == ".git":
			return filepath.SkipDir
		case strings.HasSuffix(path, ".test.mjs"):
			list[d.Name()] = true
		case strings.HasSuffix(path, "_test.go"):
			for _, m := range function.FindAllStringSubmatch(read(t, path), -1) {
				list[m[1]] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
