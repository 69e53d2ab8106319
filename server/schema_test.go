package server_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/server"
)

// An editor has no token, and needs none for the schema and nothing but it.
func TestSchema(t *testing.T) {
	r := start(t, func(c *server.Config) { c.Schema = []byte(`{"type": "object"}`) })
	response, err := r.client.Get(r.url + "/schema/workflow.json")
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "application/schema+json", response.Header.Get("Content-Type"))
	require.JSONEq(t, `{"type": "object"}`, string(body))

	other, err := r.client.Get(r.url + "/schema/workflow.json/x")
	require.NoError(t, err)
	require.NoError(t, other.Body.Close())
	require.Equal(t, http.StatusUnauthorized, other.StatusCode)
}
