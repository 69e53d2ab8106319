package limit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"gopkg.in/yaml.v3"
)

// Parse returns how long it takes to read and parse files on all cores with the
// product's YAML library: only into its tree, without a look at what it says.
func Parse(ctx context.Context, paths []string) (time.Duration, error) {
	return eachFile(ctx, paths, func(path string) error {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var tree yaml.Node
		if err := yaml.Unmarshal(data, &tree); err != nil {
			return fmt.Errorf("parse %s: %w", path, err)
		}
		return nil
	})
}

// Read returns how long one stat and one read of each file take on all cores.
func Read(ctx context.Context, paths []string) (time.Duration, error) {
	return eachFile(ctx, paths, func(path string) error {
		if _, err := os.Lstat(path); err != nil {
			return err
		}
		_, err := os.ReadFile(path)
		return err
	})
}

// eachFile hands the files to one goroutine per core. After an error a goroutine
// takes no more.
func eachFile(ctx context.Context, paths []string, do func(path string) error) (time.Duration, error) {
	errs := make([]error, runtime.GOMAXPROCS(0))
	var taken atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for core := range errs {
		all.Go(func() {
			for errs[core] == nil {
				i := int(taken.Add(1)) - 1
				if i >= len(paths) {
					return
				}
				if errs[core] = ctx.Err(); errs[core] == nil {
					errs[core] = do(paths[i])
				}
			}
		})
	}
	all.Wait()
	return time.Since(began), errors.Join(errs...)
}
