package camera

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// transcript is a camera's side of a dialogue. testdata/cameras/README.md describes
// the files that hold them.
type transcript struct {
	header map[string][]string // "Camera", "Source", "Shows", "Expect", …
	media  []*stream           // of each Media line
	// answers are those to a method; the key may have a transport or a path too: "SETUP udp".
	answers map[string][]answer
}

// answer is what a camera sends to one request.
type answer struct {
	text  string   // with placeholders
	after []string // what the camera does of itself then
}

var headerNames = []string{"Camera", "Source", "Shows", "Login", "Transport", "Tracks", "Wants", "Media", "Expect"}

func readTranscript(t testing.TB, name string) *transcript {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := parseTranscript(t, string(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return tr
}

func parseTranscript(t testing.TB, text string) (*transcript, error) {
	tr := &transcript{header: map[string][]string{}, answers: map[string][]answer{}}
	head, dialogue, _ := strings.Cut(text, "\n\n")
	for line := range strings.SplitSeq(strings.TrimRight(head, "\n"), "\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok || !regexp.MustCompile("^("+strings.Join(headerNames, "|")+")$").MatchString(name) {
			return nil, fmt.Errorf("header line %q", line)
		}
		tr.header[name] = append(tr.header[name], strings.TrimSpace(value))
	}
	for _, line := range tr.header["Media"] {
		s, err := newStream(t, line)
		if err != nil {
			return nil, fmt.Errorf("media line %q: %w", line, err)
		}
		tr.media = append(tr.media, s)
	}
	key := ""
	last := func() *answer { return &tr.answers[key][len(tr.answers[key])-1] }
	for line := range strings.SplitSeq(strings.TrimRight(dialogue, "\n"), "\n") {
		kind, rest, _ := strings.Cut(line, " ")
		if key == "" && kind != ">" && kind != "#" && kind != "" {
			return nil, fmt.Errorf("%q stands before the first request", line)
		}
		text, err := unescape(rest)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		switch kind {
		case "", "#":
		case ">":
			words := strings.Fields(rest)
			if len(words) == 0 {
				return nil, fmt.Errorf("%q names no method", line)
			}
			if !isMethod(words[0]) {
				continue // a header of the request
			}
			key = words[0]
			if len(words) > 1 && (words[1] == "udp" || words[1] == "tcp" || words[1][0] == '/') {
				key += " " + words[1]
			}
			tr.answers[key] = append(tr.answers[key], answer{})
		case "<":
			last().text += text + "\r\n"
		case "<<":
			last().text += text + "\n"
		case "<-":
			last().text += text
		case "!":
			last().after = append(last().after, rest)
		default:
			return nil, fmt.Errorf("%q begins with %q", line, kind)
		}
	}
	return tr, nil
}

func isMethod(word string) bool {
	return word == strings.ToUpper(word) && !strings.Contains(word, ":")
}

// unescape knows \xNN, \t, \r, \n and \\.
func unescape(text string) (string, error) {
	var b bytes.Buffer
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			b.WriteByte(text[i])
			continue
		}
		i++
		switch {
		case i >= len(text):
			return "", fmt.Errorf("a lone backslash")
		case text[i] == 'x' && i+2 < len(text):
			n, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
			if err != nil {
				return "", err
			}
			b.WriteByte(byte(n))
			i += 2
		case strings.IndexByte(`trn\`, text[i]) >= 0:
			b.WriteByte("\t\r\n\\"[strings.IndexByte(`trn\`, text[i])])
		default:
			return "", fmt.Errorf("the escape \\%c", text[i])
		}
	}
	return b.String(), nil
}

func (tr *transcript) first(name string) string {
	if len(tr.header[name]) == 0 {
		return ""
	}
	return tr.header[name][0]
}

// login gives the user and the password that the camera wants; both are empty where it
// wants none.
func (tr *transcript) login() (user, password string) {
	user, password, _ = strings.Cut(tr.first("Login"), " ")
	return user, strings.TrimSpace(password)
}

// missed lists what the line Expect says and Probe has not found.
func (tr *transcript) missed(r *Report) (list []string) {
	for want := range strings.SplitSeq(tr.first("Expect"), ";") {
		want = strings.TrimSpace(want)
		verb, rest, _ := strings.Cut(want, " ")
		ok := false
		switch verb {
		case "plays":
			ok = r.Trouble == nil && r.Plays && strings.HasPrefix(r.Video.Description, rest)
		case "hears":
			ok = r.Trouble == nil && r.Hears && strings.HasPrefix(r.Sound.Description, rest)
		case "no":
			ok = rest == "picture" && !r.Plays || rest == "sound" && !r.Hears
		case "whole":
			ok = r.Trouble == nil && r.Video != nil && r.Video.Lost == 0
		case "transport":
			ok = r.Trouble == nil && r.Transport == rest
		case "says":
			ok = strings.Contains(r.String(), strings.Trim(rest, `"`))
		}
		if !ok {
			list = append(list, want)
		}
	}
	return list
}

// expected checks that Probe has found what the line Expect says.
func (tr *transcript) expected(t testing.TB, r *Report) {
	t.Helper()
	if missed := tr.missed(r); len(missed) > 0 {
		t.Errorf("it should be %q, but:\n%s", missed, r)
	}
}
