package whip_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"
)

// Pages of another origin may come if the settings name it, or by what they bring
// themselves. What their visitor's browser or network adds counts for nothing.
func TestPagesElsewhere(t *testing.T) {
	n := startNode(t)
	sdp := func() string {
		pc := newConnection(t)
		if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo); err != nil {
			t.Fatal(err)
		}
		return offer(t, pc, false)
	}
	const named, other = "https://player.example.org", "https://evil.example"
	for _, c := range []struct {
		name, origin, room string
		header             []string
		want               int
	}{
		{"one that the settings name", named, "main", nil, 201},
		{"one that the settings name, with a password", named, "locked", []string{"Authorization", "Bearer sesame"}, 201},
		{"another one", other, "main", nil, 403},
		{"another one, with the password", other, "locked", []string{"Authorization", "Bearer sesame"}, 201},
		{"another one, with a wrong password", other, "locked", []string{"Authorization", "Bearer open"}, 401},
		{"another one, with a password to a room that has none", other, "main", []string{"Authorization", "Bearer x"}, 401},
		{"another one, with an empty bearer", other, "main", []string{"Authorization", "Bearer "}, 403},
		{"one that the settings name, with an admin's cookie", named, "admins", []string{"Cookie", "session=x"}, 401},
		{"a page from a file, with the password", "null", "locked", []string{"Authorization", "Bearer sesame"}, 201},
	} {
		for _, protocol := range []string{"whip", "whep"} {
			resp, body := n.do(t, "POST", "/"+protocol+"/"+c.room, "application/sdp", sdp(), append(c.header, "Origin", c.origin)...)
			if resp.StatusCode != c.want {
				t.Errorf("%s: %s, want %d: %.200s", c.name, resp.Status, c.want, body)
			}
			allowed := resp.Header.Get("Access-Control-Allow-Origin")
			if want := c.want != 403; (allowed == c.origin) != want || resp.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s: allowed is %q", c.name, allowed)
			}
			if c.want != 201 {
				continue
			}
			exposed := strings.Split(resp.Header.Get("Access-Control-Expose-Headers"), ", ")
			for _, name := range []string{"Location", "Link", "ETag", "Accept-Patch"} {
				if !slices.Contains(exposed, name) {
					t.Errorf("%s: %s is not exposed", c.name, name)
				}
			}
			location := resp.Header.Get("Location")
			if resp, _ := n.do(t, "OPTIONS", location, "", "", "Origin", c.origin, "Access-Control-Request-Method", "DELETE"); resp.StatusCode != http.StatusNoContent ||
				!strings.Contains(resp.Header.Get("Access-Control-Allow-Methods"), "DELETE") {
				t.Errorf("%s: before DELETE: %s, %v", c.name, resp.Status, resp.Header)
			}
			if resp, _ := n.do(t, "DELETE", location, "", "", "Origin", c.origin); resp.StatusCode != http.StatusOK {
				t.Errorf("%s: DELETE: %s", c.name, resp.Status)
			}
		}
	}
	for _, c := range []struct {
		name, origin, headers string
		want                  int
	}{
		{"one that the settings name", named, "content-type", 204},
		{"another one that sends a token", other, "authorization, content-type", 204},
		{"another one that sends none", other, "content-type", 403},
	} {
		resp, _ := n.do(t, "OPTIONS", "/whep/main", "", "", "Origin", c.origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", c.headers)
		if resp.StatusCode != c.want || (resp.Header.Get("Access-Control-Allow-Headers") != "") != (c.want == 204) {
			t.Errorf("preflight of %s: %s, %v", c.name, resp.Status, resp.Header)
		}
	}
}
