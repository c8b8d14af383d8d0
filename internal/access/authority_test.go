package access

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"umbrella/internal/clock"
)

// Near the CA's end and past it there is nothing better to be made: no loop,
// and it is said once.
func TestAuthorityEnds(t *testing.T) {
	dir := t.TempDir()
	m := newMachine()
	c := m.start(t, dir)
	end := c.authority.cert.NotAfter
	for _, left := range []time.Duration{20 * 24 * time.Hour, time.Hour, -time.Hour, -1000 * 24 * time.Hour} {
		m.now = end.Add(-left)
		m.log.Reset()
		for range 4 {
			c.Refresh()
		}
		if n := strings.Count(m.log.String(), "renewed\""); n > 1 {
			t.Errorf("%v before the end: renewed %d times:\n%s", left, n, m.log.String())
		}
	}
	m.now = end.Add(-time.Hour)
	second := m.start(t, dir)
	if bytes.Equal(second.CA(), c.CA()) {
		t.Fatal("the same CA after a restart")
	}
	if err := shake(t, second, second.CA(), "192.168.1.1", end.AddDate(0, 0, 1)); err != nil {
		t.Error(err)
	}
	if third := m.start(t, dir); !bytes.Equal(third.CA(), second.CA()) {
		t.Error("the new CA did not stay")
	}
}

func TestAuthorityEndsIsSaidOnce(t *testing.T) {
	m := newMachine()
	c := m.start(t, t.TempDir())
	m.now = c.authority.cert.NotAfter.Add(-25 * 24 * time.Hour)
	for range 4 {
		c.Refresh()
	}
	if n := strings.Count(m.log.String(), "restart umbrellad"); n != 1 {
		t.Errorf("said %d times:\n%s", n, m.log.String())
	}
}

// A crash while an ended CA is replaced leaves its certificate with the new
// one's key.
func TestEndedAuthorityWithNewKey(t *testing.T) {
	dir := t.TempDir()
	m := newMachine()
	c := m.start(t, dir)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeKey(filepath.Join(dir, caKeyFile), key); err != nil {
		t.Fatal(err)
	}
	m.now = c.authority.cert.NotAfter
	if again := m.start(t, dir); bytes.Equal(again.CA(), c.CA()) {
		t.Error("the ended CA stayed")
	}
}

// A router that boots without the time makes a CA that holds when it knows it.
func TestBootWithoutTheTime(t *testing.T) {
	for _, boot := range []time.Time{time.Unix(0, 0), time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC), clock.Least()} {
		m := newMachine()
		right := m.now
		m.now = boot
		dir := t.TempDir()
		c := m.start(t, dir)
		ca := c.CA()
		if err := shake(t, c, ca, "192.168.1.1", clock.Least().AddDate(0, 0, 20)); err != nil {
			t.Errorf("booted at %v, 20 days after the least time: %v", boot, err)
		}
		m.now = right
		c.Refresh()
		for _, now := range []time.Time{right, right.AddDate(9, 0, 0)} {
			m.now = now
			c.Refresh()
			if err := shake(t, c, ca, "192.168.1.1", now); err != nil {
				t.Errorf("booted at %v, seen at %v: %v", boot, now, err)
			}
		}
		// Booted without the time once more, it keeps the CA that people trust.
		m.now = boot
		if again := m.start(t, dir); !bytes.Equal(again.CA(), ca) {
			t.Errorf("booted at %v twice: another CA", boot)
		}
	}
}

func TestBrokenFiles(t *testing.T) {
	const (
		refused = iota // an error in words
		leaf           // the CA stays, the leaf is made anew
		both           // a new CA
	)
	otherKey := func(t *testing.T, path string) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err == nil {
			err = writeKey(path, key)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, file string
		content    string // "-" removes it, "=" takes another key, "<X" copies the file X
		want       int
		words      string
	}{
		{"CA missing", caCertFile, "-", both, ""},
		{"CA empty", caCertFile, "", refused, "not a certificate in PEM; remove it to make a new CA"},
		{"CA garbage", caCertFile, "\x00\xff garbage", refused, "not a certificate in PEM; remove it"},
		{"CA of garbage in PEM", caCertFile, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", refused, "remove it to make a new CA"},
		{"CA is a key", caCertFile, "<" + caKeyFile, refused, "not a certificate in PEM"},
		{"CA is the leaf", caCertFile, "<" + certFile, refused, "do not belong together"},
		{"CA key missing", caKeyFile, "-", refused, "without its key ca.key"},
		{"CA key empty", caKeyFile, "", refused, "not a key in PEM; remove it and ca.crt to make a new CA"},
		{"CA key garbage in PEM", caKeyFile, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", refused, "remove it and ca.crt"},
		{"CA key of another", caKeyFile, "=", refused, "do not belong together: remove both"},
		{"leaf missing", certFile, "-", leaf, ""},
		{"leaf empty", certFile, "", leaf, ""},
		{"leaf garbage", certFile, "garbage", leaf, ""},
		{"leaf is the CA", certFile, "<" + caCertFile, leaf, ""},
		{"leaf key missing", keyFile, "-", leaf, ""},
		{"leaf key empty", keyFile, "", leaf, ""},
		{"leaf key of another", keyFile, "=", leaf, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			m := newMachine()
			before := m.start(t, dir)
			path := filepath.Join(dir, c.file)
			var err error
			from, copied := strings.CutPrefix(c.content, "<")
			switch {
			case c.content == "-":
				err = os.Remove(path)
			case c.content == "=":
				otherKey(t, path)
			case copied:
				var b []byte
				if b, err = os.ReadFile(filepath.Join(dir, from)); err == nil {
					err = os.WriteFile(path, b, 0o600)
				}
			default:
				err = os.WriteFile(path, []byte(c.content), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			after := m.certificates(dir)
			err = after.Start()
			if c.want == refused {
				if err == nil || !strings.Contains(err.Error(), c.words) || !strings.Contains(err.Error(), dir) {
					t.Fatalf("got %v, want %q and the path", err, c.words)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer after.Close(context.Background())
			if same := bytes.Equal(before.CA(), after.CA()); same != (c.want == leaf) {
				t.Errorf("the same CA: %v", same)
			}
			if served(t, before).Equal(served(t, after)) {
				t.Error("the leaf was not made anew")
			}
			if err := shake(t, after, after.CA(), "192.168.1.1", m.now); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestStateDirCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := newMachine().certificates(filepath.Join(file, "umbrella")).Start()
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
}
