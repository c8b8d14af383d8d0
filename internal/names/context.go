package names

import (
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Characters that cannot be seen, and mean something beside certain others alone.
const (
	nonJoiner      = '\u200c' // ZWNJ
	joiner         = '\u200d' // ZWJ
	zeroWidthSpace = '\u200b'
	vowelSeparator = '\u180e' // of Mongolian
	cancelTag      = 0xe007f
	blackFlag      = 0x1f3f4
)

// virama is the canonical combining class of viramas (UAX #44), which ask for a
// conjunct of the letters around them.
const virama = 9

var (
	// joining are scripts in which ZWJ and ZWNJ choose the form of the characters around
	// them: whose letters join (Joining_Type of the Unicode database), and those of India
	// and beyond that have viramas.
	joining = []*unicode.RangeTable{
		unicode.Arabic, unicode.Syriac, unicode.Mongolian, unicode.Nko, unicode.Mandaic, unicode.Phags_Pa, unicode.Manichaean,
		unicode.Psalter_Pahlavi, unicode.Adlam, unicode.Hanifi_Rohingya, unicode.Sogdian, unicode.Chorasmian, unicode.Old_Uyghur,
		unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu,
		unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar, unicode.Meetei_Mayek, unicode.Chakma,
		unicode.Balinese, unicode.Javanese, unicode.Newa, unicode.Tirhuta,
	}
	// spaceless are scripts that write no spaces between words.
	spaceless = []*unicode.RangeTable{unicode.Khmer, unicode.Thai, unicode.Lao, unicode.Myanmar, unicode.Tai_Le, unicode.New_Tai_Lue, unicode.Tai_Tham, unicode.Tibetan}
	// lookAlike are alphabets with many letters that look the same.
	lookAlike = []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic, unicode.Lisu}
)

// joins reports whether text[i] is a ZWJ or ZWNJ that means something: after a virama
// (RFC 5892 appendices A.1 and A.2), between two characters of a script that uses them,
// or, for ZWJ, between two emoji that make one.
func joins(text []rune, i int) bool {
	r := text[i]
	if !isJoiner(r) || i == 0 {
		return false
	}
	if combining(text[i-1]) == virama {
		return true
	}
	if i+1 == len(text) {
		return false
	}
	if unicode.In(text[i-1], joining...) && unicode.In(text[i+1], joining...) {
		return true
	}
	return r == joiner && isPictograph(baseBefore(text, i)) && isPictograph(text[i+1])
}

// strays reports whether text[i] is a ZWJ or ZWNJ without meaning that keyboards of
// scripts that use them leave behind: at the end of a word, or a second one.
func strays(text []rune, i int) bool {
	if !isJoiner(text[i]) || i == 0 || !unicode.In(text[i-1], joining...) {
		return false
	}
	if i+1 == len(text) || text[i+1] == ' ' {
		return combining(text[i-1]) != virama
	}
	return isJoiner(text[i+1])
}

// baseBefore returns the emoji that variations, skin tones and tags before text[i]
// belong to.
func baseBefore(text []rune, i int) rune {
	for i--; i > 0 && (isVariation(text[i]) || isSkinTone(text[i]) || isTag(text[i])); i-- {
	}
	return text[i]
}

// varies reports whether text[i] chooses between forms of the character before it: of
// an emoji or symbol, a Han character or a Mongolian letter; or parts two of those.
func varies(text []rune, i int) bool {
	if i == 0 {
		return false
	}
	before := text[i-1]
	switch r := text[i]; {
	case r == 0xfe0e || r == 0xfe0f: // as text, as emoji; also of a keycap's digit
		return isPictograph(before) || unicode.In(before, unicode.So, unicode.Sm, unicode.Po, unicode.Nd)
	case r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0100 && r <= 0xe01ef:
		return unicode.Is(unicode.Han, before)
	case r >= 0x180b && r <= 0x180f:
		return unicode.Is(unicode.Mongolian, before)
	}
	return false
}

// flags reports whether text[i] is a tag of an emoji flag, such as Scotland's, which a
// cancel tag ends.
func flags(text []rune, i int) bool {
	if !isTag(text[i]) {
		return false
	}
	first := i
	for first > 0 && isTag(text[first-1]) && text[first-1] != cancelTag {
		first--
	}
	last := i
	for last < len(text)-1 && text[last] != cancelTag && isTag(text[last+1]) {
		last++
	}
	// A subdivision has three to six letters or digits (UTS #51).
	return first > 0 && text[first-1] == blackFlag && text[last] == cancelTag && last-first >= 3 && last-first <= 6
}

// partOfWord reports whether text[i] is punctuation that belongs to a word in a room's
// name (RFC 5892 appendix A.3 and those after it): the Catalan dot between two l, the
// Hebrew geresh and gershayim, the Katakana dot; or a separator of Mongolian vowels.
func partOfWord(text []rune, i int) bool {
	switch text[i] {
	case '·':
		return i > 0 && i+1 < len(text) && (text[i-1] == 'l' || text[i-1] == 'L') && (text[i+1] == 'l' || text[i+1] == 'L')
	case '׳', '״':
		return i > 0 && unicode.Is(unicode.Hebrew, text[i-1])
	case '・':
		return i > 0 && unicode.In(text[i-1], unicode.Katakana, unicode.Hiragana, unicode.Han, unicode.Common)
	}
	return false
}

// mixesAlphabets reports whether a word has letters of two alphabets that look alike.
func mixesAlphabets(text []rune) bool {
	var of *unicode.RangeTable
	for _, r := range text {
		if !unicode.In(r, unicode.L, unicode.M) {
			of = nil // another word
			continue
		}
		for _, alphabet := range lookAlike {
			if !unicode.Is(alphabet, r) {
				continue
			}
			if of != nil && of != alphabet {
				return true
			}
			of = alphabet
		}
	}
	return false
}

func isJoiner(r rune) bool { return r == joiner || r == nonJoiner }

func combining(r rune) uint8 { return norm.NFC.PropertiesString(string(r)).CCC() }

func isSkinTone(r rune) bool { return r >= 0x1f3fb && r <= 0x1f3ff }

func isTag(r rune) bool { return r >= 0xe0020 && r <= cancelTag }

func isVariation(r rune) bool {
	return r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0100 && r <= 0xe01ef || r >= 0x180b && r <= 0x180f
}

// isPictograph reports whether r may be part of an emoji, those included to which
// Unicode has given no meaning yet (UTS #51, Extended_Pictographic, in wider ranges).
func isPictograph(r rune) bool {
	switch {
	case r >= 0x1f000 && r <= 0x1faff:
		return true
	case r >= 0x2190 && r <= 0x21ff, r >= 0x2300 && r <= 0x23ff, r >= 0x2600 && r <= 0x27bf, r >= 0x2b00 && r <= 0x2bff:
		return unicode.IsPrint(r)
	}
	switch r {
	case 0xa9, 0xae, 0x203c, 0x2049, 0x2122, 0x2139, 0x24c2, 0x25aa, 0x25ab, 0x25b6, 0x25c0, 0x25fb, 0x25fc, 0x25fd, 0x25fe,
		0x2934, 0x2935, 0x3030, 0x303d, 0x3297, 0x3299:
		return true
	}
	return false
}

// unseen reports whether r is drawn as nothing although it is a letter, a mark or a
// symbol: fillers of Hangul and Khmer, the grapheme joiner, variations, blank Braille.
func unseen(r rune) bool {
	switch r {
	case 0x034f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x2800, 0x3164, 0xffa0, 0x1d159:
		return true
	}
	return isVariation(r)
}
