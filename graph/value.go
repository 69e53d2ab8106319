package graph

import (
	"errors"
	"fmt"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// byKey returns one value for each object and loads each distinct key once.
func byKey[T any, K comparable, V any](objects []T, key func(T) K, load func(K) (V, error)) ([]V, error) {
	loaded := map[K]V{}
	values := make([]V, len(objects))
	for i, object := range objects {
		k := key(object)
		value, ok := loaded[k]
		if !ok {
			var err error
			if value, err = load(k); err != nil {
				return nil, err
			}
			loaded[k] = value
		}
		values[i] = value
	}
	return values, nil
}

// orNil turns a thing that is not there into null.
func orNil[T any](found *T, err error) (*T, error) {
	if errors.Is(err, miniairflow.ErrNotFound) {
		return nil, nil
	}
	return found, err
}

// seconds returns d in seconds; zero, which stands for none, is null.
func seconds(d miniairflow.Duration) *float64 { return model.OrNull(d.Seconds()) }

// pointers returns pointers to the members of a slice.
func pointers[T any](values []T) []*T {
	pointed := make([]*T, len(values))
	for i := range values {
		pointed[i] = &values[i]
	}
	return pointed
}

func valueOr[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}

func invalid(format string, args ...any) error {
	return miniairflow.Errorf(miniairflow.CodeInvalid, format, args...)
}

func notFound(format string, args ...any) error {
	return fmt.Errorf("find: %w", miniairflow.Errorf(miniairflow.CodeNotFound, format, args...))
}
