package httpd

import (
	"fmt"
	"net/http"
	"strings"

	"umbrella/internal/access"
	"umbrella/internal/config"
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
		if !config.ValidRoomName(r.PathValue("room")) {
			http.Error(w, access.ErrRoomName.Error(), http.StatusNotFound)
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
	m.HandleFunc("GET /status", s.loopback(func(w http.ResponseWriter, r *http.Request) { s.serveStatus(w, r, p) }))
	m.HandleFunc("GET /metrics", s.loopback(s.serveMetrics))
	if s.Admin != nil {
		m.HandleFunc("GET /servers", s.adminOnly(func(w http.ResponseWriter, r *http.Request) { s.serveServers(w, r, p) }))
		m.HandleFunc("POST /servers/{kind}", s.adminOnly(s.serveAdd))
		m.HandleFunc("POST /servers/cameras/probe", s.adminOnly(s.serveProbe))
		m.HandleFunc("POST /servers/cameras/discover", s.adminOnly(s.serveDiscover))
		m.HandleFunc("PATCH /servers/{kind}/{name}", s.adminOnly(s.serveEdit))
		m.HandleFunc("DELETE /servers/{kind}/{name}", s.adminOnly(s.serveRemove))
	}
	m.HandleFunc("GET /wsb", s.serveSocket)
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
	return s.secure(h)
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
	for _, list := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(list, ",") {
			if s.Trunks != nil && strings.TrimSpace(p) == s.TrunkProtocol {
				s.Trunks.ServeHTTP(w, r)
				return
			}
		}
	}
	s.Signal.ServeHTTP(w, r)
}

// loopback lets only programs on this machine in.
func (s *Server) loopback(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.Gate.Client(r).Loopback() {
			http.Error(w, access.ErrNotLoopback.Error(), http.StatusForbidden)
			return
		}
		h(w, r)
	}
}

// secure sets the headers that every answer has, and turns plain requests to a
// TLS port away.
func (s *Server) secure(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy(r.Host))
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Permissions-Policy", permissions)
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		if plainOnTLSPort(r.Context()) && !(r.URL.Path == s.Prefix+"/healthz" && s.Gate.Client(r).Loopback()) {
			toHTTPS(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

const permissions = "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), " +
	"speaker-selection=(self), autoplay=(self), geolocation=(), usb=(), payment=()"

// policy is what a page may load: nothing from elsewhere, nothing inline. Some
// browsers do not take 'self' for WebSockets, so the host is named.
func policy(host string) string {
	sockets := ""
	if validHost(host) {
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
