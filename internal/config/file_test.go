package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const before = `# of the house
config umbrella 'main'
	option log_level 'warn' # quieter

config backhaul 'hub'
	option url 'wss://hub.example.org/wsb'
	option secret 'a-secret-of-the-hub' # told by Ada
`

func read(t *testing.T, s Source) string {
	t.Helper()
	b, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSet(t *testing.T) {
	s := Source{Dir: write(t, before)}
	if err := os.Chmod(s.Path(), 0o640); err != nil {
		t.Fatal(err)
	}
	cfg, err := s.Set(TypeBackhaul, "house", Values{"secret": {"a-secret-of-ours"}, "room": {"den", "attic"}})
	if err != nil {
		t.Fatal(err)
	}
	want := before + "\nconfig backhaul 'house'\n\toption secret 'a-secret-of-ours'\n\tlist room 'den'\n\tlist room 'attic'\n"
	if got := read(t, s); got != want {
		t.Errorf("got\n%s", got)
	}
	if b := cfg.Backhauls[1]; b.Section != "house" || !b.Enabled || b.Secret != "a-secret-of-ours" || !slices.Equal(b.Rooms, []string{"den", "attic"}) {
		t.Errorf("got %+v", cfg.Backhauls)
	}
	if _, err = s.Set(TypeBackhaul, "hub", Values{"secret": {"another-secret-of-it"}}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s); got != strings.Replace(want, "a-secret-of-the-hub", "another-secret-of-it", 1) {
		t.Errorf("got\n%s", got)
	}
	if _, err = s.Set(TypeCamera, "door", Values{"url": {"rtsp://u:p%27@h/1"}, "name": {"Ada's door"}}); err != nil {
		t.Fatal(err)
	}
	cfg, err = s.Load()
	if err != nil || len(cfg.Cameras) != 1 || cfg.Cameras[0].Name != "Ada's door" {
		t.Errorf("got %v, %v", cfg, err)
	}
	for _, x := range [][2]string{{TypeCamera, "door"}, {TypeBackhaul, "house"}} {
		if _, err := s.Remove(x[0], x[1]); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, s); got != strings.Replace(before, "a-secret-of-the-hub", "another-secret-of-it", 1) {
		t.Errorf("got\n%s", got)
	}
	if _, err := s.Remove(TypeBackhaul, "house"); !errors.Is(err, ErrNoSection) {
		t.Errorf("removed twice: %v", err)
	}
	info, err := os.Stat(s.Path())
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(s.Dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What is not valid is said, option by option, and changes nothing.
func TestSetRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		text, section string
		values        Values
		environ       []string
		want          string // option: text, one a line
	}{
		"values": {before, "house", Values{"url": {"https://hub"}, "secret": {"short"}, "room": {"a b", "x"}}, nil,
			"url: 'https://hub' is not allowed: wss://HOST/PATH/wsb or ws://HOST/PATH/wsb, without user name, query and fragment\n" +
				"secret: '…' is not allowed: 16 to 256 characters that can be printed, without blanks"},
		"options":    {before, "house", Values{"ulr": {"x"}}, nil, "ulr: is not known: did you mean 'url'?"},
		"a line end": {before, "house", Values{"url": {"x'\noption enabled '0"}}, nil, "url: has a character that cannot be printed: text on one line"},
		"no text":    {before, "house", Values{"secret": {"0123456789abcdef\xff"}}, nil, "secret: has a character that cannot be printed: text on one line"},
		"its name": {before, "a-b", Values{"url": {"x"}}, nil, ": cannot be its name: 1 to 64 letters, digits and '_'\n" +
			"url: 'x' is not allowed: wss://HOST/PATH/wsb or ws://HOST/PATH/wsb, without user name, query and fragment"},
		"everything at once": {before, "", Values{"ulr": {"x"}, "secret": {"short"}}, nil, ": cannot be its name: 1 to 64 letters, digits and '_'\n" +
			"ulr: is not known: did you mean 'url'?\nsecret: '…' is not allowed: 16 to 256 characters that can be printed, without blanks"},
		"another's":     {before, "main", Values{"url": {"x"}}, nil, ": is there already, with the type 'umbrella': give it another name"},
		"one secret":    {before + "config backhaul in\n\toption secret 'a-secret-of-ours'\n", "house", Values{"secret": {"a-secret-of-ours"}}, nil, "secret: is the secret of another trunk as well: the section 'in' has it, and trunks that come in are told apart by it"},
		"a broken file": {before + "option x 'y\n", "house", Values{"secret": {"a-secret-of-ours"}}, nil, ": a quote is opened and not closed on its line"},
		"the rest":      {before + "config camera c\n", "house", Values{"secret": {"a-secret-of-ours"}}, nil, "url: is missing, and a camera that is enabled needs it: " + allowedRTSP},
		"variables":     {before, "house", Values{"secret": {"a-secret-of-ours"}}, []string{"UMBRELLA_TLS=maybe"}, "UMBRELLA_TLS: 'maybe' is not allowed: auto, files, acme or off"},
	} {
		s := Source{Dir: write(t, c.text), Environ: c.environ}
		_, err := s.Set(TypeBackhaul, c.section, c.values)
		problems, _ := errors.AsType[Problems](err)
		var got []string
		for _, p := range problems {
			got = append(got, p.Option+": "+p.Text())
		}
		if strings.Join(got, "\n") != c.want {
			t.Errorf("%s: got\n%s\n%v", name, strings.Join(got, "\n"), err)
		}
		if again := s.Check(TypeBackhaul, c.section, c.values); again == nil || again.Error() != err.Error() {
			t.Errorf("%s: only checked it is %v", name, again)
		}
		if read(t, s) != c.text {
			t.Errorf("%s: the file has changed", name)
		}
	}
}

func TestSetWithoutFile(t *testing.T) {
	s := Source{Dir: t.TempDir()}
	if err := s.Writable(); !errors.Is(err, ErrNoFile) {
		t.Errorf("writable: %v", err)
	}
	if _, err := s.Set(TypeBackhaul, "b", Values{"secret": {"0123456789abcdef"}}); !errors.Is(err, ErrNoFile) {
		t.Errorf("set: %v", err)
	}
	if _, err := os.Stat(s.Path()); err == nil {
		t.Error("a file was made")
	}
	if err := os.Mkdir(s.Path(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Writable(); !errors.Is(err, ErrNotWritable) {
		t.Errorf("a directory: %v", err)
	}
}

// Sections without a name, as LuCI makes those of rooms, are changed and removed by their
// place among all of their type, as uci counts them.
func TestSetWithoutName(t *testing.T) {
	const rooms = "config umbrella 'main'\n\nconfig room\n\toption name 'den' # first\n\nconfig room 'attic'\n\nconfig room\n\toption name 'hall'\n\toption access 'open'\n"
	s := Source{Dir: write(t, rooms)}
	cfg, err := s.Load()
	if err != nil || cfg.Rooms[2].Section != "@room[2]" || cfg.Rooms[1].Section != "attic" {
		t.Fatal(err, cfg)
	}
	if err := s.Check(TypeRoom, "@room[2]", Values{"access": {"token"}}); err != nil || read(t, s) != rooms {
		t.Errorf("checking: %v, %s", err, read(t, s))
	}
	if _, err := s.Set(TypeRoom, "@room[2]", Values{"access": {"token"}}); err != nil {
		t.Error(err)
	}
	if got := read(t, s); got != strings.Replace(rooms, "'open'", "'token'", 1) {
		t.Errorf("changed: %s", got)
	}
	if _, err := s.Remove(TypeRoom, "@room[0]"); err != nil {
		t.Error(err)
	}
	if got := read(t, s); strings.Contains(got, "den") || !strings.Contains(got, "hall") || !strings.Contains(got, "attic") {
		t.Errorf("removed: %s", got)
	}
	for _, name := range []string{"@room[0]", "@room[2]", "@room", "@backhaul[1]"} {
		if _, err := s.Set(TypeRoom, name, Values{"access": {"open"}}); !errors.Is(err, ErrNoSection) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for text, want := range map[string]string{"cellar": "cellar", "attic": "attic2", "main": "main2", "my-room.1": "my_room_1", "küche": "k_che", "台所": "section"} {
		if got := cfg.FreeSection(text); got != want {
			t.Errorf("a section for %s: %s", text, got)
		}
	}
}

// The settings may be a link, as a container's often are.
func TestSetByLink(t *testing.T) {
	real := Source{Dir: write(t, before)}
	s := Source{Dir: t.TempDir()}
	if err := os.Symlink(real.Path(), s.Path()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remove(TypeBackhaul, "hub"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(s.Path()); err != nil || info.Mode()&os.ModeSymlink == 0 || strings.Contains(read(t, real), "hub") {
		t.Errorf("got %v, %v, %s", info, err, read(t, real))
	}
}

// A file that is mounted by itself cannot be replaced, only written into.
func TestSetMounted(t *testing.T) {
	s, other := Source{Dir: write(t, "")}, Source{Dir: write(t, before)}
	if err := unix.Mount(other.Path(), s.Path(), "", unix.MS_BIND, ""); err != nil {
		t.Skipf("mounting needs root: %v", err)
	}
	defer func() { _ = unix.Unmount(s.Path(), unix.MNT_DETACH) }()
	for _, secret := range []string{"a-secret-that-is-rather-long", "a-shorter-secret"} {
		if _, err := s.Set(TypeBackhaul, "hub", Values{"secret": {secret}}); err != nil {
			t.Fatal(err)
		}
		if got := read(t, other); got != strings.Replace(before, "a-secret-of-the-hub", secret, 1) {
			t.Errorf("got\n%s", got)
		}
	}
}

// uci and this take turns.
func TestSetWaitsForOthers(t *testing.T) {
	s := Source{Dir: write(t, before)}
	f, err := os.Open(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := s.Remove(TypeBackhaul, "hub")
		done <- err
	}()
	time.Sleep(50 * time.Millisecond)
	// As uci commit does, and only then is the lock given back.
	changed := strings.Replace(before, "quieter", "still quieter", 1)
	next := filepath.Join(s.Dir, ".next")
	if err := errors.Join(os.WriteFile(next, []byte(changed), 0o600), os.Rename(next, s.Path()), f.Close()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := read(t, s); !strings.Contains(got, "still quieter") || strings.Contains(got, "hub") {
		t.Errorf("got\n%s", got)
	}
}

func TestVariables(t *testing.T) {
	s := Source{Environ: []string{"UMBRELLA_BACKHAUL_URL=wss://a/wsb", "UMBRELLA_BACKHAUL_CA= ", "UMBRELLA_LISTEN=:1"}}
	if got := s.Variables(TypeBackhaul, "backhaul"); !slices.Equal(got, []string{"UMBRELLA_BACKHAUL_URL"}) {
		t.Errorf("got %q", got)
	}
	if got := append(s.Variables(TypeBackhaul, "hub"), s.Variables(TypeCamera, "backhaul")...); len(got) > 0 {
		t.Errorf("others: got %q", got)
	}
}
