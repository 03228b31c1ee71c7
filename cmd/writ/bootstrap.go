package main

import (
	"context"
	"fmt"
	"io"

	"github.com/writ-auth/writ/store"
)

// bootstrap makes what must exist before the first request, and prints credentials that nobody can learn later.
func (w *wiring) bootstrap(ctx context.Context, stdout io.Writer) error {
	empty, err := w.store.Empty(ctx)
	if err != nil {
		return err
	}
	var seeded *demoCredentials
	if w.demo && empty {
		if seeded, err = w.seedDemo(ctx); err != nil && !taken(err) { // by a replica that starts at the same moment
			return fmt.Errorf("demo: %w", err)
		}
	}
	generated, err := w.ensureSuperuser(ctx)
	if err != nil {
		return fmt.Errorf("superuser: %w", err)
	}
	switch {
	case seeded != nil:
		seeded.superuser = login{w.superuser, generated}
		err = writeDemo(stdout, seeded)
	case w.demo:
		_, err = fmt.Fprintf(stdout, demoAgain, store.Name(w.database), w.dataDir)
	case generated != "":
		_, err = fmt.Fprintf(stdout, superuserNote, w.superuser, generated)
	}
	if err != nil {
		return fmt.Errorf("credentials could not be printed: %w", err)
	}
	return nil
}

const superuserNote = `
The superuser was created with a generated password. It is shown this once; set WRIT_SUPERUSER_PASSWORD to replace it later.

  username  %s
  password  %s

`

const demoAgain = `
The database %s is not empty: the credentials of the demo were printed when it was created, and are not shown again.
To start over, stop Writ and remove the data folder %s together with the database.

`
