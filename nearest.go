package miniairflow

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// nearestWordMax bounds the words that are compared: the cost grows with the
// square of their length, and nobody mistypes longer ones.
const nearestWordMax = 64

// Nearest returns the known word that word was probably meant to be, for "did
// you mean"; ok is false if none is close. Case does not count.
func Nearest(word string, known []string) (nearest string, ok bool) {
	if word == "" || len(word) > nearestWordMax {
		return "", false
	}
	lower := strings.ToLower(word)
	best := 1 + max(1, min(3, len(word)/3))
	for _, k := range known {
		if d := len(k) - len(word); d >= best || -d >= best || len(k) > nearestWordMax {
			continue
		}
		if distance := levenshtein.ComputeDistance(lower, strings.ToLower(k)); distance < best {
			best, nearest, ok = distance, k, true
		}
	}
	return nearest, ok
}

// DidYouMean returns the end of a message about an unknown word: "; did you
// mean "region"?", or "" if no known word is close.
func DidYouMean(word string, known []string) string {
	nearest, ok := Nearest(word, known)
	if !ok {
		return ""
	}
	return "; did you mean " + show(nearest) + "?"
}
