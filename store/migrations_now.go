//go:build !writ_next && !writ_break

package store

import "io/fs"

// migrationFiles are those of this version of Writ.
func migrationFiles() fs.FS {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the name is a constant
	}
	return files
}
