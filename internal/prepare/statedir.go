package prepare

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode"

	"golang.org/x/sys/unix"

	"umbrella/internal/state"
)

const (
	// maxEntries is how many entries of a directory are looked at.
	maxEntries = 256
	// defaultDir is the directory that the package is there for.
	defaultDir = "/etc/umbrella"
)

// systemDirs are those of the system: what lies in them may be run or read by root, so
// nothing new in them is given away. Directories of the node's own name are excepted.
var systemDirs = []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/rom", "/root", "/sbin", "/sys", "/usr", "/www", "/var/run", "/tmp/run"}

// giveStateDir gives the owner the directory that it writes to, with the files in it
// that the node itself wrote, and makes sure that the owner can use it. It returns what
// is wrong, or nothing.
//
// The directory is made where it is not there. One that is there has to be the owner's,
// empty, or hold nothing but such files: to own, say, /etc would be to own the machine.
// Once it is the owner's, root trusts nothing in it: it follows no link there.
func (j *Job) giveStateDir(dir string) string {
	if !filepath.IsAbs(dir) || strings.ContainsFunc(dir, unicode.IsSpace) || strings.Contains(dir, ":") {
		return "is not allowed: the path of a directory, beginning with '/', without blanks and ':'"
	}
	if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		to, err := filepath.EvalSymlinks(dir)
		if err != nil || !ofRoot(dir) {
			return "is not allowed: it is a symbolic link that leads nowhere, or that is not root's"
		}
		dir = to
	}
	if j.isSystems(dir) {
		return ofSystem
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Sprintf("cannot be made: %v", explain(err))
	}
	made := os.Mkdir(dir, 0o700)
	if made != nil && !errors.Is(made, fs.ErrExist) {
		return fmt.Sprintf("cannot be made: %v", explain(made))
	}
	d, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return fmt.Sprintf("cannot be used: %v", explain(err))
	}
	defer d.Close()
	if problem := j.mayGive(d, dir, made == nil); problem != "" {
		return problem
	}
	if err := j.give(d); err != nil {
		return fmt.Sprintf("cannot be given to the user %s: %v", j.Owner.Name, explain(err))
	}
	if present := j.running(); made != nil && present != nil && present.Main.StateDir == dir {
		return "" // the node itself writes there
	}
	err = j.Probe(dir)
	if err == nil {
		return ""
	}
	problem := fmt.Sprintf("cannot be used by the user %s: %v", j.Owner.Name, err)
	if j.has("original") {
		return problem
	}
	// There are no other settings to go on by. What the node needs may be there already,
	// as after a boot; if not, it says so itself, and tries again.
	j.say("warn", dir+" "+problem)
	return ""
}

// mayGive returns why a directory is not to be the owner's.
func (j *Job) mayGive(d *os.File, dir string, isNew bool) string {
	var st unix.Stat_t
	if err := unix.Fstat(int(d.Fd()), &st); err != nil {
		return fmt.Sprintf("cannot be used: %v", explain(err))
	}
	if int(st.Uid) == j.Owner.UID && j.Owner.UID != 0 || dir == j.Root+defaultDir {
		return ""
	}
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fmt.Sprintf("cannot be used: %v", explain(err))
	}
	if j.isSystems(resolved) {
		if isNew {
			_ = os.Remove(dir)
		}
		return ofSystem
	}
	names, err := d.Readdirnames(maxEntries)
	if err != nil && len(names) > 0 {
		return fmt.Sprintf("cannot be used: %v", explain(err))
	}
	known := append(slices.Clone(state.Files), state.ACMEDir, "lost+found")
	for _, name := range names {
		if !slices.Contains(known, name) && !state.Temporary(name, state.Files) {
			return "is not allowed: a directory that is empty, and not that of " + strings.Map(printable, name)
		}
	}
	return ""
}

const ofSystem = "is not allowed: a directory of the node's own, such as " + defaultDir + " or one on a disk that is mounted, and none of the system's"

// isSystems reports whether a directory is one of the system's, or lies in one.
func (j *Job) isSystems(dir string) bool {
	dir = filepath.Clean(dir) + "/"
	if strings.HasPrefix(dir, j.Root+defaultDir) || dir == "//" {
		return dir == "//"
	}
	return slices.ContainsFunc(systemDirs, func(system string) bool { return strings.HasPrefix(dir, j.Root+system+"/") })
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}

// give makes a directory the owner's, with the files that the node wrote, as they are
// after somebody copied the directory as root or under another number of the user.
func (j *Job) give(d *os.File) error {
	if err := j.own(d, 0o700); err != nil {
		return err
	}
	if err := j.giveFiles(d, state.Files); err != nil {
		return err
	}
	acme, err := j.openIn(d, state.ACMEDir, unix.O_DIRECTORY)
	if acme == nil {
		return err
	}
	defer acme.Close()
	if err := j.own(acme, 0o700); err != nil {
		return err
	}
	names, _ := acme.Readdirnames(maxEntries)
	for _, name := range names {
		ca, err := j.openIn(acme, name, unix.O_DIRECTORY)
		if ca == nil {
			if err != nil {
				return err
			}
			continue
		}
		err = j.own(ca, 0o700)
		if err == nil {
			err = j.giveFiles(ca, state.ACMEFiles)
		}
		if err := errors.Join(err, ca.Close()); err != nil {
			return err
		}
	}
	return nil
}

// giveFiles gives the owner those files of a directory that are there.
func (j *Job) giveFiles(d *os.File, names []string) error {
	for _, name := range names {
		f, err := j.openIn(d, name, 0)
		if f == nil {
			if err != nil {
				return err
			}
			continue
		}
		var st unix.Stat_t
		err = unix.Fstat(int(f.Fd()), &st)
		switch {
		case err != nil:
		case st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink != 1:
			// Another name may be that of a file elsewhere.
			j.say("warn", fmt.Sprintf("%s is left as it is: it is no file, or has another name as well", f.Name()))
		default:
			err = j.own(f, 0o600)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// openIn opens an entry of a directory and follows no link. Where there is none, or
// something else than wanted, it returns neither a file nor an error.
func (j *Job) openIn(d *os.File, name string, flags int) (*os.File, error) {
	path := filepath.Join(d.Name(), name)
	fd, err := unix.Openat(int(d.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|flags, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, nil
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ENXIO):
		j.say("warn", path+" is left as it is: it is a link, or not what the node writes")
		return nil, nil
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// own gives an open file to the owner, if it is not that already.
func (j *Job) own(f *os.File, mode fs.FileMode) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	if os.Geteuid() == 0 && (int(st.Uid) != j.Owner.UID || int(st.Gid) != j.Owner.GID) {
		if err := f.Chown(j.Owner.UID, j.Owner.GID); err != nil {
			return err
		}
	}
	if fs.FileMode(st.Mode&0o7777) != mode {
		return f.Chmod(mode)
	}
	return nil
}

// probeSize is what a node writes at its first start, about, in bytes.
const probeSize = 16 << 10

// Probe reports why the process that calls it cannot keep its state in a directory: it
// reads the files that are there, and writes one of its own to the medium.
func Probe(dir string) error {
	for _, name := range state.Files {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return explain(err)
		}
		_ = f.Close()
	}
	path := filepath.Join(dir, state.Probe)
	err := state.Write(path, make([]byte, probeSize))
	if err == nil {
		err = os.Remove(path)
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		err = &fs.PathError{Op: "writing to", Path: dir, Err: errno}
	}
	return explain(err)
}
