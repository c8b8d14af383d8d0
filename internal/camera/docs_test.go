package camera

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Whatever a camera is said to do wrong is told in docs/cameras.md, with what
// to do.
func TestTroublesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/cameras.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, pattern := range []string{"*.go", "nal/*.go", "sound/path.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, reason := range reasons(file) {
				found++
				if !strings.Contains(string(doc), "| "+reason) && !strings.Contains(string(doc), reason+" |") {
					t.Errorf("%s: %q is not told", name, reason)
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d reasons were found", found)
	}
}

// reasons gives the texts that a file has for troubles, each up to what is
// filled in.
func reasons(file *ast.File) (list []string) {
	add := func(e ast.Expr) {
		text := literal(e)
		text, _, _ = strings.Cut(text, "%q")
		text, _, _ = strings.Cut(text, "%")
		text, _, _ = strings.Cut(text, " (%")
		if text = strings.TrimRight(text, " (:"); len(text) > 4 {
			list = append(list, text)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "trouble" {
				add(n.Args[0])
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if s, ok := left.(*ast.SelectorExpr); ok && s.Sel.Name == "Refusal" {
					add(n.Rhs[i])
				}
			}
		case *ast.ValueSpec:
			for _, v := range n.Values {
				if c, ok := v.(*ast.CallExpr); ok && n.Names[0].Name == "ErrRefused" {
					add(c.Args[0])
				}
			}
		}
		return true
	})
	return list
}

// literal is the text that an expression begins with.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		return literal(e.X)
	case *ast.CallExpr:
		if len(e.Args) > 0 {
			return literal(e.Args[0])
		}
	}
	return ""
}
