package prepare

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asProbe makes a test binary look, as another user, whether it can use a directory.
const asProbe = "PROBE_DIRECTORY"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asProbe); dir != "" {
		if err := Probe(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// noNode is that none runs. The init script's tests have one that does.
type noNode struct{}

func (noNode) State() (State, bool)   { return State{}, false }
func (noNode) Reload() (string, bool) { return "", false }
func (noNode) Signal()                {}
func (noNode) Wait(time.Duration)     {}

const nobody = 65534

// newJob is one whose system lies in a directory of its own, with another owner than
// root.
func newJob(t *testing.T) (*Job, *bytes.Buffer) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("root alone can give files away")
	}
	root := t.TempDir()
	for _, dir := range []string{root, filepath.Dir(root)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(root+"/etc/config", 0o755); err != nil {
		t.Fatal(err)
	}
	out := &bytes.Buffer{}
	j := &Job{Root: root, Owner: Owner{"nobody", nobody, nobody}, Node: noNode{}, Out: out, Probe: func(dir string) error {
		cmd := exec.Command("/proc/self/exe")
		cmd.Dir, cmd.Env = "/", []string{asProbe + "=" + dir}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		text, err := cmd.Output()
		if err != nil && len(text) > 0 {
			return errors.New(strings.TrimSpace(string(text)))
		}
		return err
	}}
	return j, out
}

func write(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("secret"), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// owned checks whose a file is, and its mode.
func owned(t *testing.T, path string, uid uint32, mode fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	if st.Uid != uid || uid == nobody && st.Gid != nobody || info.Mode().Perm() != mode {
		t.Errorf("%s is of %d:%d with the mode %v, want %d and %v", path, st.Uid, st.Gid, info.Mode(), uid, mode)
	}
}

// After somebody copied the directory as root, to another access point for instance, the
// node gets back all that it wrote, whatever the copy made of owner, group and mode; and
// nothing else.
func TestGivesBackWhatTheNodeWrote(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"chown -R root":  func(dir string) error { return exec.Command("chown", "-R", "root", dir).Run() },
		"another group":  func(dir string) error { return exec.Command("chown", "-R", "nobody:root", dir).Run() },
		"another number": func(dir string) error { return exec.Command("chown", "-R", "455:455", dir).Run() },
		"another mode": func(dir string) error {
			return errors.Join(exec.Command("chown", "-R", "nobody", dir).Run(), exec.Command("chmod", "-R", "a=rX", dir).Run())
		},
	} {
		for _, at := range []string{"/etc/umbrella", "/mnt/usb/umbrella"} {
			j, out := newJob(t)
			dir := j.Root + at
			files := []string{"ca.crt", "ca.key", "server.crt", "server.key", "admin.hash", "token.key", "crash", "crash.last",
				"acme/ca.example.org/account.key", "acme/ca.example.org/certificate.pem"}
			for _, f := range files {
				write(t, filepath.Join(dir, f), 0o600)
			}
			if err := damage(dir); err != nil {
				t.Fatal(err)
			}
			if problem := j.giveStateDir(dir); problem != "" || out.Len() > 0 {
				t.Fatalf("%s, %s: %s, %s", name, at, problem, out)
			}
			for _, f := range files {
				owned(t, filepath.Join(dir, f), nobody, 0o600)
			}
			for _, d := range []string{"", "acme", "acme/ca.example.org"} {
				owned(t, filepath.Join(dir, d), nobody, 0o700)
			}
		}
	}
}

// Nothing else than what the node wrote becomes the node's: no file of another name, none
// that has another name elsewhere, and none that a link leads to.
func TestGivesNothingElse(t *testing.T) {
	j, out := newJob(t)
	dir, shadow, ssh := j.Root+"/etc/umbrella", j.Root+"/etc/shadow", j.Root+"/root/.ssh/id"
	write(t, shadow, 0o600)
	write(t, ssh, 0o600)
	for _, name := range []string{"other.key", "ca.key", "acme/x/other", "sub/ca.key"} {
		write(t, filepath.Join(dir, name), 0o640)
	}
	for _, err := range []error{
		os.Symlink(shadow, dir+"/admin.hash"),
		os.Link(shadow, dir+"/token.key"),
		os.Symlink(filepath.Dir(ssh), dir+"/acme/link"),
		os.Mkdir(dir+"/crash", 0o755),
		syscall.Mkfifo(dir+"/server.key", 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	j.Probe = func(string) error { return nil } // it would tell of the links
	if problem := j.giveStateDir(dir); problem != "" {
		t.Error(problem)
	}
	owned(t, dir+"/ca.key", nobody, 0o600)
	for path, mode := range map[string]fs.FileMode{
		shadow: 0o600, ssh: 0o600, filepath.Dir(ssh): 0o755, dir + "/other.key": 0o640, dir + "/acme/x/other": 0o640,
		dir + "/sub/ca.key": 0o640, dir + "/crash": 0o755, dir + "/server.key": 0o644,
	} {
		owned(t, path, 0, mode)
	}
	for _, name := range []string{"admin.hash", "token.key", "acme/link", "crash", "server.key"} {
		if want := "say warn '" + dir + "/" + name + " is left as it is"; !strings.Contains(out.String(), want) {
			t.Errorf("not told: %s", want)
		}
	}
}

// A directory that the node cannot use is refused with the reason, and with what helps.
func TestStateDirThatCannotBeUsed(t *testing.T) {
	j, out := newJob(t)
	write(t, j.Root+"/file", 0o600)
	write(t, j.path("original"), 0o600)
	write(t, j.Root+"/shares/music/song", 0o644)
	write(t, j.Root+"/locked/state/ca.key", 0o600)
	mount := func(options string) string {
		dir := filepath.Join(j.Root, "mnt", strings.Split(options, ",")[0])
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "none", dir).CombinedOutput(); err != nil {
			t.Skipf("cannot mount here: %v, %s", err, out)
		}
		t.Cleanup(func() { _ = exec.Command("umount", dir).Run() })
		return dir
	}
	full := mount("size=8k,mode=755")
	if err := errors.Join(os.Chmod(j.Root+"/locked", 0o700), os.Symlink(j.Root+"/shares", j.Root+"/link"), os.Lchown(j.Root+"/link", nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		full + "/umbrella":             "cannot be used by the user nobody: writing to " + full + "/umbrella: no space left on device: the file system is full",
		mount("ro") + "/umbrella":      "cannot be made: mkdir " + j.Root + "/mnt/ro/umbrella: read-only file system: the file system can only be read: mount it for writing",
		j.Root + "/file/umbrella":      "cannot be made: mkdir " + j.Root + "/file: not a directory: a part of the path is a file",
		j.Root + "/file":               "cannot be used: open " + j.Root + "/file: not a directory",
		j.Root + "/shares/music":       "is not allowed: a directory that is empty, and not that of song",
		j.Root + "/locked/state":       "cannot be used by the user nobody: ",
		j.Root + "/link":               "is not allowed: it is a symbolic link",
		j.Root + "/etc":                "none of the system's",
		j.Root + "/etc/crontabs":       "none of the system's",
		j.Root + "/usr/lib/lua/luci/x": "none of the system's",
		"/":                            "none of the system's",
		"state":                        "beginning with '/'",
		j.Root + "/with blank":         "without blanks and ':'",
		j.Root + "/a:/etc":             "without blanks and ':'",
	} {
		if got := j.giveStateDir(dir); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", dir, got, want)
		}
	}
	if got := j.giveStateDir(full + "/umbrella"); !strings.Contains(got, "the file system is full: `df -h`") {
		t.Errorf("full: %q", got)
	}
	// At a boot there is nothing else to go on by: the node itself finds out.
	j.remove("original")
	if got := j.giveStateDir(full + "/umbrella"); got != "" || !strings.Contains(out.String(), "say warn '"+full+"/umbrella cannot be used by the user nobody") {
		t.Errorf("full, at a boot: %q, %s", got, out)
	}
	for _, dir := range []string{"/etc/crontabs", "/usr"} {
		if _, err := os.Stat(j.Root + dir); !os.IsNotExist(err) {
			t.Errorf("%s was made: %v", dir, err)
		}
	}
	owned(t, j.Root+"/shares/music", 0, 0o755)
	for _, dir := range []string{"/etc/umbrella", "/mnt/sda1/umbrella", "/overlay/new/deep"} {
		if got := j.giveStateDir(j.Root + dir); got != "" {
			t.Errorf("%s: %s", dir, got)
		}
		owned(t, j.Root+dir, nobody, 0o700)
	}
}

// The file that the node reads is replaced whole or not at all, where the file system is
// full; and what runs is left alone then.
func TestFullRun(t *testing.T) {
	j, out := newJob(t)
	if err := os.MkdirAll(j.run(), 0o755); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "none", j.run()).CombinedOutput(); err != nil {
		t.Skipf("cannot mount here: %v, %s", err, text)
	}
	t.Cleanup(func() { _ = exec.Command("umount", j.run()).Run() })
	settings := func(more string) {
		text := "config umbrella 'main'\n\toption state_dir '" + j.Root + "/state'\n" + more
		if err := os.WriteFile(j.settings(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	settings("")
	if code := j.Do(); code != 0 || !strings.Contains(out.String(), "\nrun='1'\n") && !strings.HasPrefix(out.String(), "run='1'\n") {
		t.Fatalf("%d: %s", code, out)
	}
	before, _ := j.get("umbrella")
	if err := os.WriteFile(j.path("filler"), make([]byte, 40<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	settings("# " + strings.Repeat("x", 30<<10) + "\n")
	j.Again = Try
	code := j.Do()
	after, err := j.get("umbrella")
	if code != 0 || err != nil || after != before || !strings.Contains(out.String(), "the file system is full") || !strings.Contains(out.String(), "run='1'\n") {
		t.Errorf("%d, %v, the settings are %.60q: %s", code, err, after, out)
	}
}

// What is printed is evaluated by a shell as root: nothing in it is more than text.
func TestPrintedIsText(t *testing.T) {
	var out bytes.Buffer
	evil := "'; touch /tmp/x; echo '$(id)`id`\\\n$HOME\x1b"
	Say(&out, "err", evil)
	text, err := exec.Command("sh", "-c", "say() { printf '%s' \"$2\"; }; "+out.String()).Output()
	if err != nil || string(text) != strings.NewReplacer("\n", " ", "\x1b", " ").Replace(evil) {
		t.Errorf("%q, %v", text, err)
	}
}
