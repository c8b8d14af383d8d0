package config

import (
	"strings"
	"unicode/utf8"
)

// statement is one command of a UCI file.
type statement struct {
	line    int    // from 1
	keyword string // package, config, option or list
	words   []string
}

// syntax takes a UCI file apart by the rules of libuci, so that whatever
// `uci commit` and LuCI write, and whatever they read, is read here alike. It
// is stricter in what is a slip whenever it is met: a quote ends on its line,
// nothing stands behind the last word, a comment begins after a blank, and a
// statement has a line of its own (libuci drops what follows `a;` on the line).
//
// No message holds any of the text, since any of it may be a secret.
type syntax struct {
	text string
	pos  int
	line int

	statements []statement
	spans      []span // of the statements
	problems   Problems
}

// span is where a statement stands in the text, from its keyword to the end of
// its last word, in bytes.
type span struct{ from, to int }

// parseSyntax returns the statements of text, and what is wrong with it.
func parseSyntax(file, text string) ([]statement, Problems) {
	s := scan(file, text)
	return s.statements, s.problems
}

// scan is parseSyntax for who needs to know where the statements stand.
func scan(file, text string) *syntax {
	s := &syntax{text: text, line: 1}
	if mark := byteOrderMark(text); mark != "" {
		// libuci takes it for a part of the first word, and refuses the file.
		s.fail("the file begins with " + mark + ", which uci cannot read: save it as UTF-8 without a byte order mark")
		s.pos = len(text)
	}
	for s.statement() {
		if len(s.problems) > maxProblems {
			break
		}
	}
	for i := range s.problems {
		s.problems[i].File = file
	}
	return s
}

// byteOrderMark names the mark that an editor has put before the text, if any.
func byteOrderMark(text string) string {
	switch {
	case strings.HasPrefix(text, "\ufeff"):
		return "a byte order mark"
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"):
		return "the byte order mark of UTF-16"
	}
	return ""
}

func (s *syntax) fail(reason string) {
	s.problems = append(s.problems, Problem{Line: s.line, Reason: reason})
}

// peek returns the next byte, or 0 at the end; parsePackage has made sure that
// the text itself holds no 0.
func (s *syntax) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

// statement reads one statement and reports whether there was anything left.
func (s *syntax) statement() bool {
	for isBlank(s.peek()) || s.peek() == '\n' {
		if s.peek() == '\n' {
			s.line++
		}
		s.pos++
	}
	switch s.peek() {
	case 0:
		return false
	case '#':
		s.skipLine()
		return true
	}
	start := s.pos
	for c := s.peek(); c != 0 && c != '\n' && c != ' ' && c != '\t'; c = s.peek() {
		s.pos++ // by libuci, other blanks are a part of it
	}
	st := statement{line: s.line}
	at := span{start, s.pos}
	least, most := 2, 2
	switch s.text[start:s.pos] {
	case "package", "p":
		st.keyword, least, most = "package", 1, 1
	case "config", "c":
		st.keyword, least = "config", 1
	case "option", "o":
		st.keyword = "option"
	case "list", "l":
		st.keyword = "list"
	default:
		s.fail("a line starts with config, option, list or '#'")
		s.skipLine()
		return true
	}
	for {
		word, more, ok := s.word()
		if !ok {
			s.skipLine()
			return true
		}
		if !more {
			break
		}
		st.words = append(st.words, word)
		at.to = s.pos
	}
	switch {
	case len(st.words) < least:
		s.fail(st.keyword + " needs " + map[string]string{
			"package": "a name",
			"config":  "the type of a section",
			"option":  "a name and a value",
			"list":    "a name and a value",
		}[st.keyword])
	case len(st.words) > most:
		s.fail("there is something behind the end of " + st.keyword + "; a value with blanks needs quotes")
	default:
		s.checkWords(st, at)
	}
	return true
}

// checkWords keeps st if its names are ones that UCI can have.
func (s *syntax) checkWords(st statement, at span) {
	for _, w := range st.words {
		if !utf8.ValidString(w) {
			s.fail("text is to be UTF-8")
			return
		}
	}
	switch st.keyword {
	case "package":
		if st.words[0] != packageName {
			s.fail("this is not the package " + packageName)
			return
		}
	case "config":
		if len(st.words) == 2 && st.words[1] == "" {
			st.words = st.words[:1]
		}
		if !isName(st.words[0]) && !isName(strings.ReplaceAll(st.words[0], "-", "_")) {
			s.fail("the type of a section has letters, digits, '_' and '-' only")
			return
		}
		if len(st.words) == 2 && !isName(st.words[1]) {
			s.fail("the name of a section has letters, digits and '_' only")
			return
		}
	default:
		if !isName(st.words[0]) {
			s.fail("the name of an option has letters, digits and '_' only")
			return
		}
	}
	s.statements = append(s.statements, st)
	s.spans = append(s.spans, at)
}

// word reads the next word of the statement. more is false at its end, ok is
// false when the word cannot be read.
func (s *syntax) word() (word string, more, ok bool) {
	for isBlank(s.peek()) {
		s.pos++
	}
	switch s.peek() {
	case 0, '\n':
		return "", false, true
	case '#':
		s.skipLine()
		return "", false, true
	}
	var b strings.Builder
	for {
		switch c := s.peek(); c {
		case 0, '\n', ' ', '\t', '\r', '\v', '\f':
			return b.String(), true, true
		case '#', ';':
			s.fail("a value with '" + string(c) + "' needs quotes")
			return "", false, false
		case '\'', '"':
			if !s.quoted(&b, c) {
				s.fail("a quote is opened and not closed on its line")
				return "", false, false
			}
		case '\\':
			s.escaped(&b)
		default:
			b.WriteByte(c)
			s.pos++
		}
	}
}

// quoted reads what stands between two quotes, and reports whether the second
// one is there. Only double quotes know escapes.
func (s *syntax) quoted(b *strings.Builder, quote byte) bool {
	line, pos := s.line, s.pos
	for s.pos++; ; {
		switch c := s.peek(); {
		case c == quote:
			s.pos++
			return true
		case c == 0 || c == '\n':
			s.line, s.pos = line, pos
			return false
		case c == '\\' && quote == '"':
			s.escaped(b)
		default:
			b.WriteByte(c)
			s.pos++
		}
	}
}

// escaped reads a backslash and what it escapes: any one byte, or the end of a
// line, which is then left out.
func (s *syntax) escaped(b *strings.Builder) {
	s.pos++
	rest := s.text[s.pos:]
	switch {
	case strings.HasPrefix(rest, "\n"):
		s.pos++
		s.line++
	case strings.HasPrefix(rest, "\r\n"):
		s.pos += 2
		s.line++
	case rest != "":
		b.WriteByte(rest[0])
		s.pos++
	}
}

// skipLine goes to the end of the line.
func (s *syntax) skipLine() {
	if i := strings.IndexByte(s.text[s.pos:], '\n'); i >= 0 {
		s.pos += i
		return
	}
	s.pos = len(s.text)
}

func isBlank(c byte) bool {
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'
}

// isName reports whether s can be the name of a section or an option.
func isName(s string) bool {
	for _, c := range []byte(s) {
		if c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
