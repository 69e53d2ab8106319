package loader

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/sauravritesh63/miniairflow"
)

// carry stores the contents of what the files of a batch carry, and returns those
// files that can follow. One that carries what is not as it was a moment ago is looked
// at again.
func (s *syncPass) carry(ctx context.Context, batch []finding) ([]finding, error) {
	var ready []finding
	for _, file := range batch {
		switch err := s.carryOne(ctx, file); {
		case err == nil:
			ready = append(ready, file)
		case ctx.Err() != nil || miniairflow.ErrorCode(err) != miniairflow.CodeConflict:
			return nil, fmt.Errorf("store files of %q: %w", file.sync.Path, err)
		default:
			s.report.Waiting = true
			s.report.young = append(s.report.young, filepath.Join(s.config.Dir, filepath.FromSlash(file.sync.Path)))
		}
	}
	return ready, nil
}

func (s *syncPass) carryOne(ctx context.Context, file finding) error {
	for _, d := range file.sync.Definitions {
		if err := newCarrier(s.config.Dir, file.sync.Path).save(ctx, s.config.Store, d.Files); err != nil {
			return err
		}
	}
	return nil
}
