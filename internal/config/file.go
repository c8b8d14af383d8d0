package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"umbrella/internal/cause"
)

// Source is where the settings come from, and what changes them in the file.
// All changes of one file have to come from one goroutine at a time; other
// programs, such as uci, may change it meanwhile.
type Source struct {
	// Dir is the directory of the UCI file, Environ the variables over it, as
	// Load takes them.
	Dir     string
	Environ []string
	// Original is the path of the file that people edit, where the one in Dir is a copy
	// that was made of it for the node. Messages show it. Empty: there is no copy.
	Original string
}

// Shown is the path of the file as messages show it.
func (s Source) Shown() string { return cmp.Or(s.Original, s.Path()) }

var (
	// ErrNoFile is that there is no UCI file to be changed.
	ErrNoFile = errors.New("there is no settings file")
	// ErrNotWritable is that the process may not change the UCI file.
	ErrNotWritable = errors.New("the settings file cannot be written from here")
	// ErrNoSection is that there is no section of that type and name.
	ErrNoSection = errors.New("there is no such section")
	errLocked    = errors.New("another program is changing the settings file: try again")
)

// Path of the UCI file, whether it is there or not.
func (s Source) Path() string { return filepath.Join(s.Dir, packageName) }

// Writable tells whether the settings can be changed: nil, or an error that is
// ErrNoFile or ErrNotWritable.
func (s Source) Writable() error {
	info, err := os.Stat(s.Path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ErrNoFile
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNotWritable, withoutPath(err))
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is not a file", ErrNotWritable)
	}
	if err := unix.Access(s.Path(), unix.W_OK); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return nil
}

// Variables returns the names of the variables that go over a section of the
// file: what is changed there has no effect while they are set.
func (s Source) Variables(kind, name string) (names []string) {
	if kind != TypeBackhaul || name != sectionBackhaul {
		return nil
	}
	for _, o := range Options() {
		if o.Section != kind || o.Environment == "" {
			continue
		}
		for _, assignment := range s.Environ {
			if n, v, _ := strings.Cut(assignment, "="); n == o.Environment && strings.TrimSpace(v) != "" {
				names = append(names, n)
			}
		}
	}
	return names
}

// Set makes a section of the file say what values says, and adds it if it is
// not there; one without a name, @TYPE[N], has to be there. Nothing else in the file
// changes, not by a byte. It returns the settings as they are now; they are not applied
// by that. If they were not valid, the error is Problems, which name all that is wrong,
// and the file stays as it was.
func (s Source) Set(kind, name string, values Values) (*Config, error) {
	return s.set(kind, name, values, true)
}

// Check returns the error that Set would return, and changes nothing.
func (s Source) Check(kind, name string, values Values) error {
	_, err := s.set(kind, name, values, false)
	return err
}

func (s Source) set(kind, name string, values Values, write bool) (*Config, error) {
	if !slices.Contains(SectionTypes(), kind) {
		return nil, Problems{{
			File: s.Shown(), Section: name, Reason: "has the unknown type " + quoted(kind), Allowed: suggestion(kind, SectionTypes()),
		}}
	}
	problems, sound := s.sift(kind, name, values)
	there := strings.HasPrefix(name, "@")
	// A stand-in for a name that cannot be: what else is wrong is to be found, too.
	tried := name
	if !there && !isName(name) {
		tried = "a_new_section"
	}
	if len(problems) > 0 {
		write = false
	}
	cfg, err := s.change(write, func(text string) (string, error) {
		if there && len(sectionAt(scan("", text), kind, name)) == 0 {
			return "", ErrNoSection
		}
		return setSection(text, kind, tried, sound), nil
	})
	if more, ok := errors.AsType[Problems](err); ok {
		for _, p := range more {
			if p.Section == tried {
				p.Section = name
			}
			if !problems.about(p.Section, p.Option) {
				problems = append(problems, p)
			}
		}
	} else if err != nil && len(problems) == 0 {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return cfg, nil
}

// sift returns what is wrong with a name and with values by themselves, and the values
// that are sound.
func (s Source) sift(kind, name string, values Values) (problems Problems, sound Values) {
	wrong := func(option, reason, allowed string) {
		problems = append(problems, Problem{File: s.Shown(), Section: name, Option: option, Reason: reason, Allowed: allowed})
	}
	if !isName(name) && !strings.HasPrefix(name, "@") {
		wrong("", "cannot be its name", "1 to 64 letters, digits and '_'")
	}
	var known []string
	for _, o := range Options() {
		if o.Section == kind {
			known = append(known, o.Name)
		}
	}
	sound = Values{}
	for _, option := range slices.Sorted(maps.Keys(values)) {
		switch list := values[option]; {
		case !slices.Contains(known, option):
			wrong(option, "is not known", suggestion(option, known))
		case slices.ContainsFunc(list, func(v string) bool { return !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) }):
			wrong(option, "has a character that cannot be printed", "text on one line")
		default:
			sound[option] = list
		}
	}
	return problems, sound
}

// Remove takes a section out of the file, with all that Set says.
func (s Source) Remove(kind, name string) (*Config, error) {
	return s.change(true, func(text string) (string, error) {
		if len(sectionAt(scan("", text), kind, name)) == 0 {
			return "", ErrNoSection
		}
		return removeSection(text, kind, name), nil
	})
}

// change edits the file, if what comes out is valid; without write it is only tried.
func (s Source) change(write bool, edit func(text string) (string, error)) (*Config, error) {
	path, err := filepath.EvalSymlinks(s.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoFile
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, withoutPath(err))
	}
	if err := s.Writable(); err != nil {
		return nil, err
	}
	f, err := lock(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // and with that the lock
	before, err := Read(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", s.Path(), cause.Explain(err))
	}
	// What is not understood must not be edited.
	if _, problems := parseSyntax(s.Shown(), before); len(problems) > 0 {
		return nil, problems
	}
	after, err := edit(before)
	if err != nil {
		return nil, err
	}
	cfg, err := s.parse(after)
	if err != nil || !write || after == before {
		return cfg, err
	}
	if err := replace(path, after); err != nil {
		return nil, fmt.Errorf("writing %s: %w", s.Path(), cause.Explain(err))
	}
	return cfg, nil
}

// lockTimeout is how long another program may keep the file locked. uci needs
// milliseconds.
const lockTimeout = 2 * time.Second

// lock opens the file and locks it as libuci does, so that neither writes over
// the other.
func lock(path string) (*os.File, error) {
	for deadline := time.Now().Add(lockTimeout); ; time.Sleep(20 * time.Millisecond) {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotWritable, withoutPath(err))
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			mine, err1 := f.Stat()
			there, err2 := os.Stat(path)
			if err1 == nil && err2 == nil && os.SameFile(mine, there) {
				return f, nil
			}
			// Another file has taken its place between the two calls.
		}
		_ = f.Close()
		if time.Now().After(deadline) {
			return nil, errLocked
		}
	}
}

// replace puts a new file with the mode and owner of the present one in its
// place.
func replace(path, text string) error {
	info, err := os.Stat(path)
	if err != nil {
		return withoutPath(err)
	}
	// A name that uci takes for no package.
	f, err := os.CreateTemp(filepath.Dir(path), "."+packageName+".uci-*")
	if err != nil {
		return overwrite(path, text, err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // it is gone where all went well
	err = complete(f, text, info)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return overwrite(path, text, err)
	}
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync() // not all file systems can; then the old file is what a power cut leaves
		_ = dir.Close()
	}
	return nil
}

// complete writes text into a new file that is to stand in for the one of info.
func complete(f *os.File, text string, info fs.FileInfo) error {
	if _, err := io.WriteString(f, text); err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && (os.Geteuid() != int(owner.Uid) || os.Getegid() != int(owner.Gid)) {
		if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return fmt.Errorf("keeping its owner: %w", err)
		}
	}
	if err := f.Chmod(info.Mode().Perm()); err != nil {
		return fmt.Errorf("keeping its mode: %w", err)
	}
	return f.Sync()
}

// overwrite writes into the file itself where none can take its place, as with
// a file that is mounted into a container by itself, or one of a directory that
// is another's. Where something else is wrong it returns why.
func overwrite(path, text string, why error) error {
	if !errors.Is(why, unix.EBUSY) && !errors.Is(why, unix.EROFS) && !errors.Is(why, fs.ErrPermission) {
		return withoutPath(why)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return withoutPath(err)
	}
	_, err = io.WriteString(f, text)
	if err == nil {
		err = f.Truncate(int64(len(text)))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
