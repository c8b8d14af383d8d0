// Package credential keeps the user and the password of a camera to the places
// that the settings name. Nothing else of the node reads a camera's password: who
// needs to sign a request asks here, and says where the request goes.
//
// A place is a scheme, a host and a port. The password as it is (Basic, RFC 7617)
// goes to a named place only, and never after a redirect. A digest of it (RFC 7616,
// WS-Security) goes to other ports of a named host as well: a camera has RTSP at
// one port and ONVIF at another. Another host gets neither.
package credential

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
)

// Reasons why a request is not signed. Their text is for people.
var (
	// ErrOtherHost: the settings do not name the host.
	ErrOtherHost = errors.New("the user and the password are for another host than this one")
	// ErrBasic: the peer takes Basic only, and is not at a place that the settings name.
	ErrBasic = errors.New("it wants the password in clear text (Basic), at an address that the settings do not name")
	// ErrUnknown: the peer asks for the password in a way that is not known.
	ErrUnknown = errors.New("it asks for a password in a way that nobody knows")
	// ErrIntegrity: the peer takes Digest with signed bodies only.
	ErrIntegrity = errors.New("it wants whole messages signed (auth-int)")
	// ErrNone: there are no user and password.
	ErrNone = errors.New("there are no user and password")
)

// Credential is a user and a password that can be given to some places only. The
// zero value has none. It does not show them when it is printed or logged.
type Credential struct {
	user, password string
	places         []place
}

// place is where a request goes. One without a port stands for a host: no password
// goes there in clear text.
type place struct{ scheme, host, port string }

// FromURL is the user and the password in the URL of a camera's stream, for the
// scheme, host and port of the URL. It takes what cameras' users write: an '@' in
// the password, for example.
func FromURL(raw string) Credential {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(raw), "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return Credential{}
	}
	u, err := url.Parse(scheme + "://" + rest[:at] + "@host")
	if err != nil {
		return Credential{}
	}
	c := Credential{user: u.User.Username()}
	c.password, _ = u.User.Password()
	return c.named(scheme, rest[at+1:])
}

// ForHost is for a host that was found and not named: it gets digests only.
func ForHost(user, password, host string) Credential {
	return Credential{user: user, password: password}.AndHost(host)
}

// And is the same for one place more, which the settings name by a URL.
func (c Credential) And(raw string) Credential {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return c
	}
	return c.named(u.Scheme, u.Host)
}

// AndHost is the same for an address that a named host has: it gets digests only.
func (c Credential) AndHost(host string) Credential {
	c.places = append(append([]place(nil), c.places...), place{host: normal(host)})
	return c
}

func (c Credential) named(scheme, authority string) Credential {
	u := url.URL{Host: authority}
	p := placeOf(&url.URL{Scheme: strings.ToLower(scheme), Host: authority})
	if u.Hostname() == "" || p.port == "" {
		return c
	}
	c.places = append(append([]place(nil), c.places...), p)
	return c
}

func placeOf(u *url.URL) place {
	port := u.Port()
	if port == "" {
		port = map[string]string{"rtsp": "554", "rtsps": "322", "http": "80", "https": "443"}[u.Scheme]
	}
	return place{u.Scheme, normal(u.Hostname()), port}
}

// normal is a host in one spelling.
func normal(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	zoned := strings.Replace(host, "%25", "%", 1)
	if a, err := netip.ParseAddr(zoned); err == nil {
		return a.Unmap().String()
	}
	return host
}

// Known reports whether there is a user.
func (c Credential) Known() bool { return c.user != "" || c.password != "" }

// Valid reports whether a camera could have such a user and password: together up
// to 512 bytes, without control characters.
func (c Credential) Valid() bool {
	return len(c.user)+len(c.password) <= 512 &&
		!strings.ContainsFunc(c.user+c.password, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// Strings that print or log it show nothing.
const hidden = "…"

// String implements fmt.Stringer.
func (c Credential) String() string { return hidden }

// GoString implements fmt.GoStringer.
func (c Credential) GoString() string { return hidden }

// LogValue implements slog.LogValuer.
func (c Credential) LogValue() slog.Value { return slog.StringValue(hidden) }

// trust is what a place may get.
type trust int

const (
	nothing trust = iota
	digests
	all
)

func (c Credential) trusts(to *url.URL) trust {
	p, t := placeOf(to), nothing
	for _, named := range c.places {
		switch {
		case named == p:
			return all
		case named.host == p.host:
			t = digests
		}
	}
	return t
}

// Signer signs the requests to one place.
type Signer struct {
	user, password string
	challenge      *challenge // nil: Basic
}

// Answer is what signs requests that go to a URL, after the challenges of the host
// there: the values of WWW-Authenticate. The strongest one that may be met is
// chosen. redirected says that a camera sent the node to the URL. Errors are
// ErrNone, ErrOtherHost, ErrBasic, ErrIntegrity and ErrUnknown.
func (c Credential) Answer(to *url.URL, challenges []string, redirected bool) (*Signer, error) {
	t := c.trusts(to)
	switch {
	case !c.Known():
		return nil, ErrNone
	case t == nothing:
		return nil, ErrOtherHost
	}
	if d := strongest(challenges); d != nil {
		return &Signer{c.user, c.password, d}, nil
	}
	switch {
	case !offered(challenges, "Basic") && integrity(challenges):
		return nil, ErrIntegrity
	case !offered(challenges, "Basic"):
		return nil, ErrUnknown
	case t != all || redirected:
		return nil, ErrBasic
	}
	return &Signer{c.user, c.password, nil}, nil
}

// Authorization is the header's value for a request. The URI is the one of the
// request line.
func (s *Signer) Authorization(method, uri string) string {
	if s.challenge == nil {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(s.user+":"+s.password))
	}
	return s.challenge.answer(method, uri, s.user, s.password)
}

// Stale reports whether the challenge says that only the nonce was too old.
func (s *Signer) Stale() bool { return s.challenge != nil && s.challenge.stale }

// PasswordDigest is the user and the digested password of WS-Security's
// UsernameToken (OASIS, UsernameToken Profile 1.0) for a message to a URL. Errors
// are ErrNone and ErrOtherHost.
func (c Credential) PasswordDigest(to *url.URL, nonce []byte, created string) (user, digest string, err error) {
	switch {
	case !c.Known():
		return "", "", ErrNone
	case c.trusts(to) == nothing:
		return "", "", ErrOtherHost
	}
	sum := sha1.Sum(append(append([]byte(nil), nonce...), created+c.password...))
	return c.user, base64.StdEncoding.EncodeToString(sum[:]), nil
}
