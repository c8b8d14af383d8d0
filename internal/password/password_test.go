package password

import (
	"errors"
	"strings"
	"sync"
	"testing"
)

// From the tests of argon2's reference implementation.
const (
	foreignArgon = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	foreignPlain = "password"
)

func TestHash(t *testing.T) {
	h := Hash("correct horse")
	if !IsHash(h) || Valid(h) != nil {
		t.Fatalf("%s is no hash", h)
	}
	if len(h) > 128 {
		t.Errorf("%d characters do not fit the option", len(h))
	}
	if h == Hash("correct horse") {
		t.Error("two hashes of one password are the same")
	}
	for word, want := range map[string]bool{"correct horse": true, "correct hors": false, "": false} {
		if Matches(h, word) != want {
			t.Errorf("%q: %t", word, !want)
		}
	}
	if h := HashRandom("x"); Valid(h) != nil || !Matches(h, "x") || Matches(h, "y") {
		t.Errorf("%s does not hold", h)
	}
	if !Matches(foreignArgon, foreignPlain) || Matches(foreignArgon, "Password") {
		t.Error("a hash of the reference is not understood")
	}
	// From the test vectors of OpenBSD's bcrypt.
	const bcrypted = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	if !Matches(bcrypted, "U*U") || Matches(bcrypted, "U*V") {
		t.Error("bcrypt is not understood")
	}
}

func TestValid(t *testing.T) {
	good := Hash("x")
	edit := func(old, is string) string { return strings.Replace(good, old, is, 1) }
	for _, h := range []string{
		"", "$", "$argon2id$", edit("argon2id", "argon2i"), edit("v=19", "v=18"), edit("m=19456", "m=65537"),
		edit("m=19456", "m=4294967297"), edit("m=19456", "m=-1"), edit("t=2", "t=11"), edit("t=2", "t=0"),
		edit("p=1", "p=9"), edit("p=1", "p=0"), edit(",p=1", ""), good + "$", good[:len(good)-40], good + "!",
		"$2a$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "$2a$05$CCC", "correct horse",
	} {
		if !errors.Is(Valid(h), ErrHash) {
			t.Errorf("%q passes", h)
		}
		if Matches(h, "x") {
			t.Errorf("%q matches", h)
		}
	}
}

func TestChecker(t *testing.T) {
	c := &Checker{}
	hash := Hash("correct horse")
	for _, k := range []struct {
		want, password string
		ok             bool
	}{
		{hash, "correct horse", true},
		{hash, "correct horse", true}, // remembered
		{hash, "wrong", false},
		{hash, "", false},
		{"plain", "plain", true},
		{"plain", "plai", false},
		{"", "", false},
		{"", "x", false},
		{"$argon2id$garbage", "$argon2id$garbage", false},
	} {
		if ok, err := c.Check(k.want, k.password); ok != k.ok || err != nil {
			t.Errorf("%.12s… with %q: %t, %v", k.want, k.password, ok, err)
		}
	}
	if c.waiting != 0 {
		t.Errorf("%d are said to wait", c.waiting)
	}
}

// However many try at once, few wait, and the others are told.
func TestCheckerBusy(t *testing.T) {
	c := &Checker{}
	hash := Hash("correct horse")
	c.one.Lock() // the first one takes its time
	var wait sync.WaitGroup
	results := make(chan error, 3*maxWaiting)
	for range 3 * maxWaiting {
		wait.Go(func() {
			_, err := c.Check(hash, "wrong")
			results <- err
		})
	}
	for range 2 * maxWaiting {
		if err := <-results; !errors.Is(err, ErrBusy) {
			t.Errorf("not turned away: %v", err)
		}
	}
	c.one.Unlock()
	wait.Wait()
	for range maxWaiting {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func FuzzValid(f *testing.F) {
	f.Add(foreignArgon)
	f.Add("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")
	f.Add("$argon2id$v=19$m=8,t=1,p=1$$")
	f.Add("$\x00\x04$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")
	f.Fuzz(func(t *testing.T, s string) {
		if Valid(s) == nil && !IsHash(s) {
			t.Errorf("%q is valid, and no hash", s)
		}
	})
}
