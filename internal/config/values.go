package config

import (
	"encoding/hex"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"umbrella/internal/names"
	"umbrella/internal/password"
)

// The functions below turn the text of an option into its value, and report
// whether it is one. What they take is what Option.Allowed says in words.

func parseBool(s string) (value, ok bool) {
	switch s { // the words of OpenWrt's config_get_bool
	case "1", "on", "true", "yes", "enabled":
		return true, true
	case "0", "off", "false", "no", "disabled":
		return false, true
	}
	return false, false
}

func parseWord[T comparable](words []named[T]) func(string) (T, bool) {
	return func(s string) (T, bool) {
		for _, w := range words {
			if w.name == s {
				return w.value, true
			}
		}
		var none T
		return none, false
	}
}

func parseLogLevel(s string) (slog.Level, bool) {
	return parseWord([]named[slog.Level]{
		{"debug", slog.LevelDebug}, {"info", slog.LevelInfo}, {"warn", slog.LevelWarn}, {"error", slog.LevelError},
	})(s)
}

// parseNumber takes whole numbers from least to most, without a sign or
// leading zeros.
func parseNumber(least, most int) func(string) (int, bool) {
	return func(s string) (int, bool) {
		n, err := strconv.Atoi(s)
		return n, err == nil && n >= least && n <= most && strconv.Itoa(n) == s
	}
}

func parsePort(s string) (int, bool) { return parseNumber(1, 65535)(s) }

func parseListen(s string) (string, bool) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", false
	}
	if _, ok := parsePort(port); !ok {
		return "", false
	}
	if host != "" {
		addr, err := netip.ParseAddr(host)
		if (err != nil || addr.IsMulticast()) && !isDNSName(host) {
			return "", false
		}
	}
	return s, true
}

// portOf returns the port of a listen address that parseListen has passed.
func portOf(listen string) int {
	_, port, _ := net.SplitHostPort(listen)
	n, _ := strconv.Atoi(port)
	return n
}

func parsePrefix(s string) (string, bool) {
	prefix := strings.TrimRight(s, "/")
	if prefix == "" {
		return "", true
	}
	if prefix[0] != '/' || len(prefix) > 128 {
		return "", false
	}
	for part := range strings.SplitSeq(prefix[1:], "/") {
		if part == "" || part == "." || part == ".." {
			return "", false
		}
		for _, c := range []byte(part) {
			if !isAlphanumeric(c) && strings.IndexByte("-_.~", c) < 0 {
				return "", false
			}
		}
	}
	return prefix, true
}

// parsePublicAddress returns an address or a name in its one usual form.
func parsePublicAddress(s string) (string, bool) {
	if addr, err := netip.ParseAddr(s); err == nil {
		addr = addr.Unmap()
		return addr.String(), addr.Zone() == "" && !addr.IsUnspecified() && !addr.IsMulticast()
	}
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	return name, isDNSName(name)
}

// parseDomain takes names that a public CA may certify.
func parseDomain(s string) (string, bool) {
	name, ok := parsePublicAddress(s)
	_, err := netip.ParseAddr(name)
	return name, ok && err != nil && strings.Contains(name, ".") && !strings.Contains(name, "_")
}

// parseEmail takes the plain form of an address (RFC 5321 §4.1.2, Dot-string).
func parseEmail(s string) (string, bool) {
	user, domain, ok := strings.Cut(s, "@")
	_, valid := parseDomain(domain)
	if !ok || !valid || len(user) > 64 {
		return "", false
	}
	for part := range strings.SplitSeq(user, ".") {
		if part == "" {
			return "", false
		}
		for _, c := range []byte(part) {
			if !isAlphanumeric(c) && strings.IndexByte("!#$%&'*+/=?^_`{|}~-", c) < 0 {
				return "", false
			}
		}
	}
	return s, true
}

func parseDirectoryURL(s string) (string, bool) {
	u, ok := parseURL(s, "https")
	return lowerScheme(s, u), ok && u.User == nil && u.RawQuery == "" && !u.ForceQuery
}

// parseTURNURL returns a URL with its transport: TCP, there is no other.
func parseTURNURL(s string) (string, bool) {
	scheme, rest, ok := strings.Cut(s, ":")
	if scheme = strings.ToLower(scheme); !ok || scheme != "turns" && scheme != "turn" {
		return "", false
	}
	rest = strings.TrimSuffix(rest, "?transport=tcp")
	if place, ok := parseListen(rest); !ok || strings.HasPrefix(place, ":") || strings.Contains(place, "%") {
		return "", false
	}
	return scheme + ":" + rest + "?transport=tcp", true
}

// TURNURL is the URL of a relay behind TLS at a host and port, or empty where that
// is none a browser could go to.
func TURNURL(hostPort string) string {
	u, ok := parseTURNURL("turns:" + hostPort)
	if !ok {
		return ""
	}
	return u
}

// parseOrigin takes an origin and returns it as browsers write it (RFC 6454 §6.2).
func parseOrigin(s string) (string, bool) {
	if s == "*" {
		return s, true
	}
	u, ok := parseURL(s, "http", "https")
	if !ok || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Path != "" || strings.Contains(u.Host, "%") {
		return "", false
	}
	host := strings.ToLower(u.Host)
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[u.Scheme])
	return u.Scheme + "://" + host, true
}

func parseProxy(s string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(s); err == nil {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), addr.Zone() == ""
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	if prefix.Addr().Is4In6() {
		if prefix.Bits() < 96 {
			return netip.Prefix{}, false
		}
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), true
}

func parseDirectory(s string) (string, bool) {
	if !isPrintable(s) {
		return "", false
	}
	info, err := os.Stat(s)
	return filepath.Clean(s), err != nil || info.IsDir()
}

func parseFile(s string) (string, bool) {
	info, err := os.Stat(s)
	return s, err == nil && info.Mode().IsRegular()
}

func parseRoomName(s string) (string, bool) {
	name, err := names.Room(s)
	return name, err == nil
}

func parsePersonName(s string) (string, bool) {
	name, err := names.Person(s)
	return name, err == nil
}

// parsePassword takes a password of least to 128 characters, or a hash of one.
func parsePassword(least int) func(string) (string, bool) {
	return func(s string) (string, bool) {
		if password.IsHash(s) {
			return s, password.Valid(s) == nil
		}
		s, ok := parseText(128)(s)
		return s, ok && utf8.RuneCountInString(s) >= least
	}
}

// parseText takes text of at most `most` characters that can be printed.
func parseText(most int) func(string) (string, bool) {
	return func(s string) (string, bool) {
		return s, isPrintable(s) && utf8.RuneCountInString(s) <= most
	}
}

func parseSecret(s string) (string, bool) {
	n := utf8.RuneCountInString(s)
	return s, n >= 16 && n <= 256 && isPrintable(s) && !strings.ContainsFunc(s, unicode.IsSpace)
}

func parseFingerprint(s string) (string, bool) {
	digits := strings.ToLower(strings.ReplaceAll(s, ":", ""))
	sum, err := hex.DecodeString(digits)
	return digits, err == nil && len(sum) == 32
}

func parseBackhaulURL(s string) (string, bool) {
	u, ok := parseURL(s, "ws", "wss")
	return lowerScheme(s, u), ok && u.User == nil && u.RawQuery == "" && !u.ForceQuery && strings.HasSuffix(u.Path, "/wsb")
}

func parseRTSPURL(s string) (string, bool) {
	u, ok := parseURL(s, "rtsp", "rtsps")
	return lowerScheme(s, u), ok
}

// parseONVIFURL takes the URL of a camera's device service.
func parseONVIFURL(s string) (string, bool) {
	u, ok := parseURL(s, "http", "https")
	return lowerScheme(s, u), ok && len(s) <= 512 && u.User == nil && u.RawQuery == "" && !u.ForceQuery
}

// lowerScheme returns s, which was parsed as u, with a lower-case scheme.
func lowerScheme(s string, u *url.URL) string {
	if u == nil {
		return s
	}
	return u.Scheme + s[len(u.Scheme):]
}

// parseURL takes absolute URLs of the given schemes with a host.
func parseURL(s string, schemes ...string) (*url.URL, bool) {
	if len(s) > 2048 || !isPrintable(s) || strings.ContainsFunc(s, unicode.IsSpace) {
		return nil, false
	}
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" || strings.Contains(s, "#") {
		return nil, false
	}
	ok := false
	for _, scheme := range schemes {
		ok = ok || u.Scheme == scheme
	}
	if port := u.Port(); port != "" {
		_, valid := parsePort(port)
		ok = ok && valid
	}
	_, err = netip.ParseAddr(u.Hostname())
	return u, ok && (err == nil || isDNSName(u.Hostname())) && !strings.HasSuffix(u.Host, ":")
}

// isDNSName reports whether s can be the name of a host, such as "ap.lan".
func isDNSName(s string) bool {
	if len(s) > 253 {
		return false
	}
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if !isAlphanumeric(c) && c != '-' && c != '_' {
				return false
			}
		}
	}
	// Four numbers are an address, and a wrong one if they come here.
	_, err := strconv.Atoi(labels[len(labels)-1])
	return err != nil
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// isPrintable reports whether s is text that can be shown on one line.
func isPrintable(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return s != ""
}
