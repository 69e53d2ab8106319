package loader

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sauravritesh63/miniairflow"
)

// readAround reads what the files of the folder take from others.
func (c Config) readAround(before *surroundings) func([]aroundFile) *surroundings {
	return func(files []aroundFile) *surroundings {
		return readSurroundings("", files, c.withDefaults().Limits, before)
	}
}

// around takes over what the files take from others, as it was found, and tells the
// store what is wrong with it. While one of these files may still be being written,
// they count as they were.
func (s *syncPass) around(ctx context.Context, found *scanned) error {
	if s.surroundings != nil && found.around.digest != s.surroundings.digest && found.around.isYoung(s.quiet) {
		s.report.Waiting, s.report.again = true, true
		for i := range found.files {
			file := &found.files[i]
			file.takes, file.ahead = s.surroundings.takenBy(file.path), knownFile{}
		}
		return nil
	}
	s.surroundings = found.around
	files := slices.Collect(maps.Keys(s.aroundTold))
	files = append(files, slices.Collect(maps.Keys(found.around.problems))...)
	slices.Sort(files)
	for _, file := range slices.Compact(files) {
		if err := s.tellAround(ctx, file, found.around.problems[file]); err != nil {
			return err
		}
	}
	return nil
}

// tellAround replaces what the store has of a file that others take something from.
func (s *syncPass) tellAround(ctx context.Context, file string, problems []miniairflow.ImportError) error {
	if len(problems) == 0 {
		if err := s.config.Store.RetireFile(ctx, file); err != nil {
			return fmt.Errorf("drop problems of %q: %w", file, err)
		}
		delete(s.aroundTold, file)
		return nil
	}
	lines := make([]string, len(problems))
	for i, problem := range problems {
		lines[i] = problem.String()
	}
	text := strings.Join(lines, "\n")
	if s.aroundTold[file] == text {
		return nil
	}
	if _, err := s.config.Store.SyncFiles(ctx, []miniairflow.FileSync{{Path: file, Problems: problems}}); err != nil {
		return fmt.Errorf("sync problems of %q: %w", file, err)
	}
	s.aroundTold[file] = text
	s.report.Problems += len(problems)
	for _, line := range lines {
		s.config.Logger.WarnContext(ctx, "Loader: File has a problem", "problem", line)
	}
	return nil
}
