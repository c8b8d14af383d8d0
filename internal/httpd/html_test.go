package httpd

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What is asked comes back in no page: whatever is in the request, HTML is the
// client's own files and nothing else.
func TestNothingAskedBecomesHTML(t *testing.T) {
	const evil = `<img/src=x onerror=alert(1)>`
	path := "/%3Cimg%2Fsrc=x%20onerror=alert(1)%3E"
	for _, prefix := range []string{"", "/umbrella"} {
		s := newServer(t, prefix, certificates(t))
		s.Assets = client(t)
		h := handler(t, s)
		for _, page := range []string{path, "/sfu" + path, "/sfu/attic?name=" + path[1:], "/trust?" + path[1:], "/status" + path,
			"/status", "/metrics", "/servers" + path, "/snapshot" + path, "/assets" + path, "/ca.crt" + path, "/healthz?" + path[1:], "/?" + path[1:], "/wsb"} {
			for _, method := range []string{"GET", "POST", "PUT", "DELETE", evil[1:4]} {
				for _, peer := range []string{"127.0.0.1:9", "192.168.1.20:9"} {
					w := ask(h, method, peer, prefix+page, "Accept", "text/html", "Origin", evil, "User-Agent", evil, "X-Forwarded-For", evil,
						"X-Forwarded-Host", evil, "Sec-WebSocket-Protocol", evil, "Cookie", "a="+evil, "Authorization", "Bearer "+evil)
					checkHeaders(t, w.Header())
					kind := w.Header().Get("Content-Type")
					if strings.HasPrefix(kind, "text/html") && strings.Contains(w.Body.String(), "<img") ||
						kind == "" && w.Body.Len() > 0 {
						t.Errorf("%s %s: is %q: %s", method, prefix+page, kind, w.Body)
					}
				}
			}
		}
	}
}

// htmlFaults returns what in a source may make HTML of a string: templates that do
// not escape, strings that html/template is told to believe, and answers that say
// they are HTML. The pages are files, and need none of it.
func htmlFaults(name string, source any) ([]string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []string
	fault := func(n ast.Node, what string) {
		found = append(found, fmt.Sprintf("%s: %s", files.Position(n.Pos()), what))
	}
	trusted := []string{"CSS", "HTML", "HTMLAttr", "JS", "JSStr", "Srcset", "URL"}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			if path, _ := strconv.Unquote(n.Path.Value); path == "text/template" {
				fault(n, path+" does not escape")
			} else if path == "html/template" && n.Name != nil {
				fault(n, path+" under another name")
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "template" && slices.Contains(trusted, n.Sel.Name) {
				fault(n, "template."+n.Sel.Name+" is not escaped")
			}
		case *ast.CallExpr:
			method, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || method.Sel.Name != "Set" && method.Sel.Name != "Add" || len(n.Args) != 2 {
				break
			}
			for i, prefix := range []string{"content-type", "text/html"} {
				value, ok := n.Args[i].(*ast.BasicLit)
				if !ok || !strings.HasPrefix(strings.ToLower(strings.Trim(value.Value, "`\"")), prefix) {
					return true
				}
			}
			fault(n, "an answer that is HTML")
		}
		return true
	})
	return found, nil
}

func TestNoSourceMakesHTML(t *testing.T) {
	for fault, source := range map[string]string{
		"does not escape":        `import "text/template"`,
		"under another name":     `import t "html/template"`,
		"template.HTML is not":   `import "html/template"; func f(name string) any { return template.HTML(name) }`,
		"template.URL is not":    `import "html/template"; var x template.URL`,
		"an answer that is HTML": `func f(h H) { h.Set("Content-Type", "text/html; charset=utf-8") }`,
		"":                       `import "html/template"; func f(h H) { h.Set("Content-Type", "text/plain"); h.Set("Accept", "text/html"); template.New("x") }`,
	} {
		found, err := htmlFaults("planted.go", "package x; "+source)
		if err != nil {
			t.Fatal(err)
		}
		if all := strings.Join(found, "\n"); fault == "" && all != "" || !strings.Contains(all, fault) {
			t.Errorf("in %q there was found %q, want %q", source, found, fault)
		}
	}
	sources := 0
	for _, root := range []string{"../../internal", "../../cmd"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			sources++
			found, err := htmlFaults(path, nil)
			for _, fault := range found {
				t.Error(fault)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if sources < 50 {
		t.Errorf("only %d sources were found", sources)
	}
}
