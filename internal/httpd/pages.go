package httpd

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// pages are the files of the web client, as they are sent.
type pages struct {
	files map[string]*file // by path below the prefix, without ".gz"
}

// file is one of them.
type file struct {
	kind   string
	tag    string
	zipped []byte // nil where the file does not lie there gzipped
	plain  []byte // nil where it does: those few who need it wait for it
}

// maxFile bounds a file of the client when it is unpacked, in bytes.
const maxFile = 8 << 20

// loadPages reads the client. In its HTML, __BASE__ becomes the prefix and
// __CA_FINGERPRINT__ the CA's. A client that was never built is empty.
func loadPages(dist fs.FS, prefix, fingerprint string) (*pages, error) {
	p := &pages{files: map[string]*file{}}
	replace := strings.NewReplacer("__BASE__", prefix, "__CA_FINGERPRINT__", fingerprint)
	err := fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Base(name)[0] == '.' {
			return err
		}
		b, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		public, zipped := strings.CutSuffix(name, ".gz")
		f := &file{kind: contentType(public)}
		if zipped {
			f.zipped = b
		} else {
			f.plain = b
		}
		if path.Ext(public) == ".html" {
			html, err := f.unpack()
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			f.plain, f.zipped = []byte(replace.Replace(string(html))), nil
			if f.zipped, err = pack(f.plain); err != nil {
				return err
			}
			f.plain = nil
		}
		sum := sha256.Sum256(append(bytes.Clone(f.zipped), f.plain...))
		// Weak: the bytes differ with the encoding.
		f.tag = `W/"` + hex.EncodeToString(sum[:8]) + `"`
		p.files[public] = f
		return nil
	})
	return p, err
}

func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".webmanifest":
		return "application/manifest+json"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
		return "application/octet-stream"
	}
}

func pack(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (f *file) unpack() ([]byte, error) {
	if f.zipped == nil {
		return f.plain, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(f.zipped))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = errors.New("too large")
	}
	return b, err
}

// client sends the page of the web client, for every room the same.
func (p *pages) client(w http.ResponseWriter, r *http.Request) {
	p.page(w, r, "index.html")
}

func (p *pages) trust(w http.ResponseWriter, r *http.Request) {
	p.page(w, r, "trust.html")
}

func (p *pages) page(w http.ResponseWriter, r *http.Request, name string) {
	f := p.files[name]
	if f == nil {
		http.Error(w, "the web client was not built into this umbrellad: run `make build`", http.StatusNotFound)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	f.send(w, r)
}

// asset sends any other file. Those below assets/ have a hash in their name
// and never change.
func (p *pages) asset(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "there is nothing here to be changed", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	f := p.files[name]
	if f == nil || path.Ext(name) == ".html" {
		http.Error(w, "there is nothing here", http.StatusNotFound)
		return
	}
	if strings.HasPrefix(name, "assets/") {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		w.Header().Set("Cache-Control", "no-cache")
	}
	f.send(w, r)
}

func (f *file) send(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", f.tag)
	if matches(r, f.tag) {
		w.Header().Set("Content-Type", f.kind)
		w.Header().Add("Vary", "Accept-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	f.sendAs(w, r, http.StatusOK)
}

// sendAs sends the file with a status of its own, whatever the browser has.
func (f *file) sendAs(w http.ResponseWriter, r *http.Request, status int) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Add("Vary", "Accept-Encoding")
	b := f.zipped
	if b == nil || !acceptsGzip(r) {
		var err error
		if b, err = f.unpack(); err != nil {
			h.Del("ETag")
			h.Set("Cache-Control", "no-store")
			http.Error(w, "the file is damaged", http.StatusInternalServerError)
			return
		}
	} else {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b)
	}
}

// matches compares weakly with If-None-Match (RFC 9110 §13.1.2).
func matches(r *http.Request, tag string) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		part = strings.TrimSpace(part)
		if part == "*" || strings.TrimPrefix(part, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// acceptsGzip reads Accept-Encoding (RFC 9110 §12.5.3) as far as gzip goes.
func acceptsGzip(r *http.Request) bool {
	accepts := false
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, q := weighted(part)
		switch name {
		case "gzip":
			return q > 0
		case "*":
			accepts = q > 0
		}
	}
	return accepts
}

// weighted reads one entry of an Accept header: its name and its q, 1 where
// none is given.
func weighted(part string) (name string, q float64) {
	name, params, _ := strings.Cut(part, ";")
	q = 1
	for p := range strings.SplitSeq(params, ";") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(p), "q="); ok {
			if f, err := strconv.ParseFloat(v, 64); err == nil {
				q = f
			}
		}
	}
	return strings.ToLower(strings.TrimSpace(name)), q
}
