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
		if has(cfg, kind, c.Name) {
			no := refuse(http.StatusConflict, "there is a %s of that name", word)
			no.Problems = []optionProblem{{"name", "is the name of another " + word}}
			return no
		}
		if _, ok := c.Options["enabled"]; !ok {
			c.Options["enabled"] = texts{"1"}
		}
		return s.Admin.set(kind, c)
	})
}

// serveEdit changes a section that is there.
func (s *Server) serveEdit(w http.ResponseWriter, r *http.Request) {
	s.serveChange(w, r, func(kind, word string, c *change) error {
		return s.Admin.existing(kind, word, c.Name, func() error { return s.Admin.set(kind, c) })
	})
}

// serveRemove takes a section out.
func (s *Server) serveRemove(w http.ResponseWriter, r *http.Request) {
	s.serveChange(w, r, func(kind, word string, c *change) error {
		return s.Admin.existing(kind, word, c.Name, func() error {
			_, err := s.Admin.Source.Remove(kind, c.Name)
			return err
		})
	})
}

// existing makes a change if there is a section of that name, and if a change
// of the file means anything.
func (a *Admin) existing(kind, word, name string, change func() error) error {
	cfg, err := a.Source.Load()
	if err != nil {
		return err
	}
	if !has(cfg, kind, name) {
		return config.ErrNoSection
	}
	if v := a.Source.Variables(kind, name); len(v) > 0 {
		return refuse(http.StatusConflict, "this %s is set by %s: change it there", word, strings.Join(v, ", "))
	}
	return change()
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
		no := s.Admin.refusal(err, c.Name, kind.word)
		answer(w, no.code, no.complaint)
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
func (a *Admin) refusal(err error, name, word string) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	if problems, ok := errors.AsType[config.Problems](err); ok {
		r := refuse(http.StatusUnprocessableEntity, "not saved")
		var others []string
		for _, p := range problems {
			switch {
			case p.Section != name || p.File == config.Environment:
				others = append(others, p.Error())
			case p.Option == "":
				r.Problems = append(r.Problems, optionProblem{"name", p.Text()})
			default:
				r.Problems = append(r.Problems, optionProblem{p.Option, p.Text()})
			}
		}
		if len(others) > 0 {
			r.complaint.Error = "not saved, for the settings are not valid: " + strings.Join(others, "; ")
		}
		return r
	}
	switch {
	case errors.Is(err, config.ErrNoSection):
		return refuse(http.StatusNotFound, "there is no %s of that name", word)
	case errors.Is(err, config.ErrNoFile), errors.Is(err, config.ErrNotWritable):
		return refuse(http.StatusConflict, "%s", a.words(err))
	}
	return refuse(http.StatusInternalServerError, "not saved: %v", err)
}

func (a *Admin) set(kind string, c *change) error {
	if kind == config.TypeCamera {
		if err := a.keepCameraSecrets(c); err != nil {
			return err
		}
	}
	values := config.Values{}
	for option, v := range c.Options {
		values[option] = v
	}
	_, err := a.Source.Set(kind, c.Name, values)
	return err
}

// has reports whether there is a section of that type and name that says
// anything.
func has(cfg *config.Config, kind, name string) bool {
	if kind == config.TypeBackhaul {
		for _, b := range cfg.Backhauls {
			if b.Section == name {
				return !isPlaceholder(b)
			}
		}
	}
	return kind == config.TypeCamera && slices.ContainsFunc(cfg.Cameras, func(c config.Camera) bool { return c.Section == name })
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
