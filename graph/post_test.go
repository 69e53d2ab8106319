package graph_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Data is written as it was encoded and with its length; an answer with errors is
// written whole, with its status.
func TestPostedAnswers(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		d := workflow("etl", "extract")
		d.Description = "a < b & \"c\"\u2028"
		w.save(t, d)
		for _, test := range []struct {
			query  string
			status int
			want   string
		}{
			{`{ workflow(name: \"etl\") { description } }`, http.StatusOK, `{"data":{"workflow":{"description":"a < b & \"c\"` + "\u2028" + `"}}}`},
			{`{ workflow(name: \"none\") { name } }`, http.StatusOK, `{"data":{"workflow":null}}`},
			{`{ workflows(first: 0) { totalCount } }`, http.StatusOK, `{"errors":[`},
			{`{ nonsense }`, http.StatusUnprocessableEntity, `{"errors":[`},
		} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, strings.NewReader(`{"query": "`+test.query+`"}`))
			require.NoError(t, err)
			request.Header.Set("Content-Type", "application/json")
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, test.status, response.StatusCode, test.query)
			if strings.HasPrefix(test.want, `{"errors"`) {
				require.True(t, strings.HasPrefix(string(body), test.want), "%s", body)
				continue
			}
			require.Equal(t, test.want, string(body))
			require.EqualValues(t, len(body), response.ContentLength)
		}
	})
}
