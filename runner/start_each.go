package runner

import "context"

// started is what has become of things each of which is to start a run.
type started[K comparable] struct {
	done    []K         // whose run is there, or never will be
	faults  map[K]error // why that of some of done never will be
	refused map[K]error // of which the database has to be asked again
}

// startEach starts the run of each thing. One that the code cannot stand, or that the
// database refuses, holds up no other. The error is that of a database which refused
// refusedMax in a row; for that the caller puts last what was refused before.
func startEach[K comparable](ctx context.Context, all []K, start func(K) error) (s started[K], err error) {
	s.faults, s.refused = map[K]error{}, map[K]error{}
	var refused refusals
	for _, one := range all {
		err := safely(func() error { return start(one) })
		isAway := refused.isAway(err)
		switch {
		case err != nil && ctx.Err() != nil:
			return s, err
		case isTransient(err):
			s.refused[one] = err
		case err != nil:
			s.faults[one] = err
			fallthrough
		default:
			s.done = append(s.done, one)
		}
		if isAway {
			return s, err
		}
	}
	return s, nil
}
