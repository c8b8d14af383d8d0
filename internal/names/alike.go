package names

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"io"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

//go:generate go run ./gen

// confusables are the characters that look like others (UTS #39), as gen writes them.
//
//go:embed confusables.bin
var confusables []byte

// prototypes returns the table: what looks like a character, by that character.
var prototypes = sync.OnceValue(func() map[rune]string {
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(confusables)))
	if err != nil {
		panic(err) // it is part of the program
	}
	table := make(map[rune]string, len(text)/12)
	for line := range strings.Lines(string(text)) {
		list, prototype, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		for _, r := range list {
			table[r] = prototype
		}
	}
	return table
})

// Skeleton returns what names that look the same have in common (UTS #39 §4, with
// compatibility forms and characters that cannot be seen left out as well). It is no
// name, and for comparison alone.
func Skeleton(name string) string {
	if IsASCII(name) && !strings.ContainsAny(name, asciiConfusables) {
		return name
	}
	table := prototypes()
	var b strings.Builder
	for _, r := range norm.NFKD.String(name) {
		if r == joiner || r == nonJoiner || r == vowelSeparator || unseen(r) || isTag(r) {
			continue
		}
		if p, ok := table[r]; ok {
			b.WriteString(p)
		} else {
			b.WriteRune(r)
		}
	}
	return norm.NFKD.String(b.String())
}

// asciiConfusables are the ASCII characters that look like others of ASCII.
const asciiConfusables = "\"01I`m%|"

// RoomsAlike reports whether two rooms, by their one spelling, look the same and are
// not. Names of ASCII alone are told apart by those who type them.
func RoomsAlike(a, b string) bool {
	return a != b && !(IsASCII(a) && IsASCII(b)) && Skeleton(a) == Skeleton(b)
}

// Look is what the name of a participant looks like. It can be the key of a map.
type Look struct{ exact, loose string }

// LookOf returns what a name looks like.
func LookOf(name string) Look {
	return Look{Skeleton(name), loose(name)}
}

// Like reports whether two names look the same, as they are or but for upper and lower
// case and spaces.
func (l Look) Like(other Look) bool { return l.exact == other.exact || l.loose == other.loose }

// Looks are those of several names.
type Looks map[string]bool

// Add adds one.
func (s Looks) Add(l Look) { s["="+l.exact], s["~"+l.loose] = true, true }

// Have reports whether one of them is like l.
func (s Looks) Have(l Look) bool { return s["="+l.exact] || s["~"+l.loose] }

// loose is a name's skeleton in lower case without spaces.
func loose(name string) string {
	return strings.ToLower(Skeleton(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(unicode.ToUpper(r))
	}, norm.NFKD.String(name))))
}

// IsASCII reports whether a name has characters of ASCII alone.
func IsASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
