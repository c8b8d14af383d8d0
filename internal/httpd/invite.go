package httpd

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"umbrella/internal/access"
)

// invitation is the body of a request for one.
type invitation struct {
	Room   string   `json:"room"`
	Name   string   `json:"name"`
	Rights []string `json:"rights"`
	Hours  int      `json:"hours"`
	Once   bool     `json:"once"`
}

// invited is the answer.
type invited struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires"`
}

// serveInvite makes an invitation: a link to a room with a token in it.
func (s *Server) serveInvite(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	var in invitation
	if no := readBody(w, r, &in); no != nil {
		answer(w, no.code, no.complaint)
		return
	}
	if in.Room == access.AnyRoom {
		answer(w, http.StatusUnprocessableEntity, complaint{Error: access.ErrRoomName.Error()})
		return
	}
	hours := max(min(in.Hours, int(access.LongestToken/time.Hour)+1), 0)
	holds := time.Duration(hours) * time.Hour
	token, err := s.Gate.Tokens.Mint(access.Claims{Room: in.Room, Name: in.Name, Rights: in.Rights, Once: in.Once}, holds)
	if err != nil {
		answer(w, http.StatusUnprocessableEntity, complaint{Error: err.Error()})
		return
	}
	s.Log.Info("an invitation was made", "room", in.Room, "rights", strings.Join(in.Rights, " "), "holds", holds, "address", s.Gate.Client(r).Addr)
	// After '#': no server and no log on the way sees it.
	answer(w, http.StatusCreated, invited{
		URL: s.base(r) + "/sfu/" + in.Room + "#token=" + token, Expires: time.Now().Add(holds).Truncate(time.Second),
	})
}

// base is where people reach this server as whoever sent the request did, or, for
// one who is on this machine, as others do.
func (s *Server) base(r *http.Request) string {
	host := s.Gate.Host(r)
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	addr, _ := netip.ParseAddr(strings.Trim(name, "[]"))
	if urls := s.URLs(); (addr.IsLoopback() || name == "localhost" || !validHost(host)) && len(urls) > 0 {
		return strings.TrimSuffix(urls[0], "/sfu")
	}
	scheme := "http"
	if s.Gate.OverTLS(r) {
		scheme = "https"
	}
	return scheme + "://" + host + s.Prefix
}
