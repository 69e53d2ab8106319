package dialect

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"

	"github.com/sauravritesh63/miniairflow"
)

// Migration is one numbered step of a schema, with its way back.
type Migration struct {
	Version int64
	Name    string
	Up      string
	Down    string
}

// MigrationStatus is one migration and whether a database has it.
type MigrationStatus struct {
	Version int64
	Name    string
	Applied bool
}

var migrationFile = regexp.MustCompile(`^([0-9]+)_([a-z0-9_]+)\.(up|down)\.sql$`)

// ReadMigrations returns the migrations of a folder in the order of their
// versions. Folders inside it and files of other names are left out; a
// migration that lacks one of its two files is an error.
func ReadMigrations(fsys fs.FS, dir string) ([]Migration, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	byVersion := map[int64]*Migration{}
	for _, entry := range entries {
		match := migrationFile.FindStringSubmatch(entry.Name())
		if match == nil || entry.IsDir() {
			continue
		}
		version, err := strconv.ParseInt(match[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read version of migration %s: %w", entry.Name(), err)
		}
		text, err := fs.ReadFile(fsys, path.Join(dir, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("read migration %s: %w", entry.Name(), err)
		}
		m := byVersion[version]
		if m == nil {
			m = &Migration{Version: version, Name: match[2]}
			byVersion[version] = m
		}
		if match[3] == "up" {
			m.Up = string(text)
		} else {
			m.Down = string(text)
		}
	}
	migrations := make([]Migration, 0, len(byVersion))
	for _, m := range byVersion {
		if m.Up == "" || m.Down == "" {
			return nil, fmt.Errorf("migration %06d_%s lacks its up or its down file", m.Version, m.Name)
		}
		migrations = append(migrations, *m)
	}
	slices.SortFunc(migrations, func(a, b Migration) int { return int(a.Version - b.Version) })
	return migrations, nil
}

// Status tells which migrations a database at the given version has.
func Status(migrations []Migration, version int64) []MigrationStatus {
	status := make([]MigrationStatus, len(migrations))
	for i, m := range migrations {
		status[i] = MigrationStatus{Version: m.Version, Name: m.Name, Applied: m.Version <= version}
	}
	return status
}

// Pending returns the migrations that a database at the given version lacks. A
// database that is newer than this program, or that another tool left in the
// middle of a migration, is refused: writing to it could destroy data.
func Pending(migrations []Migration, version int64, dirty bool) ([]Migration, error) {
	if dirty {
		return nil, dirtyError(version)
	}
	latest := int64(0)
	if len(migrations) > 0 {
		latest = migrations[len(migrations)-1].Version
	}
	if version > latest {
		return nil, newerError(version, latest)
	}
	var pending []Migration
	for _, m := range migrations {
		if m.Version > version {
			pending = append(pending, m)
		}
	}
	return pending, nil
}

// Revert returns the last applied migration and the version that remains
// without it. ok is false if the database has none.
func Revert(migrations []Migration, version int64, dirty bool) (m Migration, before int64, ok bool, err error) {
	if _, err := Pending(migrations, version, dirty); err != nil || version == 0 {
		return Migration{}, 0, false, err
	}
	for _, candidate := range migrations {
		if candidate.Version == version {
			return candidate, before, true, nil
		}
		before = candidate.Version
	}
	return Migration{}, 0, false, fmt.Errorf("this program has no migration %d, which the database has", version)
}

// OtherTables is the error of a database that an earlier development version has made.
func OtherTables(name string) error {
	return miniairflow.Errorf(miniairflow.CodeConflict,
		"the database %s was made by an earlier development version and has other tables: move it away, or name another one with --database-url", name)
}
