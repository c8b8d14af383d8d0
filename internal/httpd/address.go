package httpd

import (
	"net/url"
	"strings"

	"umbrella/internal/config"
)

// credentials are the user and the password of a camera as a form has them.
type credentials struct {
	User string `json:"user"`
	// Password is null where the stored one stays, and empty where there is to be none.
	Password *string `json:"password"`
}

const redaction = "…"

// address is the address of a camera's stream, taken apart.
type address struct {
	scheme string
	// user and password are as they are meant, not as a URL has them.
	user, password string
	place          string // host, port, path and the rest, as written
	named          bool   // something stands before the host, readable or not
}

// apart takes an address apart. It takes what is no URL as well: then all of it is the
// place.
func apart(raw string) (a address) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return address{place: raw}
	}
	a = address{scheme: scheme, place: rest}
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return a
	}
	a.named = true
	u, err := url.Parse(scheme + "://" + rest[:at] + "@host")
	if err != nil || u.User == nil {
		return a
	}
	a.user, a.place = u.User.Username(), rest[at+1:]
	a.password, _ = u.User.Password()
	return a
}

// String puts it together, with what a URL cannot have in a user or a password escaped.
func (a address) String() string {
	switch {
	case a.scheme == "":
		return a.place
	case a.password != "":
		return a.scheme + "://" + url.UserPassword(a.user, a.password).String() + "@" + a.place
	case a.user != "":
		return a.scheme + "://" + url.User(a.user).String() + "@" + a.place
	}
	return a.scheme + "://" + a.place
}

// bare is the address without its user and its password.
func (a address) bare() string { return address{scheme: a.scheme, place: a.place}.String() }

// host is the scheme, the host and the port.
func (a address) host() string {
	host, _, _ := strings.Cut(a.place, "/")
	return strings.ToLower(a.scheme + "://" + host)
}

// shownAddress is an address for a form that has the user and the password of main beside
// it. Of an address that has others it shows that it has some.
func shownAddress(raw string, main address) string {
	a := apart(raw)
	if (a.user != "" || a.password != "") && (a.user != main.user || a.password != main.password) {
		return config.RedactURL(raw)
	}
	return config.RedactURL(a.bare())
}

const (
	typeAnew     = "write the user and the password anew: … stands for them only while the rest is as it was"
	needsUser    = "a password belongs to a user: which one?"
	notForOthers = "type it again: the stored password goes only to the address that it was stored for"
)

// cameraOf returns the camera of that section, or an empty one.
func cameraOf(cfg *config.Config, section string) config.Camera {
	if cfg != nil {
		for _, c := range cfg.Cameras {
			if c.Section == section {
				return c
			}
		}
	}
	return config.Camera{}
}

func fillCamera(c *change, cfg *config.Config, section string) []optionProblem {
	return fillAddresses(c, cameraOf(cfg, section))
}

// fillAddresses puts users and passwords into the addresses of a change: those of the
// change, or the stored ones. The stored ones go to no other host than theirs.
func fillAddresses(c *change, stored config.Camera) (problems []optionProblem) {
	main := apart(stored.URL)
	for _, option := range []string{"url", "substream"} {
		was := stored.URL
		if option == "substream" {
			was = stored.Substream
		}
		values := c.Options[option]
		for i, text := range values {
			filled, problem := fillAddress(strings.TrimSpace(text), option, was, main, c.Credentials)
			if problem != nil {
				problems = append(problems, *problem)
				continue
			}
			values[i] = filled
		}
	}
	return problems
}

func fillAddress(text, option, stored string, main address, with *credentials) (string, *optionProblem) {
	typed, was := apart(text), apart(stored)
	if text == "" || with == nil || typed.named {
		kept, ok := keepSecrets(text, stored)
		if !ok {
			return "", &optionProblem{option, typeAnew}
		}
		return kept, nil
	}
	unchanged := stored != "" && text == config.RedactURL(was.bare())
	switch {
	case unchanged:
		typed.place = was.place
	case strings.Contains(text, redaction):
		return "", &optionProblem{option, typeAnew}
	}
	if unchanged && was.user == "" && was.password == "" && (main.user != "" || main.password != "") {
		return stored, nil // it has never had what the other one has
	}
	typed.user = with.User
	if with.Password != nil {
		typed.password = *with.Password
	} else if main.password != "" {
		if typed.host() != main.host() {
			return "", &optionProblem{"password", notForOthers}
		}
		typed.password = main.password
	}
	if typed.user == "" && typed.password != "" {
		return "", &optionProblem{"user", needsUser}
	}
	return typed.String(), nil
}

// keepSecrets puts the secrets of a stored URL where a text has an ellipsis for
// them, and reports whether it could: they go to no other host than theirs.
func keepSecrets(text, stored string) (string, bool) {
	if !strings.Contains(text, redaction) {
		return text, true
	}
	if text == config.RedactURL(stored) {
		return stored, true
	}
	scheme, rest, _ := strings.Cut(stored, "://")
	user, place, ok := cutLast(rest, "@")
	_, asked, has := strings.Cut(text, "://"+redaction+"@")
	if ok && has && !strings.Contains(asked, redaction) && hostOf(asked) == hostOf(place) && strings.HasPrefix(text, scheme+":") {
		return scheme + "://" + user + "@" + asked, true
	}
	return "", false
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

func hostOf(place string) string {
	host, _, _ := strings.Cut(place, "/")
	return host
}
