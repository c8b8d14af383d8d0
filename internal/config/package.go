package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/digineo/go-uci/v2"
)

// What no settings of people come near, and what keeps a file that is none
// from taking long: go-uci takes a time that grows with the square of the
// number of sections, and of the values of one list.
const (
	maxFileSize = 256 << 10
	maxSections = 1024
	maxValues   = 256 // statements for one option
)

// section is a section as it stands in the file, its values unchecked.
type section struct {
	kind    string // one of SectionTypes
	name    string // or @TYPE[N] when it has none
	unnamed bool
	entries map[string]entry
}

// entry is what was found for one option.
type entry struct {
	// file, section and option say where, in the words of Problem.
	file, section, option string
	values                []string
}

// parsePackage reads the text of the UCI file at path: its sections in the order of
// the file, those of one name merged.
func parsePackage(path, text string) ([]*section, Problems) {
	if len(text) > maxFileSize {
		return nil, Problems{{File: path, Reason: "cannot be read: " + errTooLarge.Error()}}
	}
	if i := strings.IndexByte(text, 0); i >= 0 && byteOrderMark(text) == "" {
		return nil, Problems{{File: path, Line: 1 + strings.Count(text[:i], "\n"),
			Reason: "this is not a text file: it holds NUL bytes, as a file does whose writing was cut off; put a copy of it back"}}
	}
	statements, problems := parseSyntax(path, text)
	sections, statements, more := outline(path, statements)
	problems = append(problems, more...)
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
	if err := fill(path, sections, statements); err != nil {
		problems = append(problems, Problem{File: path, Reason: "cannot be read: " + err.Error()})
	}
	return sections, problems
}

// Read returns the text of a settings file of at most 256 KiB. The error does not name
// the path.
func Read(path string) (string, error) {
	// A FIFO would hold up Open for ever.
	if info, err := os.Stat(path); err != nil {
		return "", withoutPath(err)
	} else if !info.Mode().IsRegular() {
		return "", errors.New("it is not a file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", withoutPath(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return "", withoutPath(err)
	}
	if len(text) > maxFileSize {
		return "", errTooLarge
	}
	return string(text), nil
}

var errTooLarge = fmt.Errorf("it is larger than %d KiB", maxFileSize>>10)

// withoutPath drops the path from err, which a Problem has told already.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}

// outline finds the sections, still without values, and checks all that go-uci
// does not: types and options that nobody knows, names used twice, and counts.
// It returns the statements that can be handed on, every section with a name.
func outline(path string, statements []statement) (sections []*section, kept []statement, problems Problems) {
	known := map[string][]string{}
	for _, o := range Options() {
		known[o.Section] = append(known[o.Section], o.Name)
	}
	byName := map[string]*section{}
	ofKind := map[string]int{}
	values := map[string]map[string]int{}
	var current *section
	inNone := true // before the first section
	for _, st := range statements {
		if len(problems) > maxProblems {
			break
		}
		problem := Problem{File: path, Line: st.line}
		switch st.keyword {
		case "package":
			continue
		case "config":
			inNone, current = false, nil
			kind := st.words[0]
			name, nameless := "", len(st.words) == 1
			if nameless {
				name = unnamed(kind, ofKind[kind])
			} else {
				name = st.words[1]
			}
			problem.Section = name
			before := byName[name]
			if before == nil {
				ofKind[kind]++
			}
			switch {
			case known[kind] == nil:
				problem.Reason = "has the unknown type " + quoted(kind)
				problem.Allowed = suggestion(kind, SectionTypes())
			case before != nil && before.kind != kind:
				problem.Reason = "is there already, with the type " + quoted(before.kind)
				problem.Allowed = "give it another name"
			case before == nil && len(sections) == maxSections:
				problem.Reason = fmt.Sprintf("is one too many: a file has at most %d sections", maxSections)
				return sections, kept, append(problems, problem)
			case before != nil:
				current = before
			default:
				current = &section{kind: kind, name: name, unnamed: nameless, entries: map[string]entry{}}
				sections = append(sections, current)
				byName[name], values[name] = current, map[string]int{}
			}
			if current == nil {
				problems = append(problems, problem)
				continue
			}
			kept = append(kept, statement{st.line, st.keyword, []string{kind, name}})
		default:
			option := st.words[0]
			if inNone {
				problem.Reason = "there is no section yet that this could belong to"
				problems = append(problems, problem)
				continue
			}
			if current == nil {
				continue // its section is a problem already
			}
			problem.Section, problem.Option = current.name, option
			values[current.name][option]++
			switch count := values[current.name][option]; {
			case !slices.Contains(known[current.kind], option):
				problem.Reason = "is not known"
				problem.Allowed = suggestion(option, known[current.kind])
				if count == 1 {
					problems = append(problems, problem)
				}
			case count > maxValues:
				problem.Reason = fmt.Sprintf("has more than %d values", maxValues)
				if count == maxValues+1 {
					problems = append(problems, problem)
				}
			default:
				e := current.entries[option]
				e.file, e.section, e.option = path, current.name, option
				current.entries[option] = e
				kept = append(kept, st)
			}
		}
	}
	return sections, kept, problems
}

// fill lets go-uci build the tree of the statements, and takes the values of
// the sections from it.
func fill(path string, sections []*section, statements []statement) error {
	if len(statements) == 0 {
		return nil
	}
	names := map[string]string{}
	for i, s := range sections {
		// go-uci counts through all sections for each one without a name.
		names[s.name] = "s" + strconv.Itoa(i)
	}
	var b strings.Builder
	for _, st := range statements {
		if st.keyword == "config" {
			fmt.Fprintf(&b, "config %s '%s'\n", st.words[0], names[st.words[1]])
			continue
		}
		fmt.Fprintf(&b, "%s %s '%s'\n", st.keyword, st.words[0], encode(st.words[1]))
	}
	return readTree(b.String(), func(get func(section, option string) ([]string, bool)) error {
		for _, s := range sections {
			for option, e := range s.entries {
				values, ok := get(names[s.name], option)
				if !ok || len(values) == 0 {
					return fmt.Errorf("section %s, option %s is lost", s.name, option)
				}
				for _, v := range values {
					e.values = append(e.values, decode(v))
				}
				s.entries[option] = e
			}
		}
		return nil
	})
}

// readTree lets go-uci read text, and use ask for values while it can. go-uci
// reads by path only. A pipe has one: it needs no directory that can be
// written to, and leaves no copy of a secret behind.
func readTree(text string, use func(get func(section, option string) ([]string, bool)) error) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		// An error shows on the other side, as text that ends too soon.
		_, _ = io.WriteString(w, text)
		_ = w.Close()
	}()
	defer func() {
		_ = r.Close()
		<-written
	}()
	dir := "/dev/fd"
	if runtime.GOOS == "linux" {
		dir = "/proc/self/fd"
	}
	name := strconv.Itoa(int(r.Fd()))
	tree := uci.NewTree(dir)
	if err := tree.LoadConfig(name, true); err != nil {
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			return e
		}
		// Its words quote the text, which holds secrets.
		return errors.New("go-uci does not understand it")
	}
	return use(func(section, option string) ([]string, bool) { return tree.Get(name, section, option) })
}

// encode puts a value into characters that go-uci reads as they are: it knows
// neither escapes nor empty values.
func encode(value string) string {
	if value == "" {
		return "%"
	}
	var b strings.Builder
	for _, c := range []byte(value) {
		if c < ' ' || strings.IndexByte(`%'"\`, c) >= 0 {
			fmt.Fprintf(&b, "%%%02x", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// decode undoes encode.
func decode(value string) string {
	if value == "%" {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '%' && i+2 < len(value) {
			if c, err := strconv.ParseUint(value[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(value[i])
	}
	return b.String()
}
