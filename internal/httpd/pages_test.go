package httpd

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const home = "127.0.0.1:9"

func TestEncodings(t *testing.T) {
	h := handler(t, newServer(t, "", nil))
	for accept, packed := range map[string]bool{
		"":                            false,
		"gzip":                        true,
		"gzip, deflate, br, zstd":     true,
		"br;q=1.0, GZIP;q=0.8, *;q=0": true,
		"*":                           true,
		"*;q=0.5":                     true,
		"br, *;q=0":                   false,
		"identity":                    false,
		"gzip;q=0":                    false,
		"gzip;q=0, *":                 false,
		"*, gzip;q=0.0":               false,
		"gzip;q=":                     true,
		"xgzip":                       false,
		";;,,;q=1":                    false,
	} {
		for path, want := range map[string]string{"/assets/app-abc.js": script, "/sfu": "<base href=\"/\"><title>call</title>"} {
			for _, method := range []string{"GET", "HEAD"} {
				w := ask(h, method, home, path, "Accept-Encoding", accept)
				if w.Code != http.StatusOK {
					t.Fatalf("%q: %d", accept, w.Code)
				}
				got := w.Header().Get("Content-Encoding")
				if (got == "gzip") != packed || !packed && got != "" {
					t.Errorf("%s with %q: encoded as %q", path, accept, got)
				}
				if w.Header().Get("Vary") != "Accept-Encoding" {
					t.Errorf("%s: Vary is %q", path, w.Header().Get("Vary"))
				}
				n, err := strconv.Atoi(w.Header().Get("Content-Length"))
				if method == "HEAD" {
					if w.Body.Len() != 0 || err != nil || n == 0 {
						t.Errorf("HEAD %s: %d bytes, Content-Length %d, %v", path, w.Body.Len(), n, err)
					}
					continue
				}
				if err != nil || n != w.Body.Len() {
					t.Errorf("%s: %d bytes, Content-Length %d, %v", path, w.Body.Len(), n, err)
				}
				var body io.Reader = w.Body
				if packed {
					if body, err = gzip.NewReader(w.Body); err != nil {
						t.Fatal(err)
					}
				}
				if b, err := io.ReadAll(body); err != nil || string(b) != want {
					t.Errorf("%s with %q: %q, %v", path, accept, b, err)
				}
			}
		}
	}
	// What does not lie there gzipped is sent as it is.
	if w := ask(h, "GET", home, "/assets/icon-abc.png", "Accept-Encoding", "gzip"); w.Header().Get("Content-Encoding") != "" || w.Body.String() != "\x89PNG" {
		t.Errorf("%q as %q", w.Body, w.Header().Get("Content-Encoding"))
	}
}

func TestCaching(t *testing.T) {
	h := handler(t, newServer(t, "", nil))
	tags := map[string]string{}
	for path, control := range map[string]string{
		"/sfu":               "no-cache",
		"/sfu/attic":         "no-cache",
		"/robots.txt":        "no-cache",
		"/assets/app-abc.js": "public, max-age=31536000, immutable",
	} {
		first := ask(h, "GET", home, path)
		tag := first.Header().Get("ETag")
		// One tag for two encodings has to be a weak one.
		if first.Code != http.StatusOK || !strings.HasPrefix(tag, `W/"`) || first.Header().Get("Cache-Control") != control {
			t.Errorf("%s: %d, tag %s, %s", path, first.Code, tag, first.Header().Get("Cache-Control"))
		}
		tags[path] = tag
		for match, want := range map[string]int{
			tag:                              http.StatusNotModified,
			strings.TrimPrefix(tag, "W/"):    http.StatusNotModified,
			`"other", ` + tag:                http.StatusNotModified,
			"*":                              http.StatusNotModified,
			`"other"`:                        http.StatusOK,
			tag[:len(tag)-2] + `"`:           http.StatusOK,
			"":                               http.StatusOK,
			strings.ReplaceAll(tag, `"`, ""): http.StatusOK,
		} {
			for _, method := range []string{"GET", "HEAD"} {
				w := ask(h, method, home, path, "If-None-Match", match, "Accept-Encoding", "gzip")
				if w.Code != want {
					t.Errorf("%s %s with %s: %d, want %d", method, path, match, w.Code, want)
				}
				if want == http.StatusNotModified && (w.Body.Len() > 0 || w.Header().Get("ETag") != tag || w.Header().Get("Cache-Control") != control) {
					t.Errorf("%s with %s: %v %q", path, match, w.Header(), w.Body)
				}
				checkHeaders(t, w.Header())
			}
		}
	}
	if tags["/sfu"] == tags["/robots.txt"] || tags["/sfu"] != tags["/sfu/attic"] {
		t.Errorf("tags are %v", tags)
	}
	// The prefix stands in the page: under another one it is another page.
	if w := ask(handler(t, newServer(t, "/u", nil)), "GET", home, "/u/sfu"); w.Header().Get("ETag") == tags["/sfu"] {
		t.Error("the same tag for another page")
	}
}

func TestLoadPagesRefuses(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	if _, err := w.Write(make([]byte, maxFile+1)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	cut := zipped(t, "<title>call</title>").Data
	for name, data := range map[string][]byte{
		"empty": nil, "garbage": []byte("<html>"), "cut": cut[:len(cut)-6], "too large": bomb.Bytes(),
	} {
		_, err := loadPages(fstest.MapFS{"a/index.html.gz": {Data: data}}, "", "")
		if err == nil || !strings.HasPrefix(err.Error(), "a/index.html.gz: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A script is unpacked only for who needs it; then the damage shows.
	s := newServer(t, "", nil)
	s.Assets = fstest.MapFS{"assets/app.js.gz": {Data: []byte("garbage")}}
	h := handler(t, s)
	got := ask(h, "GET", home, "/assets/app.js")
	if got.Code != http.StatusInternalServerError || !strings.Contains(got.Body.String(), "damaged") ||
		got.Header().Get("ETag") != "" || strings.Contains(got.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("%d %v %s", got.Code, got.Header(), got.Body)
	}
}
