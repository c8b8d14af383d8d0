package crash

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// contained are the packages through which a panic may come that is contained.
var contains = []string{
	"access", "backhaul", "bound", "camera", "httpd", "onvif", "password", "signal", "ubus", "whip",
}

// harmless are calls that cannot panic as they are used between Lock and Unlock.
var harmless = []string{
	// builtin, and conversions
	"append", "cap", "clear", "close", "copy", "delete", "len", "make", "max", "min", "new", "int64", "uint64",
	// of sync, atomic, time and errors
	"Add", "Load", "Store", "Swap", "CompareAndSwap", "Clone", "Now", "Sub", "Before", "After", "IsZero", "Error",
}

// Where a panic may be contained, no lock stays held after it: it is released by
// defer, or nothing is called while it is held.
func TestLocksAreReleased(t *testing.T) {
	files := 0
	for _, name := range contains {
		entries, err := os.ReadDir(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
				continue
			}
			files++
			source, err := os.ReadFile(filepath.Join("..", name, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range heldInCalls(t, name+"/"+e.Name(), string(source)) {
				t.Errorf("%s: calls something with a lock held that is not released by defer", at)
			}
		}
	}
	if files < 50 {
		t.Errorf("%d files are looked at", files)
	}
}

func TestLocksAreFound(t *testing.T) {
	for body, want := range map[string]int{
		"m.Lock(); defer m.Unlock(); f()":                               0,
		"m.Lock(); x = len(y); m.Unlock(); f()":                         0,
		"m.Lock(); if x { m.Unlock(); f(); return }; x = y; m.Unlock()": 0,
		"m.RLock(); f(); m.RUnlock()":                                   1,
		"m.Lock(); if x { f() }; m.Unlock()":                            1,
		"m.Lock(); if x { m.Unlock(); return }; f(); m.Unlock()":        1,
		"for { m.Lock(); x, y = f(); m.Unlock() }":                      1,
		"select { case <-c: m.Lock(); f(); m.Unlock() }":                1,
		"g(func() { m.Lock(); f(); m.Unlock() }); m.Lock(); m.Unlock()": 1,
		"switch x { case 1: s.a.mu.Lock(); s.a.f(); s.a.mu.Unlock() }":  1,
		"m.Lock(); x = func() int { return f() }; m.Unlock()":           0,
		"m.Lock(); defer n.Unlock(); f(); m.Unlock()":                   1,
	} {
		if got := heldInCalls(t, "x.go", "package x\nfunc x() {\n"+body+"\n}"); len(got) != want {
			t.Errorf("%s: %d are found, want %d", body, len(got), want)
		}
	}
}

// heldInCalls finds where a lock is taken that is held, and not released by defer,
// when something is called.
func heldInCalls(t *testing.T, name, source string) (found []token.Position) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if f, ok := n.(*ast.FuncDecl); ok && f.Recv != nil && of(f.Recv.List[0].Type) == "hub" {
			return false // a panic in it ends the process
		}
		list := statements(n)
		for i, s := range list {
			lock, verb := method(s)
			if verb != "Lock" && verb != "RLock" || i+1 < len(list) && released(list[i+1], lock) {
				continue
			}
			if calls, _ := callsUntil(list[i+1:], lock); calls {
				found = append(found, set.Position(s.Pos()))
			}
		}
		return true
	})
	return found
}

// of is the name of a method's type.
func of(e ast.Expr) string {
	if p, ok := e.(*ast.StarExpr); ok {
		e = p.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

func statements(n ast.Node) []ast.Stmt {
	switch n := n.(type) {
	case *ast.BlockStmt:
		return n.List
	case *ast.CaseClause:
		return n.Body
	case *ast.CommClause:
		return n.Body
	}
	return nil
}

// method is the X and the Y of a statement X.Y().
func method(s ast.Stmt) (x, y string) {
	e, ok := s.(*ast.ExprStmt)
	if !ok {
		return "", ""
	}
	return methodOf(e.X)
}

func methodOf(e ast.Expr) (x, y string) {
	c, ok := e.(*ast.CallExpr)
	if !ok {
		return "", ""
	}
	f, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	return path(f.X), f.Sel.Name
}

func path(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return path(e.X) + "." + e.Sel.Name
	}
	return "?"
}

func released(s ast.Stmt, lock string) bool {
	d, ok := s.(*ast.DeferStmt)
	if !ok {
		return false
	}
	x, y := methodOf(d.Call)
	return x == lock && (y == "Unlock" || y == "RUnlock")
}

// callsUntil tells whether something is called before the lock is released; open is
// whether it is still held at the end of the list.
func callsUntil(list []ast.Stmt, lock string) (calls, open bool) {
	for _, s := range list {
		if x, y := method(s); x == lock && (y == "Unlock" || y == "RUnlock") {
			return calls, false
		}
		ast.Inspect(s, func(n ast.Node) bool {
			if inner := statements(n); inner != nil {
				c, _ := callsUntil(inner, lock)
				calls = calls || c
				return false
			}
			switch n := n.(type) {
			case *ast.FuncLit:
				return false // it is looked at by itself
			case *ast.CallExpr:
				name := ""
				switch f := n.Fun.(type) {
				case *ast.Ident:
					name = f.Name
				case *ast.SelectorExpr:
					name = f.Sel.Name
				}
				calls = calls || !slices.Contains(harmless, name)
			}
			return true
		})
	}
	return calls, true
}
