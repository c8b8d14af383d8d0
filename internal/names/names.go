// Package names holds the rules for names that people choose: of rooms, and of
// participants and cameras. Letters of all scripts are allowed. A name is normalised
// first, so that each name has one spelling.
package names

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	// MaxCharacters is the length of the longest name, in Unicode code points.
	MaxCharacters = 64
	// MaxBytes is the length of the longest name, in bytes of UTF-8.
	MaxBytes = 4 * MaxCharacters
	// maxMarks is how many combining marks may follow each other. Tibetan and Hebrew
	// with points need up to six; more are there to draw over other text.
	maxMarks = 8
	// maxRaw bounds a name before it is normalised, in bytes: NFC and NFKC make a
	// text shorter, or reject it.
	maxRaw = 4 * MaxBytes
)

// Reasons why a text is no name of a room.
var (
	ErrRoom = errors.New("a room's name has 1 to 64 letters and digits of any script, '-', '_' or '.', " +
		"does not begin with '.', and has no spaces")
	ErrMixed = errors.New("a word of the room's name mixes letters of alphabets that look alike, such as Latin and Cyrillic: use one of them")
)

// Reasons why a text is no name of a participant.
var (
	ErrEmpty     = errors.New("a name has at least one character")
	ErrLong      = errors.New("a name has at most 64 characters")
	ErrInvisible = errors.New("the name has a character that cannot be seen or shown: type it anew instead of pasting it")
	ErrMarks     = errors.New("the name begins with an accent that has no letter, or has too many accents on one letter")
)

// Room returns the one spelling of a room's name: NFKC (UAX #15), so that a letter and
// its accent are one character, and full-width letters are the usual ones. Upper and
// lower case differ. The error is ErrRoom or ErrMixed.
func Room(name string) (string, error) {
	if len(name) > maxRaw || !utf8.ValidString(name) {
		return "", ErrRoom
	}
	text := withoutStrays([]rune(norm.NFKC.String(name)))
	if len(text) == 0 || len(text) > MaxCharacters || text[0] == '.' || !marksSit(text) {
		return "", ErrRoom
	}
	for i, r := range text {
		if !inRoom(r) && !joins(text, i) && !partOfWord(text, i) {
			return "", ErrRoom
		}
	}
	if mixesAlphabets(text) {
		return "", ErrMixed
	}
	return string(text), nil
}

// IsRoom reports whether name is the name of a room in its one spelling.
func IsRoom(name string) bool {
	spelling, err := Room(name)
	return err == nil && spelling == name
}

// Person returns the one spelling of the name of a participant or a camera: NFC
// (UAX #15), with single spaces between words. It may have anything that can be seen:
// letters, punctuation, emoji. The error is ErrEmpty, ErrLong, ErrInvisible or ErrMarks.
func Person(name string) (string, error) {
	if len(name) > maxRaw {
		return "", ErrLong
	}
	if !utf8.ValidString(name) {
		return "", ErrInvisible
	}
	text := []rune(norm.NFC.String(spaced(name)))
	if len(text) == 0 {
		return "", ErrEmpty
	}
	if len(text) > MaxCharacters {
		return "", ErrLong
	}
	if !marksSit(text) {
		return "", ErrMarks
	}
	for i, r := range text {
		if !visible(r) && !joins(text, i) && !varies(text, i) && !flags(text, i) {
			return "", ErrInvisible
		}
	}
	return string(text), nil
}

// spaced writes each run of spaces of any kind as one space, with none at the ends, and
// leaves out what scripts use that cannot be seen and changes nothing: a zero-width space
// in a script that writes no spaces, which says where a line may break, and joiners that
// join nothing.
func spaced(name string) string {
	var b strings.Builder
	text := withoutStrays([]rune(name))
	pending := false
	for i, r := range text {
		switch {
		case r == '\t' || unicode.Is(unicode.Zs, r):
			pending = b.Len() > 0
			continue
		case r == zeroWidthSpace && (i > 0 && unicode.In(text[i-1], spaceless...) || i+1 < len(text) && unicode.In(text[i+1], spaceless...)):
			continue
		}
		if pending {
			b.WriteByte(' ')
			pending = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

func withoutStrays(text []rune) []rune {
	kept := text[:0:0]
	for i, r := range text {
		if !strays(text, i) {
			kept = append(kept, r)
		}
	}
	return kept
}

// visible reports whether r can be seen. Emoji that are newer than Go's tables count.
func visible(r rune) bool {
	return (unicode.IsPrint(r) || isPictograph(r)) && !unseen(r) && r != utf8.RuneError
}

// inRoom reports whether a room's name may have r, wherever it stands.
func inRoom(r rune) bool {
	switch {
	case r == '-', r == '_', r == '.':
		return true
	case unseen(r):
		return false
	}
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd)
}

// marksSit reports whether combining marks have something to sit on, and are few.
func marksSit(text []rune) bool {
	run := 0
	for i, r := range text {
		if !unicode.In(r, unicode.Mn, unicode.Me) || isVariation(r) {
			run = 0
			if i == 0 && unicode.Is(unicode.M, r) {
				return false
			}
			continue
		}
		if run++; run > maxMarks || i == 0 {
			return false
		}
	}
	return true
}
