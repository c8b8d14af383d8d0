package luci_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each language has every string, with the same places for values, and calls an option
// by the title that the page has in that language.
func TestLanguagesAreComplete(t *testing.T) {
	used := literals(t)
	paths, err := filepath.Glob(catalogues + "*/umbrella.po")
	if err != nil || len(paths) == 0 {
		t.Fatalf("there is no language: %v", err)
	}
	place := regexp.MustCompile(`%(?:1024)?(?:\.\d)?[a-z%]`)
	quoted := regexp.MustCompile(`“([^”]*)”`)
	for _, path := range paths {
		language := filepath.Base(filepath.Dir(path))
		if *update {
			writeCatalogue(t, path, fmt.Sprintf("\"\"\n%s\n%s\n%s", header[:len(header)-1]+`\n"`, `"Language: `+language+`\n"`, `"Plural-Forms: nplurals=2; plural=(n != 1);\n"`), used, catalogue(t, path))
		}
		translations := map[string]string{}
		for _, k := range catalogue(t, path) {
			translations[k.words] = k.translation
		}
		for words := range translations {
			if used[words] == nil {
				t.Errorf("%s has %q, which is not used", path, words)
			}
		}
		for words := range used {
			translation := translations[words]
			if translation == "" {
				t.Errorf("%s lacks %q", path, words)
				continue
			}
			if a, b := place.FindAllString(words, -1), place.FindAllString(translation, -1); !slices.Equal(a, b) {
				t.Errorf("%s: %q has %q, its translation %q", path, words, a, b)
			}
			for _, m := range quoted.FindAllStringSubmatch(words, -1) {
				if title, ok := translations[m[1]]; ok && !strings.Contains(translation, "„"+title+"“") {
					t.Errorf("%s: %q: the title “%s” is called otherwise in %q", path, words, m[1], translation)
				}
			}
		}
		if msgfmt, err := exec.LookPath("msgfmt"); err == nil {
			if out, err := exec.CommandContext(t.Context(), msgfmt, "--check", "-o", os.DevNull, path).CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", path, err, out)
			}
		}
	}
}
