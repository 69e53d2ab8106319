package miniairflow

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// nearestWordMax bounds the words that are compared: the cost grows with the
// square of their length, and nobody mistypes longer ones.
const nearestWordMax = 64

// Nearest returns the known word that word was probably meant to be, for "did
// you mean": the same one in another spelling (dependsOn, depends-on), one with
// the same letters in another order, or one with a few letters wrong, in case
// and separators alike; ok is false if there is none.
func Nearest(word string, known []string) (nearest string, ok bool) {
	if word == "" || len(word) > nearestWordMax {
		return "", false
	}
	spelled := spelling(word)
	for _, k := range known {
		switch spelledK := spelling(k); {
		case spelledK == spelled:
			return k, true
		case !ok && sameLetters(spelledK, spelled):
			nearest, ok = k, true
		}
	}
	if ok {
		return nearest, true
	}
	lower := strings.ToLower(word)
	best := 1 + max(1, min(3, len(word)/3))
	for _, k := range known {
		if d := len(k) - len(word); d > best || -d > best || len(k) > nearestWordMax {
			continue
		}
		lowerK := strings.ToLower(k)
		distance := levenshtein.ComputeDistance(lower, lowerK)
		// Of two words as near, one that only lacks a letter is meant: taks is tasks, not tags.
		if distance < best || ok && distance == best && isWithin(lower, lowerK) && !isWithin(lower, strings.ToLower(nearest)) {
			best, nearest, ok = distance, k, true
		}
	}
	return nearest, ok
}

// isWithin reports whether word is longer without some of its letters.
func isWithin(word, longer string) bool {
	at := 0
	for i := 0; i < len(longer) && at < len(word); i++ {
		if longer[i] == word[at] {
			at++
		}
	}
	return at == len(word)
}

var separators = strings.NewReplacer("-", "", "_", "", " ", "")

// spelling returns a word without what people spell differently.
func spelling(word string) string { return strings.ToLower(separators.Replace(word)) }

// sameLetters reports whether two words differ in nothing but the order of their bytes.
func sameLetters(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	var counts [256]int
	for i := range len(a) {
		counts[a[i]]++
		counts[b[i]]--
	}
	return counts == [256]int{}
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
