package postgrestest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/writ-auth/writ/store/storetest/postgrestest"
)

func TestEveryTestHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	first, second := postgrestest.Database(t), postgrestest.Database(t)
	if first == second {
		t.Fatal("two tests share a database")
	}
	for _, address := range []string{first, second} {
		query(t, address, "CREATE TABLE here (there TEXT)")
	}
}

func TestAClusterComesBackWithWhatWasCommitted(t *testing.T) {
	t.Parallel()
	cluster := postgrestest.Start(t)
	address := cluster.Database(t)
	query(t, address, "CREATE TABLE here (there TEXT)")
	for _, end := range []func() error{cluster.Stop, cluster.Kill} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if _, err := pgx.Connect(t.Context(), address); err == nil {
			t.Fatal("it answers")
		}
		if err := cluster.Start(); err != nil {
			t.Fatal(err)
		}
	}
	query(t, address, "DROP TABLE here")
}

func query(t *testing.T, address, statement string) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(t.Context()) //nolint:errcheck // a test's connection
	if _, err := connection.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
