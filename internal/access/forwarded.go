package access

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// proxyHeaders are those that proxies add. X-Forwarded-* may hold lists, one entry of
// each proxy: RFC 7239 §7.4.
var proxyHeaders = []string{
	"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip",
	"X-Forwarded-Port", "X-Forwarded-Server", "X-Forwarded-Ssl", "Cdn-Loop", "Cf-Connecting-Ip", "True-Client-Ip",
}

// ViaProxy reports whether a header is there that a proxy adds, be it empty: then the
// peer is that proxy, and not the client.
func ViaProxy(r *http.Request) bool {
	for _, n := range proxyHeaders {
		if len(r.Header.Values(n)) > 0 {
			return true
		}
	}
	return false
}

// forwardedFor is the list of clients that proxies wrote down, the nearest one last:
// X-Forwarded-For, or the "for" of Forwarded (RFC 7239) where that is not there.
func forwardedFor(r *http.Request) []string {
	if list := r.Header.Values("X-Forwarded-For"); len(list) > 0 {
		if joined := strings.TrimPrefix(strings.Join(list, ","), ","); joined != "" {
			return strings.Split(joined, ",")
		}
		return nil
	}
	return forwardedValues(r, "for")
}

// forwardedValues are the values of a parameter in the elements of Forwarded (RFC 7239
// §4), empty where an element lacks it.
func forwardedValues(r *http.Request, name string) (list []string) {
	rest := strings.Join(r.Header.Values("Forwarded"), ",")
	for rest != "" {
		var element, value string
		element, rest = cutUnquoted(rest, ',')
		for element != "" {
			var pair string
			pair, element = cutUnquoted(element, ';')
			if k, v, ok := strings.Cut(pair, "="); ok && strings.EqualFold(strings.TrimSpace(k), name) {
				value = v
			}
		}
		list = append(list, value)
	}
	return list
}

// cutUnquoted cuts at the first sep that is not within quotes.
func cutUnquoted(s string, sep byte) (before, after string) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// bare is an entry without blanks and quotes around it.
func bare(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	return s
}

// forwarded is what the first proxy wrote about the browser's request: the first
// entry of the X- header, or of that parameter of Forwarded. It is empty where the
// peer is no trusted proxy.
func (g *Gate) forwarded(r *http.Request, header, parameter string) string {
	if !g.byProxy(r) {
		return ""
	}
	if list := r.Header.Values(header); len(list) > 0 {
		first, _, _ := strings.Cut(list[0], ",")
		return bare(first)
	}
	// A proxy writes one of the two: the other one may be from the client.
	if len(r.Header.Values("X-Forwarded-For")) == 0 {
		if list := forwardedValues(r, parameter); len(list) > 0 {
			return bare(list[0])
		}
	}
	return ""
}

// byProxy reports whether a request came straight from a trusted proxy.
func (g *Gate) byProxy(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && g.Shared(peer.Addr())
}

// forwardedProto is the scheme that the browser used, in lower case, as a trusted proxy
// tells; empty where it does not. Traefik writes "wss" for WebSockets.
func (g *Gate) forwardedProto(r *http.Request) string {
	proto := strings.ToLower(g.forwarded(r, "X-Forwarded-Proto", "proto"))
	switch proto {
	case "wss":
		return "https"
	case "ws":
		return "http"
	}
	return proto
}

// hostsAsked are those by which the browser may have asked, with their ports: the Host that
// came, and what a trusted proxy says of it. Some proxies write the port apart (nginx
// with "Host $host"), and some write one that no browser sees, so both count.
func (g *Gate) hostsAsked(r *http.Request) []string {
	list := []string{r.Host}
	if host := g.forwarded(r, "X-Forwarded-Host", "host"); host != "" {
		list = append(list, host)
	}
	if port := g.forwarded(r, "X-Forwarded-Port", ""); port != "" {
		for _, host := range list {
			list = append(list, net.JoinHostPort(hostOf(host), port))
		}
	}
	return list
}
