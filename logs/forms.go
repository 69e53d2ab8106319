package logs

import (
	"bytes"
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
		forms = append(forms, quoted(secret))
		for before := range 3 {
			forms = append(forms, encodedAt(base64.RawStdEncoding, secret, before), encodedAt(base64.RawURLEncoding, secret, before))
		}
		for line := range strings.Lines(secret) {
			if line = strings.TrimSpace(line); len(line) >= lineMin {
				forms = append(forms, line)
			}
		}
	}
	slices.Sort(forms)
	return slices.DeleteFunc(slices.Compact(forms), func(form string) bool { return form == "" })
}

// quoted returns a text as programs write it in JSON that leave <, > and & as they are.
func quoted(text string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(out.String(), `"`), "\"\n")
}

// encodedAt returns what of an encoding is the same whatever stands around the text,
// such as a user's name before it, which is so many bytes more than a multiple of
// three long. What is too short for a line is found in too many texts.
func encodedAt(encoding *base64.Encoding, text string, before int) string {
	data := append(make([]byte, before, before+len(text)), text...)
	first, end := (before*8+5)/6, len(data)*8/6
	if end-first < lineMin {
		return ""
	}
	return encoding.EncodeToString(data)[first:end]
}

// Hider hides the same in many texts, of which each is whole: what is to be hidden may
// be large, and is prepared once. It is for one goroutine.
type Hider struct{ masker *masker }

// NewHider returns a Hider for what is to be masked.
func NewHider(mask []string) *Hider { return &Hider{masker: newMasker(mask)} }

// Hide returns a text with what is to be masked replaced.
func (h *Hider) Hide(text string) string {
	if !h.masker.any {
		return text
	}
	hidden := slices.Clone(h.masker.write([]byte(text)))
	return string(append(hidden, h.masker.flush()...))
}

// Hide returns a whole text with what is to be masked replaced.
func Hide(text string, mask []string) string {
	if len(mask) == 0 {
		return text
	}
	return NewHider(mask).Hide(text)
}
