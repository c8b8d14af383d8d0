package httpd

import (
	"umbrella/internal/config"
	"umbrella/internal/password"
	umbrellav1 "umbrella/proto/umbrella/v1"
)

// roomView is one room of the settings.
type roomView struct {
	Name   string `json:"name"`
	Access string `json:"access"`
	// HasPassword says that one is stored. It is never shown.
	HasPassword bool `json:"hasPassword"`
	// MaxParticipants is 0 where there is no limit.
	MaxParticipants int `json:"maxParticipants"`
	// Participants are how many are in it now.
	Participants int `json:"participants"`
}

func roomViews(cfg *config.Config, st *umbrellav1.Status) []roomView {
	in := map[string]int{}
	for _, r := range st.GetRooms() {
		in[r.Name] = len(r.Participants)
	}
	views := []roomView{}
	for _, r := range cfg.Rooms {
		views = append(views, roomView{
			Name: r.Name, Access: r.Access.String(), HasPassword: r.Password != "", MaxParticipants: r.MaxParticipants, Participants: in[r.Name],
		})
	}
	return views
}

// fillRoom has a password be stored as a hash, and a password that is not asked for any
// more be forgotten.
func fillRoom(c *change, cfg *config.Config, section string) []optionProblem {
	if access, ok := c.Options["access"]; ok && first(access) != config.AccessPassword.String() {
		if first(c.Options["password"]) != "" {
			return []optionProblem{{"password", "is not asked for: let people in with a password, or leave it empty"}}
		}
		c.Options["password"] = texts{}
		return nil
	}
	if word := first(c.Options["password"]); word != "" && !password.IsHash(word) {
		c.hash = func(values config.Values) { values["password"] = []string{password.Hash(word)} }
	}
	return nil
}
