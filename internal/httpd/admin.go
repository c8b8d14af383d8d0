package httpd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"umbrella/internal/config"
)

// Admin changes the settings. One Admin serves all web servers of a node, one
// after the other.
type Admin struct {
	// Config is the settings that run.
	Config func() *config.Config
	// Source is the file that is changed.
	Source config.Source
	// Reload reads the settings anew, applies them, and returns what could not
	// be applied. Nil where that cannot be asked for: then nothing is changed.
	Reload func(context.Context) error
	// Looker looks at cameras before they are in the settings.
	Looker Looker

	mu sync.Mutex // held while the file is changed
}

const (
	maxAdminBody = 64 << 10
	// maxLogin bounds what somebody sends who has no rights yet, in bytes.
	maxLogin = 4 << 10
	// reloadWithin is how long an answer waits for the settings to be applied.
	// They may make the web server itself begin anew, which waits for answers.
	reloadWithin = 2 * time.Second
)

// change is the body of a request that adds or changes a section.
type change struct {
	// Name of a section that is added.
	Name string `json:"name"`
	// Options by name, each text, or a list of texts. Empty takes one out, one
	// that is not named stays.
	Options map[string]texts `json:"options"`
	// Credentials are the user and the password of a camera, apart from its
	// addresses. Null where they stand in the addresses.
	Credentials *credentials `json:"credentials"`
	// Check asks what is wrong with the change, which is not made.
	Check bool `json:"check"`

	// hash puts the hash of a password in its place; nil where there is none.
	hash func(config.Values)
}

// texts is a text, or a list of them.
type texts []string

func (t *texts) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = texts{one}
		return nil
	}
	if err := json.Unmarshal(b, (*[]string)(t)); err != nil {
		return errors.New("an option is a text, or a list of texts")
	}
	return nil
}

// complaint is the answer to a change that was not made.
type complaint struct {
	Error string `json:"error"`
	// Problems are those of the section's own options.
	Problems []optionProblem `json:"problems,omitempty"`
}

type optionProblem struct {
	Option string `json:"option"`
	Text   string `json:"text"`
}

// outcome is the answer to one that was made.
type outcome struct {
	Name string `json:"name"`
	// Problem is what could not be applied although it is written.
	Problem string `json:"problem,omitempty"`
}

// refusal is why a change is not made.
type refusal struct {
	code int
	complaint
}

func (r *refusal) Error() string { return r.complaint.Error }

func refuse(code int, format string, args ...any) *refusal {
	return &refusal{code, complaint{Error: fmt.Sprintf(format, args...)}}
}

// kinds are the types of section by the path that they are changed at, and what
// people call one.
func kinds() map[string]struct{ section, word string } {
	return map[string]struct{ section, word string }{
		"trunks":  {config.TypeBackhaul, "trunk"},
		"cameras": {config.TypeCamera, "camera"},
		"rooms":   {config.TypeRoom, "room"},
	}
}

// problem tells why nothing can be changed; empty if it can.
func (a *Admin) problem() string {
	if a.Reload == nil {
		return "this node was started in a way that lets nobody change its settings"
	}
	return a.words(a.Source.Writable())
}

// words tells an error of Source, and what to do.
func (a *Admin) words(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, config.ErrNoFile):
		return fmt.Sprintf("there is no settings file %s: this node runs by its UMBRELLA_… variables. "+
			"Change UMBRELLA_BACKHAUL_URL and those beside it, or make the file", a.Source.Path())
	case errors.Is(err, config.ErrNotWritable):
		return fmt.Sprintf("%v: change the settings with uci, or in LuCI", err)
	}
	return err.Error()
}

// serveAdd adds a section.
func (s *Server) serveAdd(w http.ResponseWriter, r *http.Request) {
	s.serveChange(w, r, func(kind, word string, c *change) error {
		cfg, err := s.Admin.Source.Load()
		if err != nil {
			return err
		}
		if kind == config.TypeRoom && c.Name == "" {
			c.Name = first(c.Options["name"])
			return s.Admin.set(kind, cfg.FreeSection(c.Name), c, nil)
		}
		if _, ok := c.Options["enabled"]; !ok && kind != config.TypeRoom {
			c.Options["enabled"] = texts{"1"}
		}
		if sectionOf(cfg, kind, c.Name) == "" {
			return s.Admin.set(kind, c.Name, c, nil)
		}
		// What else is wrong is told, too.
		taken := &refusal{http.StatusConflict, complaint{"there is a " + word + " of that name",
			[]optionProblem{{nameField(kind), "is the name of another " + word}}}}
		c.Check = true
		if more, ok := errors.AsType[*refusal](s.Admin.set(kind, cfg.FreeSection(c.Name), c, nil)); ok {
			taken.Problems = append(taken.Problems, more.Problems...)
		}
		return taken
	})
}

// serveEdit changes a section that is there.
func (s *Server) serveEdit(w http.ResponseWriter, r *http.Request) {
	s.serveChange(w, r, func(kind, word string, c *change) error {
		return s.Admin.existing(kind, word, c.Name, func(cfg *config.Config, section string) error {
			return s.Admin.set(kind, section, c, cfg)
		})
	})
}

// serveRemove takes a section out.
func (s *Server) serveRemove(w http.ResponseWriter, r *http.Request) {
	s.serveChange(w, r, func(kind, word string, c *change) error {
		return s.Admin.existing(kind, word, c.Name, func(_ *config.Config, section string) error {
			_, err := s.Admin.Source.Remove(kind, section)
			return err
		})
	})
}

// existing makes a change if there is a section of that name, and if a change
// of the file means anything.
func (a *Admin) existing(kind, word, name string, change func(cfg *config.Config, section string) error) error {
	cfg, err := a.Source.Load()
	if err != nil {
		return err
	}
	section := sectionOf(cfg, kind, name)
	if section == "" {
		return config.ErrNoSection
	}
	if v := a.Source.Variables(kind, section); len(v) > 0 {
		return refuse(http.StatusConflict, "this %s is set by %s: change it there", word, strings.Join(v, ", "))
	}
	return change(cfg, section)
}

// serveChange makes a change and applies it.
func (s *Server) serveChange(w http.ResponseWriter, r *http.Request, edit func(kind, word string, c *change) error) {
	w.Header().Set("Cache-Control", "no-store")
	kind, ok := kinds()[r.PathValue("kind")]
	if !ok {
		http.Error(w, "there is nothing here", http.StatusNotFound)
		return
	}
	c := &change{}
	if r.Method != http.MethodDelete {
		if no := readChange(w, r, c); no != nil {
			answer(w, no.code, no.complaint)
			return
		}
	}
	if name := r.PathValue("name"); name != "" {
		c.Name = name
	}
	s.Admin.mu.Lock()
	defer s.Admin.mu.Unlock()
	if problem := s.Admin.problem(); problem != "" {
		answer(w, http.StatusConflict, complaint{Error: problem})
		return
	}
	if err := edit(kind.section, kind.word, c); err != nil {
		no := s.Admin.refusal(err, kind.word)
		answer(w, no.code, no.complaint)
		return
	}
	if c.Check {
		answer(w, http.StatusOK, outcome{Name: c.Name})
		return
	}
	s.Log.Info("settings changed by the admin page", "by", r.Method, kind.word, c.Name)
	out := outcome{Name: c.Name}
	ctx, cancel := context.WithTimeout(r.Context(), reloadWithin)
	defer cancel()
	if err := s.Admin.Reload(ctx); errors.Is(err, context.DeadlineExceeded) {
		out.Problem = "it takes long to apply the settings; the log tells how it ends"
	} else if err != nil {
		out.Problem = err.Error()
	}
	code := http.StatusOK
	if r.Method == http.MethodPost {
		code = http.StatusCreated
	}
	answer(w, code, out)
}

// refusal puts an error into the words and the status of an answer.
func (a *Admin) refusal(err error, word string) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	if problems, ok := errors.AsType[config.Problems](err); ok {
		return invalid(problems, "", "")
	}
	switch {
	case errors.Is(err, config.ErrNoSection):
		return refuse(http.StatusNotFound, "there is no %s of that name", word)
	case errors.Is(err, config.ErrNoFile), errors.Is(err, config.ErrNotWritable):
		return refuse(http.StatusConflict, "%s", a.words(err))
	}
	return refuse(http.StatusInternalServerError, "not saved: %v", err)
}

// invalid tells what is wrong with a section, option by option, and with the rest of the
// settings.
func invalid(problems config.Problems, kind, section string) *refusal {
	r := refuse(http.StatusUnprocessableEntity, "not saved")
	var others []string
	for _, p := range problems {
		switch {
		case kind == "" || p.Section != section || p.File == config.Environment:
			others = append(others, p.Error())
		case p.Option == "":
			r.Problems = append(r.Problems, optionProblem{nameField(kind), p.Text()})
		default:
			r.Problems = append(r.Problems, optionProblem{p.Option, p.Text()})
		}
	}
	if len(others) > 0 {
		r.complaint.Error = "not saved, for the settings are not valid: " + strings.Join(others, "; ")
	}
	return r
}

// nameField is what the name of a section is called in answers: "name", unless an option
// of the section is called so.
func nameField(kind string) string {
	if kind == config.TypeBackhaul {
		return "name"
	}
	return "section"
}

// set makes a section say what a change says, or only looks whether it could. cfg is the
// settings with the section in it; nil for a new one. The error tells all that is wrong.
func (a *Admin) set(kind, section string, c *change, cfg *config.Config) error {
	var own []optionProblem
	switch kind {
	case config.TypeCamera:
		own = fillCamera(c, cfg, section)
	case config.TypeRoom:
		own = fillRoom(c, cfg, section)
	}
	values := config.Values{}
	for option, v := range c.Options {
		if !slices.ContainsFunc(own, func(p optionProblem) bool { return p.Option == option }) {
			values[option] = v
		}
	}
	var err error
	if c.Check || len(own) > 0 || c.hash != nil {
		err = a.Source.Check(kind, section, values)
	}
	if err == nil && !c.Check && len(own) == 0 {
		if c.hash != nil {
			c.hash(values) // of what was found to be allowed
		}
		_, err = a.Source.Set(kind, section, values)
	}
	problems, ok := errors.AsType[config.Problems](err)
	if !ok && (err != nil || len(own) == 0) {
		return err
	}
	no := invalid(problems, kind, section)
	for _, p := range no.Problems {
		if !slices.ContainsFunc(own, func(o optionProblem) bool { return o.Option == p.Option }) {
			own = append(own, p)
		}
	}
	no.Problems = own
	return no
}

// first returns the first of some texts, or "".
func first(list texts) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// sectionOf returns the section of that type that people know by a name and that says
// anything; empty if there is none. Rooms go by their own names: their sections may have
// none.
func sectionOf(cfg *config.Config, kind, name string) string {
	switch kind {
	case config.TypeBackhaul:
		for _, b := range cfg.Backhauls {
			if b.Section == name && !isPlaceholder(b) {
				return b.Section
			}
		}
	case config.TypeCamera:
		for _, c := range cfg.Cameras {
			if c.Section == name {
				return c.Section
			}
		}
	case config.TypeRoom:
		for _, r := range cfg.Rooms {
			if r.Name == name {
				return r.Section
			}
		}
	}
	return ""
}

// readChange reads the body of a request that changes something.
func readChange(w http.ResponseWriter, r *http.Request, c *change) *refusal {
	if no := readBody(w, r, c); no != nil {
		return no
	}
	if c.Options == nil {
		c.Options = map[string]texts{}
	}
	return nil
}

// readBody reads the body of a request of an admin: see readJSON.
func readBody(w http.ResponseWriter, r *http.Request, c any) *refusal {
	return readJSON(w, r, c, maxAdminBody)
}

// readJSON reads the body of a request, of so many bytes at most. It has to be JSON by its type, too: a
// form, which any page may send anywhere, is not.
func readJSON(w http.ResponseWriter, r *http.Request, c any, most int64) *refusal {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "this takes application/json")
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, most))
	d.DisallowUnknownFields()
	err := d.Decode(c)
	if err == nil {
		if _, err = d.Token(); err == nil {
			err = errors.New("something follows the JSON")
		} else if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return refuse(http.StatusRequestEntityTooLarge, "at most %d KiB", most>>10)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "the body cannot be read: %v", err)
	}
	return nil
}
