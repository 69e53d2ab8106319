package logs

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// lineMin is how many bytes a line of a secret has at least to be masked by
// itself: a shorter one, such as a brace, is no secret and stands in every output.
const lineMin = 8

// lineWidths are those at which programs break what they encode: xxd, openssl and
// PEM, and base64.
var lineWidths = []int{60, 64, 76}

// unescaped are the characters, beside letters, digits and -_.~, that programs leave
// as they are in URLs: none, those of encodeURIComponent, of Python's quote, and of encodeURI.
var unescaped = []string{"", "!'()*", "/", "!'()*;,/?:@&=+$#"}

// Forms returns the texts that show a secret in an output: the secret itself, its
// lines, and how base64, hex, URLs and JSON write it.
func Forms(secrets []string) []string {
	var forms []string
	for _, secret := range secrets {
		inJSON, _ := json.Marshal(secret) // of a text it never fails
		forms = append(forms, secret, strings.TrimSpace(secret), strings.Trim(string(inJSON), `"`), quoted(secret))
		forms = append(forms, encoded(secret)...)
		forms = append(forms, encoded(secret+"\n")...) // as echo hands it on
		forms = append(forms, escaped(secret)...)
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

// encoded returns a text in base64 and hex, whole and in lines.
func encoded(text string) []string {
	data := []byte(text)
	inHex := hex.EncodeToString(data)
	all := []string{
		base64.StdEncoding.EncodeToString(data), base64.RawStdEncoding.EncodeToString(data),
		base64.URLEncoding.EncodeToString(data), base64.RawURLEncoding.EncodeToString(data), inHex, strings.ToUpper(inHex),
	}
	for _, whole := range all {
		for _, width := range lineWidths {
			for rest := whole; len(whole) > width && len(rest) >= lineMin; rest = rest[min(width, len(rest)):] {
				all = append(all, rest[:min(width, len(rest))])
			}
		}
	}
	return all
}

// escaped returns a text as programs write it in URLs and forms.
func escaped(text string) []string {
	form := url.QueryEscape(text)
	all := []string{form, lowerEscapes(form), url.PathEscape(text), lowerEscapes(url.PathEscape(text))}
	plain := strings.ReplaceAll(form, "+", "%20")
	for _, kept := range unescaped {
		shown := plain
		for _, c := range kept {
			shown = strings.ReplaceAll(shown, url.QueryEscape(string(c)), string(c))
		}
		all = append(all, shown, lowerEscapes(shown))
	}
	return all
}

var escape = regexp.MustCompile(`%[0-9A-F]{2}`)

// lowerEscapes writes what is escaped with small letters.
func lowerEscapes(text string) string { return escape.ReplaceAllStringFunc(text, strings.ToLower) }

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
