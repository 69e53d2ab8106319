package logs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHide(t *testing.T) {
	secret := "s3cr&t \"word\"/1"
	pem := "-----BEGIN KEY-----\nAAAABBBBCCCC\n}\n-----END KEY-----\n"
	forms := Forms([]string{secret, pem})
	for name, text := range map[string]string{
		"as it is":           secret,
		"twice":              secret + secret,
		"base64":             "czNjciZ0ICJ3b3JkIi8x",
		"base64 with a line": "czNjciZ0ICJ3b3JkIi8x\n",
		"base64 of a login":  "dXNlcjpzM2NyJnQgIndvcmQiLzE=",
		"JSON of others":     `s3cr&t \"word\"/1`,
		"hex":                "733363722674202277 6f7264222f31",
		"in a query":         "s3cr%26t+%22word%22%2F1",
		"in a path":          "s3cr&t%20%22word%22%2F1",
		"in JSON":            `s3cr\u0026t \"word\"/1`,
		"a line of it":       "AAAABBBBCCCC",
		"all its lines":      pem,
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
