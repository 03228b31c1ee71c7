// Package docs_test holds the pages of this folder against the code they speak about.
package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// source is one parsed Go file of the repository.
type source struct {
	folder string // slash-separated, from the repository's root
	file   *ast.File
}

func (s source) isTest(fset *token.FileSet) bool {
	return strings.HasSuffix(fset.Position(s.file.Package).Filename, "_test.go")
}

// sources parses every Go file of the repository, with comments.
func sources(t *testing.T) (*token.FileSet, []source) {
	t.Helper()
	const root = ".."
	fset := token.NewFileSet()
	var all []source
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := entry.Name(); name != root && (strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		within, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		all = append(all, source{path.Clean(filepath.ToSlash(within)), file})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fset, all
}
