package httpd

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"umbrella/internal/access"
	"umbrella/internal/names"
)

// routes is everything that is served, below the prefix.
func (s *Server) routes(p *pages) http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, s.Prefix+"/sfu", http.StatusFound)
	})
	m.HandleFunc("GET /sfu", p.client)
	m.HandleFunc("GET /sfu/{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, s.Prefix+"/sfu", http.StatusFound)
	})
	m.HandleFunc("GET /sfu/{room}", func(w http.ResponseWriter, r *http.Request) {
		typed := r.PathValue("room")
		room, err := names.Room(typed)
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		if room != typed {
			to := url.URL{Path: s.Prefix + "/sfu/" + room, RawQuery: r.URL.RawQuery}
			http.Redirect(w, r, to.String(), http.StatusFound)
			return
		}
		p.client(w, r)
	})
	m.HandleFunc("GET /trust", func(w http.ResponseWriter, r *http.Request) {
		if !s.hasCA() {
			http.Error(w, "this server's certificate does not come from a CA of its own: there is nothing to trust", http.StatusNotFound)
			return
		}
		p.trust(w, r)
	})
	m.HandleFunc("GET /ca.crt", s.serveCA)
	m.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprintln(w, "ok")
	})
	m.HandleFunc("GET /me", s.serveMe)
	admin := func(pattern string, h http.HandlerFunc) { m.HandleFunc(pattern, s.adminOnly(p, h)) }
	admin("GET /status", func(w http.ResponseWriter, r *http.Request) { s.serveStatus(w, r, p) })
	admin("GET /metrics", s.serveMetrics)
	if s.Admin != nil {
		admin("GET /servers", func(w http.ResponseWriter, r *http.Request) { s.serveServers(w, r, p) })
		admin("POST /servers/{kind}", s.serveAdd)
		admin("POST /servers/cameras/probe", s.serveProbe)
		admin("POST /servers/cameras/discover", s.serveDiscover)
		admin("PATCH /servers/{kind}/{name}", s.serveEdit)
		admin("DELETE /servers/{kind}/{name}", s.serveRemove)
	}
	if s.Kicks != nil {
		admin("DELETE /rooms/{room}/participants/{who}", s.serveKick)
	}
	if s.Gate.Tokens != nil {
		admin("POST /invitations", s.serveInvite)
		admin("DELETE /invitations/{id}", s.serveRevoke)
	}
	if s.Gate.Admins != nil {
		m.HandleFunc("POST /login", s.serveLogin)
		m.HandleFunc("POST /logout", s.serveLogout)
	}
	if s.Snapshots != nil {
		m.HandleFunc("GET /snapshot/{file}", s.serveSnapshot)
	}
	m.HandleFunc("GET /wsb", s.serveSocket)
	m.HandleFunc("POST /wsb", s.explainSocket)
	m.Handle("/whip/", s.WHIP)
	m.Handle("/whep/", s.WHIP)
	// Without these the mux would redirect to the same with a slash, and that
	// without the prefix, which it does not know of.
	m.HandleFunc("/whip", p.asset)
	m.HandleFunc("/whep", p.asset)
	m.HandleFunc("/", p.asset)

	var h http.Handler = m
	if s.Prefix != "" {
		outer := http.NewServeMux()
		outer.Handle(s.Prefix+"/", http.StripPrefix(s.Prefix, m))
		outer.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, s.Prefix+"/sfu", http.StatusFound)
		})
		h = outer
	}
	return p.withErrorPage(s.secure(h))
}

func (s *Server) hasCA() bool { return s.Certificates != nil && s.Certificates.CA() != nil }

// serveCA gives the CA's certificate to be trusted: DER, which every system
// takes.
func (s *Server) serveCA(w http.ResponseWriter, _ *http.Request) {
	if !s.hasCA() {
		http.Error(w, "this server's certificate does not come from a CA of its own", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-x509-ca-cert")
	h.Set("Content-Disposition", `attachment; filename="umbrella-ca.crt"`)
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(s.Certificates.CA())
}

// serveSocket hands a WebSocket to whom its subprotocol (RFC 6455 §1.9) is for.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	if err := s.Gate.CheckOrigin(r); err != nil {
		s.Log.Info("a WebSocket was refused", "reason", err, "address", s.Gate.Address(r))
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	release, err := s.Gate.OpenSocket(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusTooManyRequests)
		return
	}
	defer release()
	if s.isTrunk(r) {
		s.Trunks.ServeHTTP(w, r)
		return
	}
	s.Signal.ServeHTTP(w, r)
}

// explainSocket tells a page why its WebSocket does not open: browsers keep the answer
// to a WebSocket's request to themselves. Where this node would accept it, something in
// front does not pass WebSockets on.
func (s *Server) explainSocket(w http.ResponseWriter, r *http.Request) {
	if err := s.Gate.CheckOrigin(r); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	release, err := s.Gate.OpenSocket(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusTooManyRequests)
		return
	}
	release()
	w.Header().Set("Connection", "Upgrade") // RFC 9110 §15.5.22
	w.Header().Set("Upgrade", "websocket")
	http.Error(w, "this address is for WebSockets", http.StatusUpgradeRequired)
}

// isTrunk reports whether a request opens a trunk.
func (s *Server) isTrunk(r *http.Request) bool {
	for _, list := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(list, ",") {
			if s.Trunks != nil && strings.TrimSpace(p) == s.TrunkProtocol {
				return true
			}
		}
	}
	return false
}

// fromNode reports whether a request opens a trunk and is from no browser, which would
// name the page's origin. Another node may dial this one by any name: it proves a
// secret, so that DNS rebinding is of no use.
func (s *Server) fromNode(r *http.Request) bool {
	return r.URL.Path == s.Prefix+"/wsb" && len(r.Header.Values("Origin")) == 0 && s.isTrunk(r)
}

// secure sets the headers that every answer has, and turns plain requests to a
// TLS port away.
func (s *Server) secure(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy(s.Gate.Host(r)))
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Permissions-Policy", permissions)
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		// Whatever else comes, programs on this machine learn whether the node lives.
		health := r.URL.Path == s.Prefix+"/healthz" && s.Gate.Client(r).Loopback()
		if !health {
			if err := s.Gate.Request(r); err != nil {
				access.Refuse(w, err, http.StatusTooManyRequests)
				return
			}
		}
		if err := s.Gate.CheckHost(r, s.Certificates); err != nil && !s.fromNode(r) {
			s.Log.Warn("a request for another host was refused", "reason", err, "address", s.Gate.Address(r))
			header.Set("Cache-Control", "no-store")
			http.Error(w, err.Error(), http.StatusMisdirectedRequest)
			return
		}
		if plainOnTLSPort(r.Context()) && !health {
			toHTTPS(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

const permissions = "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), " +
	"speaker-selection=(self), autoplay=(self), geolocation=(), usb=(), payment=()"

// policy is what a page may load: nothing from elsewhere, nothing inline. Some
// browsers do not take 'self' for WebSockets, so the host is named, unless it is an IPv6
// address: those no policy can name (CSP level 3 §2.3.1), and browsers complain of it.
func policy(host string) string {
	sockets := ""
	if validHost(host) && !strings.HasPrefix(host, "[") {
		sockets = " ws://" + host + " wss://" + host
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
		"media-src 'self' blob: mediastream:; connect-src 'self'" + sockets + "; manifest-src 'self'; " +
		"font-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
}

// validHost keeps what could end a directive, or a header, out of it.
func validHost(host string) bool {
	if host == "" || len(host) > 260 {
		return false
	}
	for _, c := range host {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(".-:[]_", c)) {
			return false
		}
	}
	return true
}

// toHTTPS sends a browser to the same place on the same port, over TLS.
func toHTTPS(w http.ResponseWriter, r *http.Request) {
	if !validHost(r.Host) || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "this port speaks HTTPS", http.StatusBadRequest)
		return
	}
	w.Header().Set("Connection", "close")
	http.Redirect(w, r, "https://"+r.Host+r.URL.RequestURI(), http.StatusFound)
}
