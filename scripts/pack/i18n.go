package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// languages are the names by which LuCI offers the languages that its app is
// translated into.
var languages = map[string]string{"de": "Deutsch (German)"}

// translations are the packages of the app's translations, as LuCI's own build makes
// them of po/LANGUAGE: a catalogue, and an entry in LuCI's list of languages.
func translations(root string, app *description) ([]translation, error) {
	files, err := filepath.Glob(filepath.Join(root, app.Name, "po/*/*.po"))
	if err != nil {
		return nil, fmt.Errorf("looking for translations: %w", err)
	}
	var all []translation
	for _, file := range files {
		language := filepath.Base(filepath.Dir(file))
		name, known := languages[language]
		if !known {
			return nil, fmt.Errorf("%s: say in scripts/pack/i18n.go what the language is called", file)
		}
		base := strings.TrimPrefix(app.Name, "luci-app-")
		d := *app
		d.Name = "luci-i18n-" + base + "-" + language
		d.Title = app.Name + " - " + language + " translation"
		d.Description = "Translation for " + app.Name + " - " + name
		d.Depends, d.PostInstall, d.PreRemove = []string{app.Name}, "", ""
		all = append(all, translation{&d, file, base, language, name})
	}
	return all, nil
}

type translation struct {
	*description
	file, base, language, name string
}

// stage puts the package's files below a directory.
func (t translation) stage(dir string) error {
	po, err := os.ReadFile(t.file)
	if err != nil {
		return fmt.Errorf("reading a translation: %w", err)
	}
	catalogue, err := compile(string(po))
	if err != nil {
		return fmt.Errorf("%s: %w", t.file, err)
	}
	for path, f := range map[string]struct {
		text []byte
		mode os.FileMode
	}{
		"usr/lib/lua/luci/i18n/" + t.base + "." + t.language + ".lmo": {catalogue, 0o644},
		"etc/uci-defaults/" + t.Name: {
			fmt.Appendf(nil, "#!/bin/sh\nuci set luci.languages.%s='%s'; uci commit luci\nexit 0\n", t.language, t.name), 0o755,
		},
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("staging a translation: %w", err)
		}
		if err := os.WriteFile(path, f.text, f.mode); err != nil {
			return fmt.Errorf("staging a translation: %w", err)
		}
	}
	return nil
}

// compile makes LuCI's catalogue (.lmo) of a translation in gettext's format: the
// translated texts, each up to a multiple of four bytes, an index of them sorted by the
// hashes of the texts that they translate, and where the index is. Numbers have 32 bits,
// the highest byte first.
func compile(po string) ([]byte, error) {
	type entry struct{ key, forms, offset, length uint32 }
	var text []byte
	var index []entry
	add := func(key, forms uint32, value string) {
		index = append(index, entry{key, forms, uint32(len(text)), uint32(len(value))})
		text = append(text, value...)
		text = append(text, make([]byte, (4-len(text)%4)%4)...)
	}
	messages, err := parsePO(po)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		switch key := hash(m.id); {
		case m.id == "":
			for field := range strings.SplitSeq(m.text, `\n`) {
				if rule, found := strings.CutPrefix(field, "Plural-Forms: "); found {
					add(0, 0, rule)
				}
			}
		case m.text != "" && m.text != m.id:
			add(key, 1, m.text)
		}
	}
	slices.SortFunc(index, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	out := bytes.NewBuffer(text)
	for i, e := range index {
		if i > 0 && e.key == index[i-1].key {
			return nil, fmt.Errorf("two texts have the same hash %08x: change one", e.key)
		}
		_ = binary.Write(out, binary.BigEndian, e) // never fails
	}
	_ = binary.Write(out, binary.BigEndian, uint32(len(text)))
	return out.Bytes(), nil
}

type message struct{ id, text string }

// parsePO reads messages without contexts and plurals, which the app has none of. Of
// escapes, those of quotes and backslashes alone are undone, as LuCI's own compiler does.
func parsePO(po string) ([]message, error) {
	var all []message
	var field *string
	for line := range strings.Lines(po) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		word, quoted, _ := strings.Cut(line, `"`)
		switch word {
		case "msgid ":
			all = append(all, message{})
			field = &all[len(all)-1].id
		case "msgstr ":
			if len(all) == 0 {
				return nil, fmt.Errorf("%q translates nothing", line)
			}
			field = &all[len(all)-1].text
		case "":
		default:
			return nil, fmt.Errorf("%q cannot be compiled", line)
		}
		if field == nil || !strings.HasSuffix(quoted, `"`) {
			return nil, fmt.Errorf("%q cannot be compiled", line)
		}
		*field += strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(strings.TrimSuffix(quoted, `"`))
	}
	return all, nil
}

// hash is Paul Hsieh's SuperFastHash, by which LuCI finds texts. Its last bytes count as
// signed.
func hash(text string) uint32 {
	h := uint32(len(text))
	two := func(at int) uint32 { return uint32(text[at]) | uint32(text[at+1])<<8 }
	signed := func(at int) uint32 { return uint32(int32(int8(text[at]))) }
	at := 0
	for ; at+4 <= len(text); at += 4 {
		h += two(at)
		h = h<<16 ^ two(at+2)<<11 ^ h
		h += h >> 11
	}
	switch len(text) - at {
	case 3:
		h += two(at)
		h ^= h << 16
		h ^= signed(at+2) << 18
		h += h >> 11
	case 2:
		h += two(at)
		h ^= h << 11
		h += h >> 17
	case 1:
		h += signed(at)
		h ^= h << 10
		h += h >> 1
	}
	h ^= h << 3
	h += h >> 5
	h ^= h << 4
	h += h >> 17
	h ^= h << 25
	h += h >> 6
	return h
}
