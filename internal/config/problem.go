package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Environment is what a Problem has for a File when a variable is wrong.
const Environment = "environment"

// maxProblems bounds what is kept of a file that is not a settings file at
// all, so that the log is not flooded.
const maxProblems = 100

// Problem is one thing that has to be put right.
type Problem struct {
	File string // path of the UCI file, or Environment
	Line int    // from 1; 0 where an option's value is to blame, or no one line
	// Section is the section's name, or @TYPE[N] as uci calls one without.
	Section string
	Option  string // option or environment variable
	// Value is what was found. A secret is "…", and so is the part of a URL
	// that may hold one.
	Value string
	// Reason says what is wrong where that is not the value, such as "is
	// missing".
	Reason  string
	Allowed string // what is allowed, or what to do, in words
}

// Error tells the problem in one line.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	b.WriteString(": ")
	var where []string
	if p.Line > 0 {
		where = append(where, fmt.Sprintf("line %d", p.Line))
	}
	switch {
	case p.File == Environment:
		where = append(where, p.Option)
	default:
		if p.Section != "" {
			where = append(where, "section "+quoted(p.Section))
		}
		if p.Option != "" {
			where = append(where, "option "+quoted(p.Option))
		}
	}
	b.WriteString(strings.Join(where, ", "))
	switch {
	case len(where) == 0:
	case p.Reason == "" || p.Option == "" && p.Section == "":
		b.WriteString(": ")
	default:
		b.WriteString(" ")
	}
	b.WriteString(p.Text())
	return b.String()
}

// Text tells the problem without saying where it is, such as "'x' is not
// allowed: 1 or 0".
func (p Problem) Text() string {
	text := p.Reason
	if text == "" {
		text = quoted(p.Value) + " is not allowed"
	}
	if p.Allowed != "" {
		text += ": " + p.Allowed
	}
	return text
}

// Problems is every problem of a set of settings, in the order of the file.
// It is the error that Load returns for settings that are not valid.
type Problems []Problem

// Error tells every problem, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// about reports whether one of them is about an option of a section.
func (ps Problems) about(section, option string) bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return p.Section == section && p.Option == option })
}

// quoted puts s between quotes as a line of a log can show it.
func quoted(s string) string {
	const longest = 100
	if utf8.RuneCountInString(s) > longest {
		s = string([]rune(s)[:longest]) + "…"
	}
	return "'" + strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s) + "'"
}

// Closest returns the word of known that is most like word, and whether it is
// like enough to have been meant.
func Closest(word string, known []string) (string, bool) {
	best, bestDistance := "", 1<<30
	for _, k := range known {
		if d := distance(word, k); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best, bestDistance <= max(2, len(best)/3) && bestDistance < len(best)
}

// distance counts the letters to add, drop or change that make a into b.
func distance(a, b string) int {
	if len(a) > 64 {
		a = a[:64]
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// suggestion says which of known was probably meant by word.
func suggestion(word string, known []string) string {
	if k, ok := Closest(word, known); ok {
		return "did you mean " + quoted(k) + "?"
	}
	return "known are " + strings.Join(known, ", ")
}
