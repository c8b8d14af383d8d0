package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
)

// DefaultDir is where OpenWrt keeps its UCI files.
const DefaultDir = "/etc/config"

// Load reads the settings: the UCI file `umbrella` in dir, if there is one,
// and over it the UMBRELLA_* variables of environ, each "NAME=VALUE" as
// os.Environ gives them. The error is of type Problems.
//
// A file that is there has to have the section `main`, unless a variable is set in
// its place: a file that was emptied or cut off would otherwise mean the defaults.
func Load(dir string, environ []string) (*Config, error) {
	return Source{Dir: dir, Environ: environ}.Load()
}

// Load reads the settings, as Load does.
func (s Source) Load() (*Config, error) {
	text, err := Read(s.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return s.build(nil, nil)
	}
	if err != nil {
		return s.build(nil, Problems{{File: s.Shown(), Reason: "cannot be read: " + err.Error()}})
	}
	return s.parse(text)
}

// Parse is Load for the text of the file at path.
func Parse(path, text string, environ []string) (*Config, error) {
	return Source{Dir: filepath.Dir(path), Environ: environ, Original: path}.parse(text)
}

func (s Source) parse(text string) (*Config, error) {
	sections, problems := parsePackage(s.Shown(), text)
	if len(problems) == 0 && len(ofKind(sections, typeMain)) == 0 && !setsMain(s.Environ) {
		p := Problem{File: s.Shown(), Reason: "it has no section config umbrella 'main'", Allowed: "put a copy of it back, or write that section"}
		if len(sections) == 0 {
			p.Reason, p.Allowed = "it is empty, as a file is whose writing was cut off", "put a copy of it back, or write the section config umbrella 'main'"
		}
		problems = Problems{p}
	}
	return s.build(sections, problems)
}

// Disabled reports whether the text of a settings file says that the node is not to
// run, whatever else is wrong in it.
func Disabled(text string) bool {
	sections, _ := parsePackage(packageName, text)
	for _, s := range sections {
		if e := s.entries["enabled"]; s.kind == typeMain && s.name == sectionMain && len(e.values) == 1 {
			on, ok := parseBool(e.values[0])
			return ok && !on
		}
	}
	return false
}

// setsMain reports whether a variable stands for the section `main`.
func setsMain(environ []string) bool {
	sections, _, _ := applyEnvironment(nil, environ)
	return len(ofKind(sections, typeMain)) > 0
}

// build makes a Config of what was read from the file.
func (s Source) build(sections []*section, problems Problems) (*Config, error) {
	sections, warnings, more := applyEnvironment(sections, s.Environ)
	path := s.Shown()
	l := &loader{
		path:     path,
		dir:      s.Dir,
		options:  map[string]Option{},
		problems: append(problems, more...),
		warnings: warnings,
	}
	for _, o := range Options() {
		l.options[o.Section+"."+o.Name] = o
	}
	cfg := l.config(sections)
	if len(l.problems) > maxProblems {
		l.problems = append(l.problems[:maxProblems:maxProblems],
			Problem{File: path, Reason: "has more problems than these, which are not shown"})
	}
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	cfg.Warnings = l.warnings
	return cfg, nil
}

// loader turns sections into a Config and gathers what is wrong on the way.
type loader struct {
	path     string            // as messages show it
	dir      string            // of the UCI files
	options  map[string]Option // by type of section, '.', name
	problems Problems
	warnings []string
}

// has reports whether the option is set to anything.
func (s *section) has(option string) bool {
	for _, v := range s.entries[option].values {
		if v != "" {
			return true
		}
	}
	return false
}

// where returns a Problem that points at an option of s.
func (l *loader) where(s *section, option string) Problem {
	if e, ok := s.entries[option]; ok && e.file != "" {
		return Problem{File: e.file, Section: e.section, Option: e.option}
	}
	return Problem{File: l.path, Section: s.name, Option: option}
}

// wrong adds a problem about an option of s that is not its value alone.
func (l *loader) wrong(s *section, option, reason, allowed string) {
	p := l.where(s, option)
	p.Reason, p.Allowed = reason, allowed
	l.problems = append(l.problems, p)
}

// missing adds a problem about an option of s that has to be set.
func (l *loader) missing(s *section, option, why string) {
	l.wrong(s, option, "is missing, and "+why, l.options[s.kind+"."+option].Allowed)
}

// one reads an option that has one value: what parse makes of its text, or of
// its default if it is not set. A bad value is added to the problems.
func one[T any](l *loader, s *section, option string, parse func(string) (T, bool)) T {
	o := l.options[s.kind+"."+option]
	text := o.Default
	var value T
	if s.has(option) {
		values := s.entries[option].values
		if len(values) > 1 {
			l.wrong(s, option, "has more than one value", o.Allowed)
			return value
		}
		text = values[0]
	}
	if text == "" {
		return value
	}
	value, ok := parse(text)
	if !ok {
		p := l.where(s, option)
		p.Value, p.Allowed = o.shown(text), o.Allowed
		l.problems = append(l.problems, p)
	}
	return value
}

// many reads an option that has any number of values, each once. Written as
// one `option`, they stand between blanks, as UCI has always allowed.
func many[T comparable](l *loader, s *section, option string, parse func(string) (T, bool)) []T {
	o := l.options[s.kind+"."+option]
	var values []T
	seen := map[T]bool{}
	texts := s.words(option)
	if len(texts) == 0 {
		texts = strings.Fields(o.Default)
	}
	for _, text := range texts {
		value, ok := parse(text)
		if !ok {
			p := l.where(s, option)
			p.Value, p.Allowed = o.shown(text), o.Allowed
			l.problems = append(l.problems, p)
			continue
		}
		if !seen[value] {
			seen[value] = true
			values = append(values, value)
		}
	}
	return values
}
