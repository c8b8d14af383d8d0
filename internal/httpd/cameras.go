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
	// URL and Substream have an ellipsis where they have secrets; what has one
	// and comes back keeps them.
	URL       string `json:"url"`
	Substream string `json:"substream"`
	Transport string `json:"transport"`
	Room      string `json:"room"`
	Audio     bool   `json:"audio"`
	OnDemand  bool   `json:"onDemand"`
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
		list = append(list, cameraView{
			Name: c.Section, Enabled: c.Enabled, Title: c.Name, URL: config.RedactURL(c.URL), Substream: config.RedactURL(c.Substream),
			Transport: c.Transport.String(), Room: c.Room, Audio: c.Audio, OnDemand: c.OnDemand, Status: live[c.Section],
			Variables: append([]string{}, s.Admin.Source.Variables(config.TypeCamera, c.Section)...),
		})
	}
	return list, nil
}

const redaction = "…"

// keepSecrets puts the secrets of a stored URL where a text has an ellipsis for
// them. They go to no other host than theirs.
func keepSecrets(text, stored string) (string, error) {
	if !strings.Contains(text, redaction) {
		return text, nil
	}
	if text == config.RedactURL(stored) {
		return stored, nil
	}
	scheme, rest, _ := strings.Cut(stored, "://")
	user, place, ok := cutLast(rest, "@")
	_, asked, has := strings.Cut(text, "://"+redaction+"@")
	if ok && has && !strings.Contains(asked, redaction) && hostOf(asked) == hostOf(place) && strings.HasPrefix(text, scheme+":") {
		return scheme + "://" + user + "@" + asked, nil
	}
	return "", errors.New("write the user and the password anew: … stands for them only while the rest is as it was")
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

// keepCameraSecrets is keepSecrets for all URLs of a change.
func (a *Admin) keepCameraSecrets(c *change) error {
	for option, values := range c.Options {
		if option != "url" && option != "substream" {
			continue
		}
		for i, text := range values {
			kept, err := a.keep(c.Name, option, text)
			if err != nil {
				no := refuse(http.StatusUnprocessableEntity, "not saved")
				no.Problems = []optionProblem{{option, err.Error()}}
				return no
			}
			values[i] = kept
		}
	}
	return nil
}

func (a *Admin) keep(name, option, text string) (string, error) {
	stored := ""
	for _, c := range a.Config().Cameras {
		if c.Section == name {
			stored = c.URL
			if option == "substream" {
				stored = c.Substream
			}
		}
	}
	return keepSecrets(text, stored)
}

// look is the body of a request to look at cameras.
type look struct {
	// Name of the camera of the settings whose secrets the URL may leave out.
	Name string `json:"name"`
	// Option that the URL is of: "url" or "substream".
	Option string `json:"option"`
	URL    string `json:"url"`

	User     string `json:"user"`
	Password string `json:"password"`
}

func (s *Server) serveProbe(w http.ResponseWriter, r *http.Request) {
	s.serveLook(w, r, func(ctx context.Context, l *look) (any, error) {
		url, err := s.Admin.keep(l.Name, l.Option, l.URL)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc([]string{"rtsp://", "rtsps://"}, func(p string) bool { return strings.HasPrefix(url, p) }) {
			return nil, errors.New("the address of a camera begins with rtsp:// or rtsps://")
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
	if err != nil {
		answer(w, http.StatusUnprocessableEntity, complaint{Error: err.Error()})
		return
	}
	answer(w, http.StatusOK, v)
}
