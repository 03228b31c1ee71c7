package docs_test

import (
	"go/ast"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	errorCode = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	firstCell = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|(?: `([a-z_]+)` \\|)?")
)

// TestErrorPageKnowsEveryCode compares errors.md with the codes in the code, both ways.
func TestErrorPageKnowsEveryCode(t *testing.T) {
	t.Parallel()
	inCode := codesInCode(t)
	onPage := map[string]bool{}
	for _, row := range firstCell.FindAllStringSubmatch(read(t, "errors.md"), -1) {
		onPage[row[1]] = true
		if row[2] != "" {
			onPage[row[2]] = true
		}
	}
	for _, code := range slices.Sorted(maps.Keys(inCode)) {
		if !onPage[code] {
			t.Errorf("errors.md does not explain %s", code)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(onPage)) {
		if !inCode[code] {
			t.Errorf("errors.md explains %s, which nothing answers", code)
		}
	}
}

// codesInCode collects the wire codes of package grants' error constructors and literals, and of models' constants CodeX.
func codesInCode(t *testing.T) map[string]bool {
	t.Helper()
	codes := map[string]bool{}
	add := func(e ast.Expr) {
		if literal, is := e.(*ast.BasicLit); is && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil && errorCode.MatchString(text) {
				codes[text] = true
			}
		}
	}
	fset, all := sources(t)
	for _, s := range all {
		if s.isTest(fset) || (s.folder != "grants" && s.folder != "server" && s.folder != "models") {
			continue
		}
		ast.Inspect(s.file, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.CallExpr: // NewError(status, code, description), .rfc(status, code)
				if name := called(n.Fun); name == "NewError" && len(n.Args) == 3 || name == "rfc" && len(n.Args) == 2 {
					add(n.Args[1])
				}
			case *ast.CompositeLit: // Wire{status, code, description}
				if name := called(n.Type); name == "Wire" && len(n.Elts) == 3 {
					add(n.Elts[1])
				}
			case *ast.ValueSpec:
				if len(n.Values) == 1 && strings.HasPrefix(n.Names[0].Name, "Code") {
					add(n.Values[0])
				}
			}
			return true
		})
	}
	return codes
}

func called(e ast.Expr) string {
	switch n := e.(type) {
	case *ast.Ident:
		return n.Name
	case *ast.SelectorExpr:
		return n.Sel.Name
	}
	return ""
}
