package dialect

import "github.com/sauravritesh63/miniairflow"

func dirtyError(version int64) error {
	return miniairflow.Errorf(miniairflow.CodeConflict,
		"the database was left in the middle of migration %d by another tool: repair it and set schema_migrations.dirty to false", version)
}

func newerError(version, latest int64) error {
	return miniairflow.Errorf(miniairflow.CodeConflict,
		"the database has migration %d, this program knows up to %d: use a newer miniairflow", version, latest)
}
