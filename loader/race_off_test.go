//go:build !race

package loader_test

// isRace tells that the race detector watches, which makes everything several
// times slower.
const isRace = false
