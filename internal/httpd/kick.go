package httpd

import (
	"net/http"

	"umbrella/internal/access"
)

// Kicks sends participants away. All fields are set.
type Kicks struct {
	// Do sends somebody away from a room, by id or name. Its errors are in words.
	Do func(room, who string) (Kicked, error)
	// Status gives the HTTP status for an error of Do.
	Status func(error) int
}

// Kicked is who was sent away.
type Kicked struct {
	Room string `json:"room"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

// serveKick answers DELETE /rooms/ROOM/participants/WHO.
func (s *Server) serveKick(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	gone, err := s.Kicks.Do(r.PathValue("room"), r.PathValue("who"))
	if err != nil {
		access.Refuse(w, err, s.Kicks.Status(err))
		return
	}
	answer(w, http.StatusOK, gone)
}
