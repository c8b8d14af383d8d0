package httpd

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"umbrella/internal/access"
	"umbrella/internal/duration"
	"umbrella/internal/names"
)

// invitation is the body of a request for one.
type invitation struct {
	Room   string   `json:"room"`
	Name   string   `json:"name"`
	Rights []string `json:"rights"`
	// For is how long it holds, such as "7d"; without it Hours counts.
	For   string `json:"for"`
	Hours int    `json:"hours"`
	Once  bool   `json:"once"`
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
	in.Room = strings.TrimSpace(in.Room)
	problems, holds := in.problems()
	if len(problems) > 0 {
		var texts []string
		for _, p := range problems {
			texts = append(texts, p.Text)
		}
		answer(w, http.StatusUnprocessableEntity, complaint{strings.Join(texts, "; "), problems})
		return
	}
	claims := access.Claims{Room: in.Room, Name: in.Name, Rights: in.Rights, Once: in.Once, By: "an admin"}
	if err := claims.Check(); err != nil {
		answer(w, http.StatusUnprocessableEntity, complaint{Error: err.Error()})
		return
	}
	in.Room = claims.Room
	token, err := s.Gate.Tokens.Mint(claims, holds)
	if err != nil {
		answer(w, http.StatusUnprocessableEntity, complaint{Error: err.Error()})
		return
	}
	s.Log.Info("an invitation was made", "room", in.Room, "rights", strings.Join(in.Rights, " "), "holds", holds, "address", s.Gate.Client(r).Addr)
	// After '#': no server and no log on the way sees it.
	answer(w, http.StatusCreated, invited{
		URL: s.base(r) + "/sfu/" + url.PathEscape(in.Room) + "#token=" + token, Expires: time.Now().Add(holds).Truncate(time.Second),
	})
}

// problems tells all that is wrong with what was asked for, by its field, and how long the
// invitation holds.
func (in *invitation) problems() (list []optionProblem, holds time.Duration) {
	const aRoom = "room" // stands in for the room, where that is not what is looked at
	for _, field := range []struct {
		name   string
		claims access.Claims
	}{
		{"room", access.Claims{Room: in.Room}},
		{"name", access.Claims{Room: aRoom, Name: in.Name}},
		{"rights", access.Claims{Room: aRoom, Rights: in.Rights}},
	} {
		err := field.claims.Check()
		if field.name == "room" && in.Room == access.AnyRoom {
			err = names.ErrRoom
		}
		if err != nil {
			list = append(list, optionProblem{field.name, err.Error()})
		}
	}
	if in.For != "" {
		var err error
		if holds, err = duration.Parse(in.For); err != nil {
			list = append(list, optionProblem{"for", err.Error()})
			return list, 0
		}
	} else {
		holds = time.Duration(max(min(in.Hours, int(access.LongestToken/time.Hour)+1), 0)) * time.Hour
	}
	if holds < time.Second || holds > access.LongestToken {
		field := "hours"
		if in.For != "" {
			field = "for"
		}
		list = append(list, optionProblem{field, "an invitation holds from a second to ten years"})
	}
	return list, holds
}

// invitationView is one invitation that holds, or was revoked and has not ended.
type invitationView struct {
	ID      string     `json:"id"`
	Room    string     `json:"room"`
	Name    string     `json:"name"`
	Rights  []string   `json:"rights"`
	Once    bool       `json:"once"`
	By      string     `json:"by"`
	Made    time.Time  `json:"made"`
	Ends    time.Time  `json:"ends"`
	Used    *time.Time `json:"used"`
	Revoked *time.Time `json:"revoked"`
}

// maxInvitationsShown are told of to the admin page, the newest ones.
const maxInvitationsShown = 500

func (s *Server) invitationViews() []invitationView {
	views := []invitationView{}
	if s.Gate.Tokens == nil {
		return views
	}
	when := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	list := s.Gate.Tokens.Invitations()
	for _, i := range list[:min(len(list), maxInvitationsShown)] {
		rights := i.Rights
		if len(rights) == 0 {
			rights = []string{access.RightPublish, access.RightSubscribe}
		}
		views = append(views, invitationView{
			ID: i.ID, Room: i.Room, Name: i.Name, Rights: rights, Once: i.Once, By: i.By, Made: i.Made, Ends: i.Ends,
			Used: when(i.Used), Revoked: when(i.Revoked),
		})
	}
	return views
}

// serveRevoke ends an invitation.
func (s *Server) serveRevoke(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	i, err := s.Gate.Tokens.Revoke(r.PathValue("id"))
	switch {
	case errors.Is(err, access.ErrNoInvitation):
		answer(w, http.StatusNotFound, complaint{Error: err.Error()})
		return
	case err != nil:
		answer(w, http.StatusInternalServerError, complaint{Error: err.Error()})
		return
	}
	s.Log.Info("an invitation was revoked", "id", i.ID, "room", i.Room, "address", s.Gate.Client(r).Addr)
	out := outcome{Name: i.ID}
	if err := s.Gate.Tokens.NotKept(); err != nil {
		out.Problem = "the invitation is revoked until the next start only: " + err.Error()
	}
	answer(w, http.StatusOK, out)
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
