package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/shape"
)

const (
	// catalogAge is how old written files say they are. The loader waits with a
	// file that was changed a moment ago, and those of a checkout were not.
	catalogAge = time.Hour
	// asWritten is the description of each workflow of a catalog at first.
	asWritten = "as written"
	// visibleMax bounds how long the loader may take.
	visibleMax = 5 * time.Minute
)

// Gaps between two looks into the database: one that leaves the machine to the
// loader, and one that is small beside what a single save takes.
const (
	wideGap   = 5 * time.Millisecond
	narrowGap = time.Millisecond
)

// catalog is a folder of workflow files that differ in their names alone.
type catalog struct {
	n     int
	graph *shape.Graph
	task  shape.Task
	head  string // lines of each file, such as its schedule
}

// name returns the name of a workflow. Names sort as their numbers do, and the
// loader reads files in the order of their names.
func (c *catalog) name(i int) string { return fmt.Sprintf("flow-%05d", i) }

func (c *catalog) path(dags string, i int) string {
	return filepath.Join(dags, c.name(i)+".yaml")
}

func (c *catalog) paths(dags string) []string {
	all := make([]string, c.n)
	for i := range all {
		all[i] = c.path(dags, i)
	}
	return all
}

// write writes all files.
func (c *catalog) write(dags string) error {
	for i := range c.n {
		if err := c.save(dags, i, asWritten); err != nil {
			return err
		}
		if err := c.backdate(dags, i); err != nil {
			return err
		}
	}
	return nil
}

// save writes one file as careful editors do: beside it, then over it.
func (c *catalog) save(dags string, i int, description string) error {
	graph := shape.Graph{Name: c.name(i), Parents: c.graph.Parents}
	beside := filepath.Join(dags, "."+c.name(i)+".saving")
	err := writeFile(beside, func(f *os.File) error {
		if _, err := fmt.Fprintf(f, "description: %q\n%s", description, c.head); err != nil {
			return err
		}
		return graph.WriteWorkflow(f, c.task)
	})
	if err != nil {
		return fmt.Errorf("save %s: %w", c.name(i), err)
	}
	return os.Rename(beside, c.path(dags, i))
}

// backdate makes one file an old one.
func (c *catalog) backdate(dags string, i int) error {
	at := time.Now().Add(-catalogAge)
	return os.Chtimes(c.path(dags, i), at, at)
}

// awaitCatalog waits until the loader has read the last file, and checks that
// everything is in the database then.
func (s *system) awaitCatalog(ctx context.Context, c *catalog) error {
	db, err := s.OpenDatabase()
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer db.Close()
	if err := awaitDescription(ctx, db, c.name(c.n-1), asWritten, wideGap); err != nil {
		return err
	}
	return checkCatalog(ctx, db, c, c.n)
}

// checkCatalog returns an error unless the database has each workflow with that
// many versions in all, with the rows of their tasks.
func checkCatalog(ctx context.Context, db *sql.DB, c *catalog, versions int) error {
	for _, table := range []struct {
		name string
		want int
	}{
		{"workflows", c.n},
		{"workflow_versions", versions},
		{"tasks", versions * c.graph.Len()},
		{"task_dependencies", versions * c.graph.Edges()},
		{"import_errors", 0},
	} {
		var rows int
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM "+table.name).Scan(&rows); err != nil {
			return fmt.Errorf("count %s: %w", table.name, err)
		}
		if rows != table.want {
			return fmt.Errorf("the database has %d rows of %s, not %d", rows, table.name, table.want)
		}
	}
	return nil
}

// awaitDescription waits until a workflow is in the database with that
// description. It asks by a unique index and looks again after each gap.
func awaitDescription(ctx context.Context, db *sql.DB, workflow, description string, gap time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, visibleMax)
	defer cancel()
	ticker := time.NewTicker(gap)
	defer ticker.Stop()
	for {
		var found string
		err := db.QueryRowContext(ctx, "SELECT description FROM workflows WHERE name = $1", workflow).Scan(&found)
		if err == nil && found == description {
			return nil
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("look for %s: %w", workflow, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s to be %q, not %q: %w", workflow, description, found, ctx.Err())
		case <-ticker.C:
		}
	}
}
