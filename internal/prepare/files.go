package prepare

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"umbrella/internal/cause"
	"umbrella/internal/config"
)

// maxCopy bounds what is read of a file in Run: the settings and what was added to them.
const maxCopy = 1 << 20

// explain says what is behind an error, and does not repeat a path that the caller names.
func explain(err error) error { return cause.Explain(err) }

// makeRun makes the directory Run, which the owner may read and root alone may write.
func (j *Job) makeRun() error {
	for _, dir := range []string{j.run(), j.path("lent")} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		if err := errors.Join(os.Chmod(dir, 0o750), j.chown(dir)); err != nil {
			return err
		}
	}
	return nil
}

func (j *Job) path(name string) string { return filepath.Join(j.run(), name) }

// chown gives a file in Run to root, and its group to the owner.
func (j *Job) chown(path string) error {
	if os.Geteuid() != 0 {
		return nil // in tests: root alone can
	}
	return os.Lchown(path, 0, j.Owner.GID)
}

// put writes a file of Run whole, or leaves the one that is there.
func (j *Job) put(name, text string) (err error) {
	f, err := os.CreateTemp(j.run(), ".new.*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Chmod(0o640)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = j.chown(f.Name()); err != nil {
		return err
	}
	return os.Rename(f.Name(), j.path(name))
}

// get reads a file of Run.
func (j *Job) get(name string) (string, error) {
	info, err := os.Stat(j.path(name))
	if err != nil {
		return "", err
	}
	if info.Size() > maxCopy {
		return "", fmt.Errorf("%s is larger than %d bytes", j.path(name), maxCopy)
	}
	text, err := os.ReadFile(j.path(name))
	return string(text), err
}

func (j *Job) has(name string) bool {
	_, err := os.Stat(j.path(name))
	return err == nil
}

func (j *Job) remove(name string) {
	if err := os.Remove(j.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		j.say("warn", explain(err).Error())
	}
}

// pair are the files that belong together.
var pair = []string{"umbrella", "original"}

// keepLast keeps what the node runs by, to go back to it.
func (j *Job) keepLast() bool {
	j.dropLast()
	err := os.Mkdir(j.path("last"), 0o700)
	for _, name := range pair {
		var text string
		if err == nil {
			text, err = j.get(name)
		}
		if err == nil {
			err = j.put(filepath.Join("last", name), text)
		}
	}
	if err != nil {
		j.dropLast()
		return j.refuseFile("last", err)
	}
	return true
}

// goBack makes what keepLast has kept what the node runs by again.
func (j *Job) goBack() {
	if !j.has("last") {
		return
	}
	for _, name := range pair {
		if err := os.Rename(j.path(filepath.Join("last", name)), j.path(name)); err != nil {
			j.say("err", explain(err).Error())
		}
	}
	j.dropLast()
	j.next, j.current = "", nil
}

func (j *Job) dropLast() {
	if err := os.RemoveAll(j.path("last")); err != nil {
		j.say("warn", explain(err).Error())
	}
}

// dropLent removes the copies that the settings do not name.
func (j *Job) dropLent(composed string) {
	entries, err := os.ReadDir(j.path("lent"))
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.Contains(composed, e.Name()) {
			j.remove(filepath.Join("lent", e.Name()))
		}
	}
}

// nameHolder names the program that has a port: root can see what the node cannot.
func (j *Job) nameHolder(problem string, cfg *config.Config) string {
	const somebody = "another program listens there"
	if !strings.Contains(problem, somebody) {
		return problem
	}
	for _, at := range []struct {
		protocol string
		port     int
	}{
		{"tcp", portOf(cfg.Main.Listen)}, {"tcp", cfg.Main.MediaPort}, {"udp", cfg.Main.MediaPort}, {"tcp", portOf(cfg.Main.ACME.HTTP)},
	} {
		if !strings.Contains(problem, fmt.Sprintf(":%d:", at.port)) {
			continue
		}
		if who := cause.Holder(at.protocol, at.port); who != "" {
			// How to find it out is of no use then.
			before, rest, _ := strings.Cut(problem, somebody)
			if _, cure, ok := strings.Cut(rest, ";"); ok {
				rest = ":" + cure
			}
			return before + who + " listens there" + rest
		}
	}
	return problem
}
