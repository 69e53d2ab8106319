package logs

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// lineMin is how many characters a line of a secret has at least to be masked by
// itself: a shorter one, such as a brace, is no secret and stands in every output.
const lineMin = 8

// Forms returns the texts that show a secret in an output: the secret itself, its
// lines, and how base64, hex, URLs and JSON write it.
func Forms(secrets []string) []string {
	var forms []string
	for _, secret := range secrets {
		inJSON, _ := json.Marshal(secret) // of a text it never fails
		forms = append(forms, secret, strings.TrimSpace(secret),
			base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawStdEncoding.EncodeToString([]byte(secret)),
			base64.URLEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
			hex.EncodeToString([]byte(secret)), url.QueryEscape(secret), url.PathEscape(secret), strings.Trim(string(inJSON), `"`))
		for line := range strings.Lines(secret) {
			if line = strings.TrimSpace(line); len(line) >= lineMin {
				forms = append(forms, line)
			}
		}
	}
	slices.Sort(forms)
	return slices.DeleteFunc(slices.Compact(forms), func(form string) bool { return form == "" })
}

// Hide returns a whole text with what is to be masked replaced.
func Hide(text string, mask []string) string {
	if len(mask) == 0 {
		return text
	}
	m := newMasker(mask)
	hidden := slices.Clone(m.write([]byte(text)))
	return string(append(hidden, m.flush()...))
}
