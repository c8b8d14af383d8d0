package config

import (
	"regexp"
	"strings"
)

// secretValue is a password that stands in a path or a query by its name, as
// cameras have them: "/user=admin&password=12345&channel=1".
var secretValue = regexp.MustCompile(`(?i)((?:pass(?:word|wd|phrase)?|pwd|psw|token|secret|auth|key)=)[^&;/\s"']+`)

// RedactNamed returns a text with "…" in place of what stands in it behind the
// name of a secret and an equals sign.
func RedactNamed(text string) string { return secretValue.ReplaceAllString(text, "${1}…") }

// RedactURL returns rawURL with whatever may be a secret replaced by "…": the
// user name and password before the host, what a path gives as a password, the
// query, and the fragment. It takes anything, whether it is a URL or not.
func RedactURL(rawURL string) string {
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok || strings.ContainsAny(scheme, "@?#") {
		scheme, rest = "", rawURL
	}
	at, query := strings.LastIndexByte(rest, '@'), strings.IndexAny(rest, "?#")
	slash := strings.IndexByte(rest, '/')
	if query >= 0 && query < at || slash >= 0 && slash < at && secretValue.MatchString(rest[slash:at]) {
		// A password with a '?' or a '/' in it, or a query or a path with an '@':
		// nobody can tell.
		at, query, rest = -1, -1, "…"
	}
	if query >= 0 {
		rest = rest[:query] + "…"
	}
	if at >= 0 {
		rest = "…" + rest[at:]
	}
	authority, path, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") &&
		strings.Trim(authority[i+1:], "0123456789") != "" {
		// No port: what follows a user name, where the host got lost.
		rest = "…/" + path
	}
	if scheme == "" {
		return RedactNamed(rest)
	}
	return scheme + "://" + RedactNamed(rest)
}
