// Package password makes hashes of passwords and checks passwords against them:
// argon2id in the PHC string format, and bcrypt.
package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// What Hash makes: 19 MiB and two passes are the least that RFC 9106 §4's kind is
// advised with for servers by OWASP, and what an access point can spare.
const (
	hashMemory  = 19 << 10 // KiB
	hashPasses  = 2
	hashThreads = 1
	saltBytes   = 16
	keyBytes    = 32
)

// What Valid takes: more would let a line of the settings stop a small machine.
const (
	maxMemory  = 64 << 10 // KiB
	maxPasses  = 10
	maxThreads = 8
	maxCost    = 14 // of bcrypt
)

// ErrHash is why a text is no hash that can be checked against.
var ErrHash = errors.New("an argon2id hash as `umbrellad hash` prints it, with at most 64 MiB, 10 passes and 8 threads, or a bcrypt hash of a cost up to 14")

// IsHash tells that a text is meant as a hash, and not as the password itself.
func IsHash(s string) bool {
	for _, p := range []string{"$argon2", "$2a$", "$2b$", "$2x$", "$2y$"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// Hash returns an argon2id hash of a password, with a salt of its own.
func Hash(password string) string { return hash(password, hashMemory, hashPasses) }

// HashRandom is for a password of 80 random bits or more, which nobody can guess
// however cheap it is to try: it takes 1 MiB.
func HashRandom(password string) string { return hash(password, 1<<10, 1) }

func hash(password string, memory, passes uint32) string {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // it never fails
	key := argon2.IDKey([]byte(password), salt, passes, memory, hashThreads, keyBytes)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, hashThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// Valid returns ErrHash for a hash that Matches could not check, or not within
// what a small machine has.
func Valid(hash string) error {
	if strings.HasPrefix(hash, "$argon2") {
		_, err := parse(hash)
		return err
	}
	cost, err := bcrypt.Cost([]byte(hash))
	if !IsHash(hash) || err != nil || cost > maxCost || len(hash) != 60 {
		return ErrHash
	}
	const digits = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	if strings.Trim(hash[7:], digits) != "" {
		return ErrHash
	}
	return nil
}

// Matches tells whether a password is the one of a hash that is Valid. It takes
// as long, and as much memory, as the hash says.
func Matches(hash, password string) bool {
	if !strings.HasPrefix(hash, "$argon2") {
		return Valid(hash) == nil && bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	}
	h, err := parse(hash)
	if err != nil {
		return false
	}
	key := argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.threads, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(key, h.key) == 1
}

// argon2id is a hash, taken apart.
type argon2id struct {
	memory, passes uint32
	threads        uint8
	salt, key      []byte
}

// parse reads $argon2id$v=19$m=…,t=…,p=…$SALT$KEY.
func parse(hash string) (*argon2id, error) {
	part := strings.Split(hash, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != "v="+strconv.Itoa(argon2.Version) {
		return nil, ErrHash
	}
	h := &argon2id{}
	costs := strings.Split(part[3], ",")
	if len(costs) != 3 {
		return nil, ErrHash
	}
	for i, c := range []struct {
		name  string
		least uint64
		most  uint64
		set   func(uint64)
	}{
		{"m=", 8, maxMemory, func(n uint64) { h.memory = uint32(n) }},
		{"t=", 1, maxPasses, func(n uint64) { h.passes = uint32(n) }},
		{"p=", 1, maxThreads, func(n uint64) { h.threads = uint8(n) }},
	} {
		digits, ok := strings.CutPrefix(costs[i], c.name)
		n, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || n < c.least || n > c.most {
			return nil, ErrHash
		}
		c.set(n)
	}
	var err1, err2 error
	h.salt, err1 = base64.RawStdEncoding.Strict().DecodeString(part[4])
	h.key, err2 = base64.RawStdEncoding.Strict().DecodeString(part[5])
	if err1 != nil || err2 != nil || len(h.salt) < 8 || len(h.salt) > 64 || len(h.key) < 16 || len(h.key) > 64 {
		return nil, ErrHash
	}
	return h, nil
}
