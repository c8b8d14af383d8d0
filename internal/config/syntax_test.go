package config

import (
	"reflect"
	"testing"
)

func TestSyntax(t *testing.T) {
	config := func(words ...string) statement { return statement{1, "config", words} }
	option := func(words ...string) statement { return statement{2, "option", words} }
	for text, want := range map[string][]statement{
		"":                     nil,
		" \t\r\n# x\n\n  #":    nil,
		"config a b":           {config("a", "b")},
		"config 'a' \"b\" # c": {config("a", "b")},
		"config a ''":          {config("a")},
		"config my-type":       {config("my-type")},
		"package umbrella":     {{1, "package", []string{"umbrella"}}},
		"p 'umbrella'":         {{1, "package", []string{"umbrella"}}},
		"c a\no x y":           {config("a"), option("x", "y")},
		"config a\nl x y":      {config("a"), {2, "list", []string{"x", "y"}}},
		// What uci commit writes for the values: it's, \, a#b;c, "q", line end.
		"config a\n\toption x 'it'\\''s'\n":        {config("a"), option("x", "it's")},
		`config a` + "\n" + `option x '\'`:         {config("a"), option("x", `\`)},
		"config a\noption x 'a#b;c'":               {config("a"), option("x", "a#b;c")},
		"config a\noption x '\"q\"'":               {config("a"), option("x", `"q"`)},
		"config a\r\noption x y\r\n":               {config("a"), option("x", "y")},
		"config a\noption x ''":                    {config("a"), option("x", "")},
		`config a` + "\n" + `option x "a\"b\\c\d"`: {config("a"), option("x", `a"b\cd`)},
		`config a` + "\n" + `option x a\ b\'c`:     {config("a"), option("x", "a b'c")},
		"config a\noption x a'b c'\"d e\"f":        {config("a"), option("x", "ab cd ef")},
		"config a\noption x a\\\nb":                {config("a"), option("x", "ab")},
		"config a\noption x \"a\\\r\nb\"":          {config("a"), option("x", "ab")},
		"config a\noption x y\\":                   {config("a"), option("x", "y")},
		"config a\noption x y #z":                  {config("a"), option("x", "y")},
		"config a\noption x %41%":                  {config("a"), option("x", "%41%")},
	} {
		got, problems := parseSyntax("f", text)
		if len(problems) > 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v, %v, want %v", text, got, problems, want)
		}
	}
}

func TestSyntaxProblems(t *testing.T) {
	for text, want := range map[string]string{
		"\n\nset x y":                 "f: line 3: a line starts with config, option, list or '#'",
		"configuration a":             "f: line 1: a line starts with config, option, list or '#'",
		"config":                      "f: line 1: config needs the type of a section",
		"config # a":                  "f: line 1: config needs the type of a section",
		"package other":               "f: line 1: this is not the package umbrella",
		"config a b c":                "f: line 1: there is something behind the end of config; a value with blanks needs quotes",
		"config a\noption x":          "f: line 2: option needs a name and a value",
		"config a\nlist":              "f: line 2: list needs a name and a value",
		"config a\noption x y z":      "f: line 2: there is something behind the end of option; a value with blanks needs quotes",
		"config a\noption x 'y\n'":    "f: line 2: a quote is opened and not closed on its line",
		"config a\noption x \"y":      "f: line 2: a quote is opened and not closed on its line",
		"config a; option x y":        "f: line 1: a value with ';' needs quotes",
		"config a ; option x y":       "f: line 1: a value with ';' needs quotes",
		"config a\n;":                 "f: line 2: a line starts with config, option, list or '#'",
		"config\va":                   "f: line 1: a line starts with config, option, list or '#'",
		"\ufeffconfig a":              "f: line 1: the file begins with a byte order mark, which uci cannot read: save it as UTF-8 without a byte order mark",
		"\xff\xfec\x00":               "f: line 1: the file begins with the byte order mark of UTF-16, which uci cannot read: save it as UTF-8 without a byte order mark",
		"config a\noption x y#z":      "f: line 2: a value with '#' needs quotes",
		"config a front-door":         "f: line 1: the name of a section has letters, digits and '_' only",
		"config a/b":                  "f: line 1: the type of a section has letters, digits, '_' and '-' only",
		"config a\noption x-y z":      "f: line 2: the name of an option has letters, digits and '_' only",
		"config a\noption '' z":       "f: line 2: the name of an option has letters, digits and '_' only",
		"config a\noption x \xff\xfe": "f: line 2: text is to be UTF-8",
	} {
		_, problems := parseSyntax("f", text)
		if len(problems) == 0 || problems[0].Error() != want {
			t.Errorf("%q: got %v, want %s", text, problems, want)
		}
	}
	// One slip does not hide the next one.
	if _, problems := parseSyntax("f", "config a\noption x 'y\noption z\nlist 'l' 'm\n"); len(problems) != 3 {
		t.Errorf("got %v, want 3 problems", problems)
	}
}
