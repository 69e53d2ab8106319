package miniairflow_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// What people see of a webhook is its host where the file names it, and nothing else of
// the URL, of which each part may be a token.
func TestLabelsShowHostsAlone(t *testing.T) {
	for url, host := range map[string]string{
		"https://hooks.example.org/T000/topsecret":                               "hooks.example.org",
		"https://hooks.example.org/T000/topsecret?run=${{ run.number }}":         "hooks.example.org",
		"https://user:topsecret@hooks.example.org:8443/${{ run.number }}":        "hooks.example.org:8443",
		"https://user:${{ secrets.TOKEN }}@hooks.example.org/topsecret":          "a computed host",
		"https://topsecret.${{ vars.DOMAIN }}/T000":                              "a computed host",
		"https://hooks.example.org${{ vars.REST }}/topsecret":                    "a computed host",
		"https://hooks.example.org?topsecret=/${{ run.number }}":                 "a computed host",
		"https:topsecret/${{ run.number }}":                                      "a computed host",
		"https://topsecret\\@hooks.example.org/${{ run.number }}":                "a computed host",
		"${{ vars.SCHEME }}://hooks.example.org/topsecret":                       "a computed host",
		"${{ secrets.SLACK_URL }}":                                               "a computed host",
		"ftp://topsecret/${{ run.number }}":                                      "a computed host",
		"https://hooks.example.org/${{ secrets.ONE }}/https://topsecret.example": "hooks.example.org",
	} {
		r := miniairflow.Recipient{Webhook: &miniairflow.Webhook{URL: url}}
		require.Equal(t, "webhook "+host, r.Label(), url)
		require.NotContains(t, r.Destination(), "topsecret", url)
		if host != "a computed host" {
			require.Equal(t, host, r.Destination())
		}
	}
	long := miniairflow.Recipient{Webhook: &miniairflow.Webhook{URL: "https://" + strings.Repeat("topsecret.", 600) + "example.org"}}
	require.Less(t, len(long.Destination()), 300, "an index must take it")
	one := miniairflow.Recipient{Webhook: &miniairflow.Webhook{URL: "${{ secrets.ONE }}"}}
	other := miniairflow.Recipient{Webhook: &miniairflow.Webhook{URL: "${{ secrets.OTHER }}"}}
	require.NotEqual(t, one.Destination(), other.Destination(), "neither holds up the other")
}
