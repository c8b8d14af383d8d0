package main

import (
	"fmt"
	"slices"
	"strings"

	"umbrella/internal/config"
	"umbrella/internal/usage"
)

// changed is the date of the manual page: when the texts last changed.
const changed = "2026-11-30"

// page is the manual page, in man(7).
func page() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`.\" Made by scripts/manual out of internal/usage: change it there, and run "make manual".`)
	line(`.TH UMBRELLAD 8 %s Umbrella "System Administration"`, changed)
	line(".SH NAME")
	line(`umbrellad \- WebRTC SFU: rooms of audio and video, cameras and trunks`)
	line(".SH SYNOPSIS")
	for i, c := range usage.Commands() {
		if i > 0 {
			line(".br")
		}
		line("%s", synopsis(c))
	}
	line(".SH DESCRIPTION")
	line("%s", roff("umbrellad runs rooms of audio and video for browsers and other programs, on an access point or a server. "+
		"It serves the web client, forwards the media of whoever is in a room, shows cameras in rooms, and is joined to other nodes by trunks. "+
		"The same program asks a node that runs."))
	line(".PP")
	line("%s", roff("Flags stand before or behind the command. "+usage.Environment))
	line(".SH COMMANDS")
	for _, c := range usage.Commands() {
		if c.Name == "" {
			line(".TP\n.B umbrellad")
		} else {
			line(".TP\n%s", bold(c.Name, c.Arguments...))
		}
		line("%s", roff(sentence(c.Summary)+" "+c.Text))
		var flags []string
		for _, f := range usage.Shown() {
			if slices.Contains(c.Flags, f.Name) {
				flags = append(flags, "-"+f.Name)
			}
		}
		if len(flags) > 0 {
			line("%s", roff("Flags: "+strings.Join(flags, ", ")+"."))
		}
	}
	line(".SH OPTIONS")
	for _, f := range usage.Shown() {
		line(".TP\n%s", bold("-"+f.Name, strings.Fields(f.Value)...))
		text := sentence(f.Text)
		if f.Name != "pause" && usage.Takers(f.Name) != "" {
			text += " For " + usage.Takers(f.Name) + "."
		}
		line("%s", roff(text))
	}
	entries := func(title string, list []usage.Entry) {
		line(".SH %s", title)
		for _, e := range list {
			line(".TP\n%s\n%s", bold(e.Name), roff(sentence(e.Text)))
		}
	}
	entries("SIGNALS", usage.Signals())
	entries(`"EXIT STATUS"`, usage.ExitCodes())
	entries("FILES", []usage.Entry{
		{Name: config.DefaultDir + "/umbrella", Text: "the settings; docs/openwrt.md tells of each option"},
		{Name: "/etc/umbrella", Text: "the state, where the option state_dir names no other directory: the CA, the certificate, the hash of the admins' password, the key of invitations"},
	})
	line(".SH EXAMPLES")
	line(".nf")
	for _, c := range usage.Commands() {
		for _, e := range c.Examples {
			line("%s", roff(e))
		}
	}
	line(".fi")
	return b.String()
}

// synopsis is how a command is called, its words in bold and what stands for others in
// italics.
func synopsis(c usage.Command) string {
	var out []string
	for _, word := range strings.Fields(c.Line()) {
		inner := strings.Trim(word, "[]")
		switch {
		case inner == strings.ToUpper(inner):
			out = append(out, strings.Replace(roff(word), roff(inner), `\fI`+roff(inner)+`\fR`, 1))
		default:
			out = append(out, strings.Replace(roff(word), roff(inner), `\fB`+roff(inner)+`\fR`, 1))
		}
	}
	return strings.Join(out, " ")
}

func bold(word string, values ...string) string {
	line := `\fB` + roff(word) + `\fR`
	for _, v := range values {
		line += ` \fI` + roff(v) + `\fR`
	}
	return line
}

// sentence makes one of a text that may lack its beginning and its end.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	if first := strings.SplitN(text, " ", 2)[0]; strings.IndexFunc(first, func(r rune) bool { return r < 'a' || r > 'z' }) < 0 {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

// roff writes a text so that nothing in it is a request or an escape, a sentence a line.
func roff(text string) string {
	text = strings.TrimSpace(text)
	text = strings.ReplaceAll(text, `\`, `\e`)
	text = strings.ReplaceAll(text, "-", `\-`)
	text = strings.ReplaceAll(text, "'", `\(aq`)
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		for sentence := range strings.SplitSeq(strings.ReplaceAll(paragraph, ". ", ".\n"), "\n") {
			lines = append(lines, strings.Split(usage.Wrap(sentence, 0), "\n")...)
		}
	}
	for i, l := range lines {
		if strings.HasPrefix(l, ".") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return l == "" }), "\n")
}
