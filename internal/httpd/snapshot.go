package httpd

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"umbrella/internal/access"
)

// Snapshots are still pictures of the node's cameras. All fields are set.
type Snapshots struct {
	// Admit says whether a request may enter a room and what to do there, and
	// Refusal which HTTP status an error of it is.
	Admit   func(r *http.Request, room string, c access.Credentials) (access.Grant, error)
	Refusal func(error) int
	// Room of a camera; false where there is no such camera.
	Room func(camera string) (room string, ok bool)
	// Take gives a JPEG of a camera. Its errors are in words, for anybody.
	Take func(ctx context.Context, camera string) ([]byte, error)
}

// serveSnapshot answers GET /snapshot/CAMERA.jpg to admins, and to who may watch
// in the camera's room.
func (s *Server) serveSnapshot(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	name, jpg := strings.CutSuffix(r.PathValue("file"), ".jpg")
	room, ok := s.Snapshots.Room(name)
	if !jpg || !ok {
		http.Error(w, "there is no camera of that name; its snapshot is /snapshot/NAME.jpg", http.StatusNotFound)
		return
	}
	if s.Gate.AdmitAdmin(r) != nil {
		grant, err := s.Snapshots.Admit(r, room, access.BearerOf(r))
		if err == nil && !grant.Subscribe {
			err = access.ErrNotAllowed
		}
		if err != nil {
			if quiet, ok := s.refusals.Allow(time.Now()); ok {
				s.Log.Info("not let in", "path", r.URL.Path, "address", s.Gate.Address(r), "reason", err, "left_out", quiet)
			}
			access.Refuse(w, err, s.Snapshots.Refusal(err))
			return
		}
	}
	picture, err := s.Snapshots.Take(r.Context(), name)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Content-Length", strconv.Itoa(len(picture)))
	_, _ = w.Write(picture)
}
