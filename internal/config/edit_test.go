package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSetSection(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		values Values
		want   string
	}{
		"into an empty file": {"", Values{"url": {"wss://a/wsb"}}, "config backhaul 'b'\n\toption url 'wss://a/wsb'\n"},
		"at the end, options in their usual order": {
			"# mine\nconfig room 'a'\n\n# last words", Values{"room": {"x", "y"}, "secret": {"it's"}, "url": {"u"}},
			"# mine\nconfig room 'a'\n\n# last words\n\nconfig backhaul 'b'\n\toption url 'u'\n\toption secret 'it'\\''s'\n\tlist room 'x'\n\tlist room 'y'\n",
		},
		"a value in place, what stands around it stays": {
			"config backhaul b\n  option  url   \"old\"  # why\n\toption secret s\n", Values{"url": {"new"}},
			"config backhaul b\n  option url 'new'  # why\n\toption secret s\n",
		},
		"what is said already is not written anew": {
			"config backhaul b\n\toption url\tnew # as I like it\n", Values{"url": {"new"}, "ca": nil, "fingerprint": {""}},
			"config backhaul b\n\toption url\tnew # as I like it\n",
		},
		"a new option behind the section's last one, and its comment": {
			"config backhaul b\n\toption url x # c\n\t# hint\n\nconfig room r\n", Values{"secret": {"s"}},
			"config backhaul b\n\toption url x # c\n\toption secret 's'\n\t# hint\n\nconfig room r\n",
		},
		"into a section that says nothing": {
			"config backhaul 'b'\n\t#option url ''\nconfig camera 'b2'\n", Values{"url": {"x"}},
			"config backhaul 'b'\n\toption url 'x'\n\t#option url ''\nconfig camera 'b2'\n",
		},
		"without a line end": {"config backhaul b", Values{"url": {"x"}}, "config backhaul b\n\toption url 'x'"},
		"line ends as they are": {
			"config backhaul b\r\n\toption url x\r\nconfig room r\r\n", Values{"room": {"k", "l"}},
			"config backhaul b\r\n\toption url x\r\n\tlist room 'k'\r\n\tlist room 'l'\r\nconfig room r\r\n",
		},
		"an option is taken out": {
			"config backhaul b\n\toption ca x\n\toption url y\n", Values{"ca": nil},
			"config backhaul b\n\toption url y\n",
		},
		"a comment beside what is taken out stays": {
			"config backhaul b\n\toption ca x # c\n", Values{"ca": {}}, "config backhaul b\n\t # c\n",
		},
		"a list grows": {
			"config backhaul b\n\tlist room a\n\toption url u\n", Values{"room": {"a", "b"}},
			"config backhaul b\n\tlist room 'a'\n\tlist room 'b'\n\toption url u\n",
		},
		"a list shrinks": {
			"config backhaul b\n\tlist room a\n\toption url u\n\tlist room b\n", Values{"room": {"b"}},
			"config backhaul b\n\toption url u\n\tlist room b\n",
		},
		"said several times": {
			"config backhaul b\n\toption url u\nconfig room r\nconfig backhaul b\n\toption url v\n", Values{"url": {"w"}},
			"config backhaul b\nconfig room r\nconfig backhaul b\n\toption url 'w'\n",
		},
		"a value over two lines": {
			"config backhaul b\n\toption url a\\\nb\n\toption secret s\n", Values{"url": {"c"}},
			"config backhaul b\n\toption url 'c'\n\toption secret s\n",
		},
		"others of the name, or of the type, are not meant": {
			"config camera b\n\toption url x\nconfig backhaul c\n\toption url x\n", Values{"url": {"y"}},
			"config camera b\n\toption url x\nconfig backhaul c\n\toption url x\n\nconfig backhaul 'b'\n\toption url 'y'\n",
		},
	} {
		if got := setSection(c.text, TypeBackhaul, "b", c.values); got != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, c.want)
		}
	}
}

func TestRemoveSection(t *testing.T) {
	for text, want := range map[string]string{
		"config backhaul b\n": "",
		"config backhaul b":   "",
		"# a\nconfig backhaul 'b'\n\toption url x\n\t# about b\n\n# c\nconfig room r\n": "# a\n\t# about b\n\n# c\nconfig room r\n",
		"config room r\n\nconfig backhaul b\n\toption url x\n":                          "config room r\n",
		"config room r\n\nconfig backhaul b\n\toption url x\n\nconfig room s\n":         "config room r\n\nconfig room s\n",
		"config backhaul b\n\nconfig room r\nconfig backhaul b\n\tlist room r\n":        "\nconfig room r\n",
		"config backhaul a\n\toption url 'b'\n":                                         "config backhaul a\n\toption url 'b'\n",
	} {
		if got := removeSection(text, TypeBackhaul, "b"); got != want {
			t.Errorf("%q:\ngot  %q\nwant %q", text, got, want)
		}
	}
}

// FuzzEdit: whatever the file, what is set is read back, everything else is
// there as before, and what was added can be taken out again.
func FuzzEdit(f *testing.F) {
	for _, text := range []string{
		"", "config backhaul b\n\toption url x # c\n\tlist room a\n\n# d\nconfig room r\n",
		"config backhaul b\noption url x\nlist room 'a'\n\n config room r\n option name n",
		"config backhaul b\r\n option url \"a\\\r\nb\"\r\n\r\nconfig backhaul b\r\n\tlist room 'it'\\''s'",
		"config backhaul b #x;y\noption url a\\\n\\\nb\n", "config backhaul a\noption url x\\", "package umbrella\nconfig backhaul b\npackage umbrella\nlist room x\n",
	} {
		f.Add(text, "wss://a/wsb", "room1 room2", true)
		f.Add(text, "it's \"\\", "", false)
	}
	f.Fuzz(func(t *testing.T, text, url, rooms string, remove bool) {
		if len(text) > 4096 || strings.ContainsAny(text+url+rooms, "\x00") || strings.ContainsAny(url+rooms, "\n\r") {
			return
		}
		before := scan("", text)
		values := Values{"url": {url}, "room": strings.Fields(rooms), "ca": nil}
		if !utf8.ValidString(url) || !utf8.ValidString(rooms) || len(before.problems) > 0 {
			return
		}
		isNew := len(sectionAt(before, TypeBackhaul, "b")) == 0
		out := setSection(text, TypeBackhaul, "b", values)
		after := scan("", out)
		if len(after.problems) > 0 {
			t.Fatalf("%q became %q: %v", text, out, after.problems)
		}
		for option, want := range values {
			var have []int
			for _, i := range sectionAt(after, TypeBackhaul, "b") {
				if st := after.statements[i]; st.keyword != "config" && st.words[0] == option {
					have = append(have, i)
				}
			}
			if got := meant(said(after.statements, have)); !slices.Equal(got, meant(want)) {
				t.Fatalf("%q became %q: %s is %q, not %q", text, out, option, got, want)
			}
		}
		if was, is := others(before, values), others(after, values); was != is {
			t.Fatalf("%q became %q:\nwas %q\nis  %q", text, out, was, is)
		}
		if again := setSection(out, TypeBackhaul, "b", values); again != out {
			t.Fatalf("%q, set again, became %q", out, again)
		}
		gone := removeSection(out, TypeBackhaul, "b")
		left := scan("", gone)
		if len(left.problems) > 0 || len(sectionAt(left, TypeBackhaul, "b")) > 0 {
			t.Fatalf("%q without it became %q: %v", out, gone, left.problems)
		}
		if was, is := others(before, nil), others(left, nil); was != is {
			t.Fatalf("%q came back as %q:\nwas %q\nis  %q", text, gone, was, is)
		}
		if isNew && strings.HasSuffix(text, "\n") && gone != text {
			t.Fatalf("%q, added to and taken from, became %q", text, gone)
		}
		if !remove {
			return
		}
		gone = removeSection(text, TypeBackhaul, "b")
		if was, is := others(before, nil), others(scan("", gone), nil); was != is {
			t.Fatalf("%q without it became %q:\nwas %q\nis  %q", text, gone, was, is)
		}
	})
}

// others is all that is not the options of values in the section b, comments
// included: without blanks, line ends and ';', which go with a statement. With
// no values it is all that is not the section b.
func others(s *syntax, values Values) string {
	mine := map[int]bool{}
	for _, i := range sectionAt(s, TypeBackhaul, "b") {
		st := s.statements[i]
		_, ok := values[st.words[0]]
		mine[i] = values == nil || st.keyword == "config" || ok
	}
	var b strings.Builder
	at := 0
	for i, is := range s.spans {
		if mine[i] {
			b.WriteString(s.text[at:is.from])
			at = is.to
		}
	}
	b.WriteString(s.text[at:])
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n\v\f", r) {
			return -1
		}
		return r
	}, b.String())
}

// Where the spans are, the statements are.
func TestSpans(t *testing.T) {
	text := " c 'a' b # x\n\toption 'u' \"v\\\nw\" \nl m n"
	s := scan("", text)
	var got []string
	for _, is := range s.spans {
		got = append(got, text[is.from:is.to])
	}
	if want := []string{"c 'a' b", "option 'u' \"v\\\nw\"", "l m n"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
