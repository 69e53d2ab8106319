package runner

import "time"

// shelf holds what failed for a reason of its own, each with the time until
// which it is left alone, so that it neither delays nor hides the others. One
// goroutine owns it.
type shelf[K comparable] map[K]time.Time

func (s shelf[K]) put(key K, until time.Time) { s[key] = until }

func (s shelf[K]) has(key K) bool {
	_, held := s[key]
	return held
}

// clear takes down what has lain long enough.
func (s shelf[K]) clear(now time.Time) {
	for key, end := range s {
		if !now.Before(end) {
			delete(s, key)
		}
	}
}

// first returns how long it is until the first thing may be taken down; unknown
// if there is nothing.
func (s shelf[K]) first(now time.Time) time.Duration {
	wait := unknown
	for _, end := range s {
		wait = min(wait, max(end.Sub(now), 0))
	}
	return wait
}
