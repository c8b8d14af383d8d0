package httpd

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"umbrella/internal/config"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// Looker looks at cameras. What it returns becomes JSON, and has no secret in
// it.
type Looker interface {
	// Probe tells what a camera sends.
	Probe(ctx context.Context, url string) (any, error)
	// Discover finds cameras on the local network and asks them for their
	// streams; without a user it does not ask.
	Discover(ctx context.Context, user, password string) (any, error)
}

// cameraView is one camera of the settings.
type cameraView struct {
	Name    string `json:"name"` // of the section
	Enabled bool   `json:"enabled"`
	Title   string `json:"title"` // what people see
	// URL and Substream are without the user and the password of URL, and have an
	// ellipsis where they have other secrets; what has one and comes back keeps them.
	URL       string `json:"url"`
	Substream string `json:"substream"`
	// User of the addresses; there may be none.
	User        string `json:"user"`
	HasPassword bool   `json:"hasPassword"`
	Transport   string `json:"transport"`
	Room        string `json:"room"`
	Audio       bool   `json:"audio"`
	OnDemand    bool   `json:"onDemand"`
	// Variables that go over the file; the camera can be changed only there.
	Variables []string `json:"variables"`
	// Status is umbrella.v1.CameraStatus; null while the camera is not enabled.
	Status json.RawMessage `json:"status"`
}

func (s *Server) cameras(st *umbrellav1.Status) ([]cameraView, error) {
	live := map[string]json.RawMessage{}
	for _, c := range st.Cameras {
		b, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(c)
		if err != nil {
			return nil, err
		}
		live[c.Id] = b
	}
	list := []cameraView{}
	for _, c := range s.Admin.Config().Cameras {
		main := apart(c.URL)
		list = append(list, cameraView{
			Name: c.Section, Enabled: c.Enabled, Title: c.Name, URL: shownAddress(c.URL, main), Substream: shownAddress(c.Substream, main),
			User: main.user, HasPassword: main.password != "", Transport: c.Transport.String(), Room: c.Room, Audio: c.Audio, OnDemand: c.OnDemand, Status: live[c.Section],
			Variables: append([]string{}, s.Admin.Source.Variables(config.TypeCamera, c.Section)...),
		})
	}
	return list, nil
}

// look is the body of a request to look at cameras.
type look struct {
	// Name of the camera of the settings whose secrets the URL may leave out.
	Name string `json:"name"`
	// Option that the URL is of: "url" or "substream".
	Option string `json:"option"`
	URL    string `json:"url"`
	// Credentials as of a change.
	Credentials *credentials `json:"credentials"`

	// User and Password are those with which cameras are looked for.
	User     string `json:"user"`
	Password string `json:"password"`
}

func (s *Server) serveProbe(w http.ResponseWriter, r *http.Request) {
	s.serveLook(w, r, func(ctx context.Context, l *look) (any, error) {
		c := &change{Options: map[string]texts{"url": {l.URL}}, Credentials: l.Credentials}
		stored := cameraOf(s.Admin.Config(), l.Name)
		if l.Option == "substream" {
			stored.URL = stored.Substream
		}
		if problems := fillAddresses(c, stored); len(problems) > 0 {
			no := refuse(http.StatusUnprocessableEntity, "the camera was not looked at")
			no.Problems = problems
			return nil, no
		}
		url := first(c.Options["url"])
		if !slices.ContainsFunc([]string{"rtsp://", "rtsps://"}, func(p string) bool { return strings.HasPrefix(strings.ToLower(url), p) }) {
			no := refuse(http.StatusUnprocessableEntity, "the camera was not looked at")
			no.Problems = []optionProblem{{l.Option, "the address of a camera begins with rtsp:// or rtsps://"}}
			return nil, no
		}
		return s.Admin.Looker.Probe(ctx, url)
	})
}

func (s *Server) serveDiscover(w http.ResponseWriter, r *http.Request) {
	s.serveLook(w, r, func(ctx context.Context, l *look) (any, error) {
		return s.Admin.Looker.Discover(ctx, l.User, l.Password)
	})
}

func (s *Server) serveLook(w http.ResponseWriter, r *http.Request, do func(context.Context, *look) (any, error)) {
	w.Header().Set("Cache-Control", "no-store")
	l := &look{}
	if no := readBody(w, r, l); no != nil {
		answer(w, no.code, no.complaint)
		return
	}
	v, err := do(r.Context(), l)
	if no, ok := errors.AsType[*refusal](err); ok {
		answer(w, no.code, no.complaint)
		return
	}
	if err != nil {
		answer(w, http.StatusUnprocessableEntity, complaint{Error: err.Error()})
		return
	}
	answer(w, http.StatusOK, v)
}
