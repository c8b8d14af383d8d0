package httpd

import (
	"encoding/json"
	"net/http"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"umbrella/internal/config"
)

// serversView is what the admin page shows. No secret is in it.
type serversView struct {
	NodeName string `json:"nodeName"`
	// URLs and Problems as umbrella.v1.Status has them.
	URLs     []string     `json:"urls"`
	Problems []string     `json:"problems"`
	NowMs    int64        `json:"nowMs"`
	Settings settingsView `json:"settings"`
	Trunks   []trunkView  `json:"trunks"`
	// Refused are trunks that came in and were turned down, the last ones, as
	// umbrella.v1.RefusedTrunk.
	Refused []json.RawMessage `json:"refused"`
	Cameras []cameraView      `json:"cameras"`
	Rooms   []roomView        `json:"rooms"`
	// OtherRooms says who may enter rooms without a section: "lan", "token" or "open".
	OtherRooms string `json:"otherRooms"`
	// Invitations are those that were made here, the newest first.
	Invitations []invitationView `json:"invitations"`
	// Login tells that the page is seen by way of a login, which can be ended.
	Login bool `json:"login"`
}

// settingsView tells of the file that the page changes.
type settingsView struct {
	File string `json:"file"`
	// Problem is why it cannot be changed; empty when it can.
	Problem string `json:"problem"`
}

// trunkView is one trunk of the settings.
type trunkView struct {
	Name        string   `json:"name"`
	Enabled     bool     `json:"enabled"`
	URL         string   `json:"url"`
	HasSecret   bool     `json:"hasSecret"`
	Fingerprint string   `json:"fingerprint"`
	CA          string   `json:"ca"`
	Rooms       []string `json:"rooms"`
	// Variables that go over the file; the trunk can be changed only there.
	Variables []string `json:"variables"`
	// Status is umbrella.v1.TrunkStatus; null while the trunk is not enabled.
	Status json.RawMessage `json:"status"`
}

// serveServers tells of trunks as a page or as JSON.
func (s *Server) serveServers(w http.ResponseWriter, r *http.Request, p *pages) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Accept")
	switch negotiate(strings.Join(r.Header.Values("Accept"), ","), "text/html", "application/json") {
	case "text/html":
		p.page(w, r, "servers.html")
	case "application/json":
		view, err := s.servers()
		if err == nil {
			view.Login = s.Gate.Admins != nil && s.Gate.Admins.Session(r)
		}
		if err != nil {
			http.Error(w, "the trunks, cameras and rooms cannot be told: "+err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, http.StatusOK, view)
	default:
		http.Error(w, "this is to be had as text/html or application/json", http.StatusNotAcceptable)
	}
}

func (s *Server) servers() (*serversView, error) {
	st := s.Status()
	v := &serversView{
		NodeName: st.NodeName, URLs: append([]string{}, st.Urls...), Problems: append([]string{}, st.Problems...), NowMs: st.NowMs, Trunks: []trunkView{}, Refused: []json.RawMessage{},
		Settings: settingsView{File: s.Admin.Source.Path(), Problem: s.Admin.problem()},
		Rooms:    roomViews(s.Admin.Config(), st), OtherRooms: s.Admin.Config().Main.Access.String(), Invitations: s.invitationViews(),
	}
	options := protojson.MarshalOptions{EmitDefaultValues: true}
	live := map[string]json.RawMessage{}
	for _, t := range st.Trunks {
		b, err := options.Marshal(t)
		if err != nil {
			return nil, err
		}
		live[t.Name] = b
	}
	for _, t := range st.RefusedTrunks {
		b, err := options.Marshal(t)
		if err != nil {
			return nil, err
		}
		v.Refused = append(v.Refused, b)
	}
	for _, b := range s.Admin.Config().Backhauls {
		if isPlaceholder(b) {
			continue
		}
		t := trunkView{
			Name: b.Section, Enabled: b.Enabled, URL: b.URL, HasSecret: b.Secret != "", Fingerprint: b.Fingerprint, CA: b.CA,
			Rooms: append([]string{}, b.Rooms...), Status: live[b.Section],
			Variables: append([]string{}, s.Admin.Source.Variables(config.TypeBackhaul, b.Section)...),
		}
		v.Trunks = append(v.Trunks, t)
	}
	var err error
	v.Cameras, err = s.cameras(st)
	return v, err
}

// isPlaceholder tells of a section that is no trunk yet, as the example file has
// one.
func isPlaceholder(b config.Backhaul) bool { return b.URL == "" && b.Secret == "" }

// answer sends JSON.
func answer(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "the answer cannot be written: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n'))
}
