package access

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"umbrella/internal/config"
	"umbrella/internal/password"
)

// snapshotGate has a room of each kind.
func snapshotGate(t *testing.T, hashed string) *Gate {
	t.Helper()
	g := &Gate{Tokens: startedTokens(t)}
	g.SetRooms([]config.Room{
		{Name: "lan", Access: config.AccessLAN}, {Name: "token", Access: config.AccessToken}, {Name: "open", Access: config.AccessOpen},
		{Name: "clear", Access: config.AccessPassword, Password: "correct horse"}, {Name: "hashed", Access: config.AccessPassword, Password: hashed},
	}, config.AccessToken)
	return g
}

const noCamera = "" // the room of a camera that is not there

func TestAdmitSnapshot(t *testing.T) {
	g := snapshotGate(t, password.HashRandom("correct horse"))
	token := func(rights ...string) Credentials {
		text, err := g.Tokens.Mint(Claims{Room: "token", Rights: rights}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return Credentials{Token: text}
	}
	const home, away = "192.168.1.20:1", "198.51.100.7:1"
	for i, c := range []struct {
		peer, room string
		bring      Credentials
		want       error
	}{
		{home, "lan", Credentials{}, nil}, {away, "lan", Credentials{}, ErrNotLocal}, {away, "open", Credentials{}, nil},
		{away, "token", token(), nil}, {away, "token", token(RightPublish), ErrNotAllowed}, {away, "token", Credentials{}, ErrNeedsToken},
		{away, "lan", token(), ErrNotLocal}, {away, "hashed", token(), ErrOtherRoom},
		{away, "clear", Credentials{Password: "correct horse"}, nil}, {away, "clear", Credentials{Password: "x"}, ErrPassword},
		{away, "hashed", Credentials{Password: "correct horse"}, nil}, {away, "hashed", Credentials{Password: "x"}, ErrPassword},
		{home, noCamera, Credentials{}, ErrNoCamera}, {away, noCamera, token(), ErrNoCamera}, {away, noCamera, Credentials{Password: "correct horse"}, ErrNoCamera},
	} {
		if err := g.AdmitSnapshot(request(c.peer), fmt.Sprint("camera", i), c.room, c.bring); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s to %q: %v, want %v", c.peer, c.room, err, c.want)
		}
	}
}

// Guessing a camera's password takes as much work and is slowed down as much for each
// camera, and for one that is not there.
func TestSnapshotsRefusedByTheSameWork(t *testing.T) {
	g := snapshotGate(t, password.Hash("correct horse"))
	r := request("198.51.100.7:1")
	const hashBytes = 19 << 20 // that argon2id takes
	for _, room := range []string{"lan", "token", "clear", "hashed", noCamera} {
		door := snapshotDoor + "in_" + room
		for i := range freeAttempts + 2 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := g.AdmitSnapshot(r, "in_"+room, room, Credentials{Password: fmt.Sprint(i)}); err == nil {
				t.Fatalf("%q lets in", room)
			}
			runtime.ReadMemStats(&after)
			hashed := int64(after.TotalAlloc-before.TotalAlloc) / hashBytes
			want := int64(1)
			if i >= freeAttempts {
				want = 0 // it has to wait
			}
			if hashed != want {
				t.Errorf("%q, attempt %d: %d hashes, want %d", room, i, hashed, want)
			}
		}
		if a := g.attempts.by[attemptKey{g.Origin(r), door}]; a == nil || a.n != freeAttempts {
			t.Errorf("%q: counted are %+v", room, a)
		}
	}
	// Nor does the right password of one camera help to guess that of another.
	for i := range 3 * freeAttempts {
		_ = g.AdmitSnapshot(request("198.51.100.8:1"), "a", "clear", Credentials{Password: "correct horse"})
		_ = g.AdmitSnapshot(request("198.51.100.8:1"), "b", "hashed", Credentials{Password: fmt.Sprint(i)})
	}
	if err := g.AdmitSnapshot(request("198.51.100.8:1"), "b", "hashed", Credentials{Password: "correct horse"}); wait(err) == 0 {
		t.Errorf("after many wrong ones: %v", err)
	}
}
