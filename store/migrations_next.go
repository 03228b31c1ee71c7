//go:build writ_next || writ_break

package store

import (
	"embed"
	"io/fs"
	"testing/fstest"
)

//go:embed testdata/next/*.sql testdata/break/*.sql
var upgrades embed.FS

// migrationFiles are those of a later version of Writ, as far as the test of upgrades needs it.
func migrationFiles() fs.FS {
	files := fstest.MapFS{}
	add(files, migrations, "migrations")
	add(files, upgrades, "testdata/next")
	if breaking {
		add(files, upgrades, "testdata/break")
	}
	return files
}

func add(files fstest.MapFS, from fs.FS, folder string) {
	names, err := fs.Glob(from, folder+"/*.sql")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for _, name := range names {
		text, err := fs.ReadFile(from, name)
		if err != nil {
			panic(err) // it is embedded
		}
		files[name[len(folder)+1:]] = &fstest.MapFile{Data: text}
	}
}
