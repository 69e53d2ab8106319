package logs

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHide(t *testing.T) {
	secret := "s3cr&t \"word\"/1"
	pem := "-----BEGIN KEY-----\nAAAABBBBCCCC\n}\n-----END KEY-----\n"
	forms := Forms([]string{secret, pem})
	for name, text := range map[string]string{
		"as it is":          secret,
		"twice":             secret + secret,
		"base64":            "czNjciZ0ICJ3b3JkIi8x",
		"base64 of a line":  "czNjciZ0ICJ3b3JkIi8xCg==",
		"base64 of a login": "dXNlcjpzM2NyJnQgIndvcmQiLzE=",
		"JSON of others":    `s3cr&t \"word\"/1`,
		"hex":               "733363722674202277 6f7264222f31",
		"in a query":        "s3cr%26t+%22word%22%2F1",
		"in a path":         "s3cr&t%20%22word%22%2F1",
		"by curl":           "s3cr%26t%20%22word%22%2F1",
		"by JavaScript":     "s3cr%26t%20%22word%22%2F1",
		"by Python":         "s3cr%26t%20%22word%22/1",
		"in small letters":  "s3cr%26t+%22word%22%2f1",
		"in JSON":           `s3cr\u0026t \"word\"/1`,
		"a line of it":      "AAAABBBBCCCC",
		"all its lines":     pem,
	} {
		hidden := Hide("before "+strings.ReplaceAll(text, " 6", "6")+" after", forms)
		require.Contains(t, hidden, maskText, name)
		require.Contains(t, hidden, "before ", name)
		require.Contains(t, hidden, " after", name)
		for _, part := range []string{"s3cr", "word", "AAAA", "czNj", "7333"} {
			require.NotContains(t, hidden, part, name)
		}
	}
	require.Equal(t, "} stays", Hide("} stays", forms), "a line that is no secret")
	require.Equal(t, secret, Hide(secret, nil))
}

// Programs break what they encode into lines, of which each shows a part.
func TestHideInLines(t *testing.T) {
	secret := strings.Repeat("0123456789 the quick brown fox ", 6) + "!"
	forms := Forms([]string{secret})
	for _, text := range []string{secret, secret + "\n"} {
		for name, encoded := range map[string]string{
			"base64": base64.StdEncoding.EncodeToString([]byte(text)), "hex": hex.EncodeToString([]byte(text)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(text))),
		} {
			for _, width := range []int{60, 64, 76} {
				var lines []string
				for part := range slices.Chunk([]byte(encoded), width) {
					lines = append(lines, string(part))
				}
				for i, line := range strings.Split(Hide(strings.Join(lines, "\n"), forms), "\n") {
					if len(lines[i]) >= lineMin {
						require.Equal(t, maskText, line, "%s in lines of %d", name, width)
					}
				}
			}
		}
	}
	for _, c := range []struct{ secret, shown string }{
		{"Tr0ub!&dor", "Tr0ub!%26dor"}, {"a/b&cdef", "a/b%26cdef"}, {"p&ss word", "p%26ss%20word"}, {"p&ss(word)", "p%26ss(word)"}, {"key=a b", "key=a%20b"},
	} {
		require.Equal(t, maskText, Hide(c.shown, Forms([]string{c.secret})))
	}
}

// A secret of many lines that begin alike takes no longer than others: what is
// looked at does not grow with it.
func BenchmarkHideBesideALargeSecret(b *testing.B) {
	var secret strings.Builder
	for i := range 3800 {
		fmt.Fprintf(&secret, "export V%d=%d\n", i, i*7919)
	}
	hider := NewHider(Forms([]string{secret.String()}))
	text := strings.Repeat("export nothing that is known ", 9000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		hider.Hide(text)
	}
}
