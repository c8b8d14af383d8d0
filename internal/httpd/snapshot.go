package httpd

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"umbrella/internal/access"
	"umbrella/internal/bound"
)

// Snapshots are still pictures of cameras, of this node and of others that trunks lead
// to. All fields are set.
type Snapshots struct {
	// Find looks for a camera by its section, its name, or one of them with '@' and the
	// name of its node. It returns nil where there is none.
	Find func(name string) *Camera
	// Status gives the HTTP status for an error of Take.
	Status func(error) int
}

// Camera is one that may give a picture.
type Camera struct {
	Room string
	// Take gives a JPEG. Its errors are in words, for whoever may see the camera.
	Take func(ctx context.Context) ([]byte, error)
}

// maxCameraName is the longest name of a camera that is looked for, in bytes: one of 64
// characters, and that of a node.
const maxCameraName = 512

// serveSnapshot answers GET /snapshot/CAMERA.jpg to admins, and to those who may watch
// in the camera's room. Everybody else gets the same for each name, and no camera has
// to work for that.
func (s *Server) serveSnapshot(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Authorization, Cookie, Origin, Referer, Sec-Fetch-Site")
	if err := s.Gate.CheckEmbed(r); err != nil {
		s.refusedSnapshot(r, err)
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	name, jpg := strings.CutSuffix(r.PathValue("file"), ".jpg")
	if !jpg || name == "" || len(name) > maxCameraName || !utf8.ValidString(name) {
		http.Error(w, access.ErrNoCamera.Error(), http.StatusNotFound)
		return
	}
	room, camera := "", s.Snapshots.Find(name)
	if camera != nil {
		room = camera.Room
	}
	if s.Gate.AdmitAdmin(r) != nil {
		if err := s.Gate.AdmitSnapshot(r, name, room, access.BearerOf(r)); err != nil {
			s.refusedSnapshot(r, err)
			http.Error(w, access.ErrNoCamera.Error(), http.StatusNotFound)
			return
		}
	}
	if camera == nil {
		http.Error(w, access.ErrNoCamera.Error(), http.StatusNotFound)
		return
	}
	picture, err := camera.Take(r.Context())
	if err != nil {
		access.Refuse(w, err, s.Snapshots.Status(err))
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Content-Length", strconv.Itoa(len(picture)))
	_, _ = w.Write(picture)
}

// refusedSnapshot tells the log why somebody gets no snapshot.
func (s *Server) refusedSnapshot(r *http.Request, why error) {
	s.Log.Info("not let in", "path", bound.Text(r.URL.Path, maxShownPath), "address", s.Gate.Address(r), "reason", why)
}

// maxShownPath is how much of a path is logged, in bytes: all that a good one has.
const maxShownPath = 160
