package onvif

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

const jpegHead = "\xff\xd8\xff\xe0 and more"

// takes makes a camera offer snapshots at /snap, to who may have them.
func (c *camera) takes(picture string) {
	c.answers["GetSnapshotUri"] = soap(`<trt:GetSnapshotUriResponse><trt:MediaUri><tt:Uri>http://192.0.2.1/snap?of=TOKEN</tt:Uri></trt:MediaUri></trt:GetSnapshotUriResponse>`)
	c.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			c.ServeHTTP(w, r)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asked = append(c.asked, r.URL.String())
		if user, password, ok := r.BasicAuth(); ok && user == testUser && password == testPassword && len(c.digest) == 1 && strings.HasPrefix(c.digest[0], "Basic") {
			w.Write([]byte(picture))
			return
		}
		if !c.allows(r, nil) {
			c.challenge(w, r, false)
			return
		}
		w.Write([]byte(picture))
	})
}

func TestStill(t *testing.T) {
	for name, c := range map[string]struct {
		digest, path, picture string
		refuse                bool
		want                  error
		asks                  string
	}{
		"Digest":                 {digest: `Digest realm="x", nonce="NONCE", qop="auth"`, path: "/Streaming/Profile_2?transportmode=unicast&profile=Profile_2", picture: jpegHead, asks: "/snap?of=Profile_2"},
		"Basic":                  {digest: `Basic realm="x"`, path: "/else", picture: jpegHead, asks: "/snap?of=Profile_1"},
		"no JPEG":                {digest: `Digest realm="x", nonce="NONCE"`, path: "/", picture: "<html>", want: ErrNotJPEG},
		"too large":              {digest: `Digest realm="x", nonce="NONCE"`, path: "/", picture: jpegHead + strings.Repeat("x", maxStill), want: ErrStillTooLarge},
		"it offers none":         {digest: `Digest realm="x", nonce="NONCE"`, path: "/", refuse: true, want: ErrNoStill},
		"an unknown way to sign": {digest: `Negotiate`, path: "/", want: ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := plain()
			d := cam.device(t)
			cam.takes(c.picture)
			cam.digest = []string{c.digest}
			if c.refuse {
				delete(cam.answers, "GetSnapshotUri")
			}
			u, err := d.stillURL(t.Context(), testUser, testPassword, "rtsp://a:b@192.168.1.64:554"+c.path)
			if err == nil {
				if !strings.HasPrefix(u.String(), "http://"+d.Address+"/snap?") {
					t.Fatalf("it is led to %s", u)
				}
				var got []byte
				got, err = d.fetch(t.Context(), u, testUser, testPassword)
				if c.want == nil && string(got) != c.picture {
					t.Errorf("%q", got)
				}
			}
			if !errors.Is(err, c.want) {
				t.Errorf("%v", err)
			}
			if last := cam.asked[len(cam.asked)-1]; c.asks != "" && last != c.asks {
				t.Errorf("it was asked for %s", last)
			}
		})
	}
}

func TestStillOfARecorder(t *testing.T) {
	profiles := []Profile{
		{Token: "1", Source: "a", Codec: "H264", Width: 640, URL: "rtsp://192.168.1.2/1"},
		{Token: "2", Source: "b", Codec: "H264", Width: 640, URL: "rtsp://192.168.1.2/2?x"},
	}
	if p, err := sends(profiles, "rtsp://u:p@recorder:554/2?x"); err != nil || p.Token != "2" {
		t.Errorf("%v, %v", p, err)
	}
	if _, err := sends(profiles, "rtsp://u:p@recorder:554/3"); !errors.Is(err, ErrNoStill) {
		t.Errorf("%v", err)
	}
}

func TestStillStaysInTheNetwork(t *testing.T) {
	for _, stream := range []string{"rtsp://127.0.0.1/x", "rtsp://[::1]:554/x", "rtsp://203.0.113.1/x", "rtsp://localhost:1/"} {
		s := &Still{Stream: stream}
		if _, err := s.Take(t.Context()); !errors.Is(err, ErrNotLocal) {
			t.Errorf("%s: %v", stream, err)
		}
	}
}

func TestCredentials(t *testing.T) {
	for stream, want := range map[string]string{
		"rtsp://admin:p%40ss@cam/x": "admin p@ss", "rtsp://admin:a@b@cam/x@y": "admin a@b", "rtsp://cam/x@y": " ", "rtsp://admin@cam": "admin ", "": " ",
	} {
		user, password := credentials(stream)
		if got := user + " " + password; got != want {
			t.Errorf("%s: %q", stream, got)
		}
	}
}
