package luci_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"umbrella/internal/config"
)

// said returns what files of a package say in the arguments of some calls, where "return"
// is what functions return, and as the Reason or Allowed of something; with "%s" for what
// is not known before.
func said(t *testing.T, pattern string, calls map[string][]int) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	known := map[string]ast.Expr{} // constants and variables by their names
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == len(spec.Names) {
				for i, name := range spec.Names {
					known[name.Name] = spec.Values[i]
				}
			}
			return true
		})
	}
	verb := regexp.MustCompile(`%[.\d]*[vwdsqfx]`)
	var text func(ast.Expr) string
	text = func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.BasicLit:
			if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
				return s
			}
		case *ast.BinaryExpr:
			return text(e.X) + text(e.Y)
		case *ast.Ident:
			if value, ok := known[e.Name]; ok {
				return text(value)
			}
		case *ast.CallExpr:
			name := ""
			switch f := e.Fun.(type) {
			case *ast.SelectorExpr:
				name = f.Sel.Name
			case *ast.Ident:
				name = f.Name
			}
			if slices.Contains([]string{"Sprintf", "Errorf", "New"}, name) {
				return text(e.Args[0])
			}
		}
		return "%s"
	}
	var list []string
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && (key.Name == "Reason" || key.Name == "Allowed") {
					list = append(list, verb.ReplaceAllString(text(n.Value), "%s"))
				}
			case *ast.ReturnStmt:
				if calls["return"] != nil && len(n.Results) == 1 {
					list = append(list, verb.ReplaceAllString(text(n.Results[0]), "%s"))
				}
			case *ast.AssignStmt:
				if to, ok := n.Lhs[0].(*ast.SelectorExpr); ok && to.Sel.Name == "Reason" {
					list = append(list, verb.ReplaceAllString(text(n.Rhs[0]), "%s"))
				}
			}
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name := ""
			switch f := call.Fun.(type) {
			case *ast.SelectorExpr:
				name = f.Sel.Name
			case *ast.Ident:
				name = f.Name
			}
			for _, i := range calls[name] {
				if i < len(call.Args) {
					list = append(list, verb.ReplaceAllString(text(call.Args[i]), "%s"))
				}
			}
			return true
		})
	}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(s string) bool { return strings.Trim(strings.ReplaceAll(s, "%s", ""), " :,'") == "" })
}

// What the node says of cameras, trunks and settings is in the catalogues, and the
// pages say it in their own words where it calls an option by its name.
func TestWordsOfTheNodeAreInTheCatalogues(t *testing.T) {
	listed := map[string]bool{}
	for words := range literals(t) {
		listed[words] = true
	}
	// Those that have other words on the pages.
	for _, m := range regexp.MustCompile(`(?m)^\t\[ '((?:[^'\\]|\\.)*)', _\(`).FindAllStringSubmatch(scripts(t)["umbrella/words"], -1) {
		listed[strings.ReplaceAll(m[1], `\'`, `'`)] = true
	}
	all := 0
	for files, calls := range map[string]map[string][]int{
		"camera/*": {"trouble": {0, 1}},
		"config/*": {"wrong": {2, 3}, "missing": {2}, "warn": {2}},
		// What is behind errors of the system.
		"cause/cause": {"return": {0}},
		// Of trunks, not of snapshots.
		"backhaul/[^s]*": {"Errorf": {0}, "New": {0}, "wrong": {0}},
	} {
		for _, words := range said(t, "../../internal/"+files+".go", calls) {
			all++
			if !listed[words] && !strings.HasPrefix(words, "%s: ") && !strings.HasSuffix(words, ": %s") {
				t.Errorf("internal/%s says %q, which umbrella/words.js does not have: add it there, and run go test ./test/luci -update", files, words)
			}
		}
	}
	for _, o := range config.Options() {
		all++
		if !listed[o.Allowed] {
			t.Errorf("internal/config says %q, which the pages do not have", o.Allowed)
		}
	}
	if all < 150 {
		t.Errorf("only %d sayings were found", all)
	}
}
