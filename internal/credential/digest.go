package credential

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// challenge is one of HTTP's Digest (RFC 7616, with MD5, SHA-256 or SHA-512-256, and as
// RFC 2069 had it).
type challenge struct {
	realm, nonce, opaque, algorithm string
	hash                            func(string) string
	strength                        int // of the hash, to choose by
	session, qop, stale             bool
	count                           int
	cnonce                          string // of the first answer
}

const (
	// maxChallenges bounds how many headers are read, and how many challenges of
	// each; maxParameters is how long those that are echoed may be together, in bytes.
	maxChallenges = 8
	maxParameters = 4096
)

// strongest picks the strongest challenge of Digest that we can meet, or nil.
func strongest(lines []string) *challenge {
	var chosen *challenge
	for _, line := range lines[:min(len(lines), maxChallenges)] {
		for _, c := range challenges(line) {
			if d := newChallenge(c); d != nil && (chosen == nil || d.strength > chosen.strength) {
				chosen = d
			}
		}
	}
	return chosen
}

// offered reports whether a challenge of a scheme is among the challenges.
func offered(lines []string, scheme string) bool {
	return slices.ContainsFunc(lines[:min(len(lines), maxChallenges)], func(line string) bool {
		return slices.ContainsFunc(challenges(line), func(c map[string]string) bool { return strings.EqualFold(c[""], scheme) })
	})
}

// integrity reports whether a challenge of Digest asks for the whole message to be signed,
// and nothing less.
func integrity(lines []string) bool {
	return slices.ContainsFunc(lines[:min(len(lines), maxChallenges)], func(line string) bool {
		return slices.ContainsFunc(challenges(line), func(c map[string]string) bool {
			return strings.EqualFold(c[""], "Digest") && strings.EqualFold(strings.TrimSpace(c["qop"]), "auth-int")
		})
	})
}

func newChallenge(parameters map[string]string) *challenge {
	if !strings.EqualFold(parameters[""], "Digest") || parameters["nonce"] == "" {
		return nil
	}
	c := &challenge{
		realm: parameters["realm"], nonce: parameters["nonce"], opaque: parameters["opaque"],
		algorithm: parameters["algorithm"],
		stale:     strings.EqualFold(parameters["stale"], "true"),
	}
	if said := c.realm + c.nonce + c.opaque; len(said) > maxParameters || strings.ContainsFunc(said, unicode.IsControl) {
		return nil
	}
	name := strings.ToUpper(c.algorithm)
	name, c.session = strings.CutSuffix(name, "-SESS")
	switch name {
	case "", "MD5":
		c.hash = func(s string) string { b := md5.Sum([]byte(s)); return hex.EncodeToString(b[:]) }
	case "SHA-256":
		c.strength = 1
		c.hash = func(s string) string { b := sha256.Sum256([]byte(s)); return hex.EncodeToString(b[:]) }
	case "SHA-512-256":
		c.strength = 2
		c.hash = func(s string) string { b := sha512.Sum512_256([]byte(s)); return hex.EncodeToString(b[:]) }
	default:
		return nil
	}
	if qop := strings.TrimSpace(parameters["qop"]); qop != "" {
		for _, q := range strings.Split(qop, ",") {
			c.qop = c.qop || strings.EqualFold(strings.TrimSpace(q), "auth")
		}
		if !c.qop {
			return nil // auth-int only
		}
	}
	return c
}

// answer is the Authorization header for a request. All answers to a challenge have one
// cnonce: of "-sess", RFC 7616 §3.4.2 wants that of the first, and some servers that of
// the present one.
func (c *challenge) answer(method, uri, user, password string) string {
	if c.cnonce == "" {
		var random [12]byte
		rand.Read(random[:])
		c.cnonce = hex.EncodeToString(random[:])
	}
	return c.answerWith(method, uri, user, password, c.cnonce)
}

func (c *challenge) answerWith(method, uri, user, password, cnonce string) string {
	c.count++
	secret := c.hash(user + ":" + c.realm + ":" + password)
	if c.session {
		secret = c.hash(secret + ":" + c.nonce + ":" + cnonce)
	}
	about := c.hash(method + ":" + uri)
	count := fmt.Sprintf("%08x", c.count)
	response := c.hash(secret + ":" + c.nonce + ":" + about)
	if c.qop {
		response = c.hash(strings.Join([]string{secret, c.nonce, count, cnonce, "auth", about}, ":"))
	}
	var b strings.Builder
	fmt.Fprintf(&b, `Digest username=%s, realm=%s, nonce=%s, uri=%s, response="%s"`,
		quote(user), quote(c.realm), quote(c.nonce), quote(uri), response)
	if c.algorithm != "" {
		b.WriteString(", algorithm=" + c.algorithm)
	}
	if c.opaque != "" {
		b.WriteString(", opaque=" + quote(c.opaque))
	}
	if c.qop {
		b.WriteString(", qop=auth, nc=" + count)
	}
	if c.qop || c.session {
		b.WriteString(`, cnonce="` + cnonce + `"`)
	}
	return b.String()
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// challenges cuts a WWW-Authenticate line, which may hold several challenges,
// into the parameters of each; the scheme is under "".
func challenges(line string) []map[string]string {
	var (
		all     []map[string]string
		current map[string]string
	)
	for line = strings.TrimLeft(line, " \t,"); line != ""; line = strings.TrimLeft(line, " \t,") {
		end := strings.IndexAny(line, " \t,=")
		if end < 0 {
			end = len(line)
		}
		name, rest := line[:end], strings.TrimLeft(line[end:], " \t")
		after, isParameter := strings.CutPrefix(rest, "=")
		if !isParameter {
			if len(all) == maxChallenges {
				break
			}
			current = map[string]string{"": name}
			all = append(all, current)
			line = rest
			continue
		}
		var value string
		value, line = parameterValue(strings.TrimLeft(after, " \t"))
		if current != nil && name != "" {
			current[strings.ToLower(name)] = value
		}
	}
	return all
}

// parameterValue reads a token or a quoted string, and gives what is left.
func parameterValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, " \t,")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}
