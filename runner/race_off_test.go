//go:build !race

package runner_test

// raceDetector says that the tests run with it. Its own memory grows with theirs.
const raceDetector = false
