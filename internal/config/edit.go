package config

import (
	"fmt"
	"slices"
	"strings"
)

// Values is what a section is to say, by option. Options that are not named
// stay as they are; one without a value is taken out.
type Values map[string][]string

// setSection returns text with a section that says what values says, at the end
// of the text if it was not there. Every other byte stays. The text has to be
// free of problems, and so has what comes out: the caller sees to both.
func setSection(text, kind, name string, values Values) string {
	if len(sectionAt(scan("", text), kind, name)) == 0 {
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		if text != "" {
			text += "\n"
		}
		text += "config " + kind + " " + quote(name) + "\n"
	}
	for _, o := range Options() {
		if given, ok := values[o.Name]; ok && o.Section == kind {
			text = setOption(text, kind, name, o, meant(given))
		}
	}
	return text
}

// setOption makes one option of a section that is there say want.
func setOption(text, kind, name string, o Option, want []string) string {
	for {
		s := scan("", text)
		at := sectionAt(s, kind, name)
		var have []int
		for _, i := range at {
			if st := s.statements[i]; (st.keyword == "option" || st.keyword == "list") && st.words[0] == o.Name {
				have = append(have, i)
			}
		}
		if slices.Equal(meant(said(s.statements, have)), want) {
			return text
		}
		keyword := "option"
		if o.List {
			keyword = "list"
		}
		var lines []string
		for _, v := range want {
			lines = append(lines, keyword+" "+o.Name+" "+quote(v))
		}
		switch {
		case len(have) == 0:
			return insertAfter(text, s.spans[at[len(at)-1]], lines)
		case len(have) == 1 && len(want) > 0:
			// In place, so that what stands around it stays with it.
			is := s.spans[have[0]]
			text = text[:is.from] + lines[0] + text[is.to:]
			is.to = is.from + len(lines[0])
			return insertAfter(text, is, lines[1:])
		default:
			text = cutStatement(text, s.spans[have[0]])
		}
	}
}

// removeSection returns text without a section. Comments stay: nobody can tell
// whether they are about it alone.
func removeSection(text, kind, name string) string {
	s := scan("", text)
	at := sectionAt(s, kind, name)
	slices.Reverse(at) // what is cut from the end moves nothing before it
	for _, i := range at {
		is := s.spans[i]
		if s.statements[i].keyword == "config" && blankAround(text, is) {
			line := strings.LastIndexByte(text[:is.from], '\n') + 1
			text = text[:line-1] + text[line:]
			is.from, is.to = is.from-1, is.to-1
		}
		text = cutStatement(text, is)
	}
	return text
}

// sectionAt returns which statements make a section: its headers, for it may
// have several, and what follows each. A section without a name is found as
// @TYPE[N], as uci calls it.
func sectionAt(s *syntax, kind, name string) (at []int) {
	within := false
	seen, count := map[string]bool{}, 0 // of that type
	for i, st := range s.statements {
		if st.keyword == "config" {
			within = false
			switch {
			case st.words[0] != kind:
			case len(st.words) == 2:
				within = st.words[1] == name
				if !seen[st.words[1]] {
					seen[st.words[1]] = true
					count++
				}
			default:
				within = unnamed(kind, count) == name
				count++
			}
		}
		if within && st.keyword != "package" {
			at = append(at, i)
		}
	}
	return at
}

// unnamed is what uci calls the section of that type and index that has no name.
func unnamed(kind string, index int) string { return fmt.Sprintf("@%s[%d]", kind, index) }

// said is what statements for one option come to: an option goes over what was
// there, a list adds to it, each value once.
func said(statements []statement, at []int) (values []string) {
	for _, i := range at {
		switch v := statements[i].words[1]; {
		case statements[i].keyword == "option":
			values = []string{v}
		case !slices.Contains(values, v):
			values = append(values, v)
		}
	}
	return values
}

// meant drops empty values, which count as nothing, and those that came before.
func meant(values []string) (kept []string) {
	for _, v := range values {
		if v != "" && !slices.Contains(kept, v) {
			kept = append(kept, v)
		}
	}
	return kept
}

// insertAfter puts statements behind one, on lines of their own.
func insertAfter(text string, is span, statements []string) string {
	if len(statements) == 0 {
		return text
	}
	end := strings.IndexByte(text[is.to:], '\n')
	if end < 0 {
		return text + "\n\t" + strings.Join(statements, "\n\t")
	}
	end += is.to + 1
	eol := "\n"
	if strings.HasSuffix(text[:end], "\r\n") {
		eol = "\r\n"
	}
	return text[:end] + "\t" + strings.Join(statements, eol+"\t") + eol + text[end:]
}

// cutStatement takes a statement out, with its line if there is nothing else on
// it.
func cutStatement(text string, is span) string {
	before, after := is.from, is.to
	for before > 0 && isBlank(text[before-1]) {
		before--
	}
	for after < len(text) && isBlank(text[after]) {
		after++
	}
	beginsLine := before == 0 || text[before-1] == '\n'
	switch {
	case beginsLine && after == len(text):
		return text[:before]
	case beginsLine && text[after] == '\n':
		return text[:before] + text[after+1:]
	}
	return text[:is.from] + text[is.to:]
}

// blankAround tells whether a header that is about to go would leave two blank
// lines, or one at the end, where there was one before it.
func blankAround(text string, is span) bool {
	line := strings.LastIndexByte(text[:is.from], '\n') + 1
	if strings.TrimSpace(text[line:is.from]) != "" || !strings.HasSuffix(text[:line], "\n\n") {
		return false
	}
	behind, rest, _ := strings.Cut(text[is.to:], "\n")
	return strings.TrimSpace(behind) == "" && (rest == "" || rest[0] == '\n')
}

// quote writes a value as uci commit does.
func quote(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }
