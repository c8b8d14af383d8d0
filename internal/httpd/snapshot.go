package httpd

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"umbrella/internal/access"
	"umbrella/internal/bound"
	"umbrella/internal/config"
)

// Snapshots are still pictures of the node's cameras. All fields are set.
type Snapshots struct {
	// Room of a camera; false where there is no such camera.
	Room func(camera string) (room string, ok bool)
	// Take gives a JPEG of a camera. Its errors are in words, for whoever may see it.
	Take func(ctx context.Context, camera string) ([]byte, error)
	// Status gives the HTTP status for an error of Take.
	Status func(error) int
}

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
	if !jpg || !config.ValidRoomName(name) { // nor is it the name of a camera
		http.Error(w, access.ErrNoCamera.Error(), http.StatusNotFound)
		return
	}
	room, ok := s.Snapshots.Room(name)
	if s.Gate.AdmitAdmin(r) != nil {
		if err := s.Gate.AdmitSnapshot(r, name, room, access.BearerOf(r)); err != nil {
			s.refusedSnapshot(r, err)
			http.Error(w, access.ErrNoCamera.Error(), http.StatusNotFound)
			return
		}
	}
	if !ok {
		http.Error(w, access.ErrNoCamera.Error(), http.StatusNotFound)
		return
	}
	picture, err := s.Snapshots.Take(r.Context(), name)
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
