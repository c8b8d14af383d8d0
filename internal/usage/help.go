package usage

import (
	"fmt"
	"slices"
	"strings"
)

// width of a terminal, in characters.
const width = 80

// Help is the text about everything.
func Help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUsage: umbrellad [COMMAND] [FLAGS]\n\nCommands, of which 'umbrellad help COMMAND' says more:\n", About)
	commands := []Entry{}
	for _, c := range Commands() {
		commands = append(commands, Entry{strings.Join(append([]string{c.Name}, c.Arguments...), " "), c.Summary})
	}
	commands[0].Name = "(none)"
	list(&b, commands)
	b.WriteString("\nFlags, before or behind the command:\n")
	flags := []Entry{}
	for _, f := range Shown() {
		flags = append(flags, Entry{f.line(), f.takers() + f.Text})
	}
	list(&b, flags)
	fmt.Fprintf(&b, "\n%s\n\nSignals:\n", Wrap(Environment, 0))
	list(&b, Signals())
	b.WriteString("\nExit codes:\n")
	list(&b, ExitCodes())
	return b.String()
}

// Help is the text about one command.
func (c Command) Help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUsage:\n  %s\n", Wrap(strings.TrimSpace("umbrellad "+c.Name)+": "+c.Summary+".", 0), Wrap(c.Line(), 4))
	for paragraph := range strings.SplitSeq(c.Text, "\n\n") {
		if paragraph != "" {
			fmt.Fprintf(&b, "\n%s\n", Wrap(paragraph, 0))
		}
	}
	flags := []Entry{}
	for _, f := range Shown() {
		if slices.Contains(c.Flags, f.Name) || f.Name == "h" || f.Name == "config" && (!c.Bare || c.Name == "probe") {
			flags = append(flags, Entry{f.line(), f.Text})
		}
	}
	b.WriteString("\nFlags:\n")
	list(&b, flags)
	if len(c.Examples) > 0 {
		b.WriteString("\nExamples:\n")
		for _, e := range c.Examples {
			fmt.Fprintf(&b, "  %s\n", e)
		}
	}
	b.WriteString("\nExit codes:\n")
	list(&b, ExitCodes())
	return b.String()
}

func (f Flag) line() string { return strings.TrimSpace("-" + f.Name + " " + f.Value) }

// takers says for which commands a flag is that is not for all.
func (f Flag) takers() string {
	if everywhere(f.Name) {
		return ""
	}
	names := Takers(f.Name)
	if names == theNode {
		return ""
	}
	return "with " + names + ": "
}

// theNode stands for the command without a name.
const theNode = "running the node"

// Takers lists the commands that a flag is for.
func Takers(flag string) string {
	var names []string
	for _, c := range Commands() {
		if slices.Contains(c.Flags, flag) {
			name := c.Name
			if name == "" {
				name = theNode
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// list writes entries with their texts beside them.
func list(b *strings.Builder, entries []Entry) {
	const most = 18
	column := 0
	for _, e := range entries {
		column = max(column, min(len(e.Name), most))
	}
	column += 4
	for _, e := range entries {
		text := Wrap(e.Text, column)
		if len(e.Name) > most {
			fmt.Fprintf(b, "  %s\n%s%s\n", e.Name, strings.Repeat(" ", column), text)
			continue
		}
		fmt.Fprintf(b, "  %-*s%s\n", column-2, e.Name, text)
	}
}

// Wrap breaks a text into lines, all but the first of which are indented, as the first
// one is already.
func Wrap(text string, indent int) string {
	var b strings.Builder
	at := indent
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case at+1+len(word) > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	return b.String()
}
