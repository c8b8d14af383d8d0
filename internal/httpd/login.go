package httpd

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"umbrella/internal/access"
	"umbrella/internal/password"
)

// adminOnly lets in only who may see the live state and change the settings. A
// browser of somebody else gets a page to log in on.
func (s *Server) adminOnly(p *pages, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := s.Gate.AdmitAdmin(r)
		if err == nil {
			h(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Vary", "Accept")
		status := http.StatusForbidden
		if errors.Is(err, access.ErrNotAdmin) {
			status = http.StatusUnauthorized
			w.Header().Set("WWW-Authenticate", `Bearer realm="umbrella"`)
		}
		kind := negotiate(strings.Join(r.Header.Values("Accept"), ","), "text/html", "application/json", "text/plain")
		switch {
		case kind == "text/html" && status == http.StatusUnauthorized && r.Method == http.MethodGet && p.files["login.html"] != nil:
			p.files["login.html"].sendAs(w, r, status)
		case kind == "application/json":
			answer(w, status, complaint{Error: err.Error()})
		default:
			http.Error(w, err.Error(), status)
		}
	}
}

// me is what the one who asks may do, for pages that lead to others.
type me struct {
	// Admin tells that /status and /servers would be shown.
	Admin bool `json:"admin"`
	// Login tells that the admin's password would help.
	Login bool `json:"login"`
}

// serveMe tells a page which of the others to name.
func (s *Server) serveMe(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	err := s.Gate.AdmitAdmin(r)
	answer(w, http.StatusOK, me{Admin: err == nil, Login: errors.Is(err, access.ErrNotAdmin) && s.Gate.Admins != nil})
}

// serveLogin begins an admin's session.
func (s *Server) serveLogin(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if err := s.Gate.CheckOrigin(r); err != nil {
		answer(w, http.StatusForbidden, complaint{Error: err.Error()})
		return
	}
	var body struct {
		Password string `json:"password"`
	}
	if no := readJSON(w, r, &body, maxLogin); no != nil {
		answer(w, no.code, no.complaint)
		return
	}
	client := s.Gate.Client(r)
	cookie, err := s.Gate.Admins.Login(client, body.Password)
	if err != nil {
		status := http.StatusUnauthorized
		if later, ok := errors.AsType[*access.TryLaterError](err); ok {
			status = http.StatusTooManyRequests
			w.Header().Set("Retry-After", strconv.Itoa(int(later.After/time.Second)))
		} else if errors.Is(err, password.ErrBusy) {
			status = http.StatusTooManyRequests
		}
		s.Log.Warn("a login failed", "address", client.Addr, "reason", err)
		answer(w, status, complaint{Error: err.Error()})
		return
	}
	s.Log.Info("an admin has logged in", "address", client.Addr)
	s.setCookie(w, r, cookie, int(access.SessionLife/time.Second))
	w.WriteHeader(http.StatusNoContent)
}

// serveLogout ends it.
func (s *Server) serveLogout(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if err := s.Gate.CheckOrigin(r); err != nil {
		answer(w, http.StatusForbidden, complaint{Error: err.Error()})
		return
	}
	s.Gate.Admins.Logout(r)
	s.setCookie(w, r, "", -1)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) setCookie(w http.ResponseWriter, r *http.Request, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: access.SessionCookie, Value: value, Path: s.Prefix + "/", MaxAge: age,
		Secure: s.Gate.OverTLS(r), HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}
