package graph_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

func TestTokensOverTheAPI(t *testing.T) {
	w := newWorld(t, persistencetest.SQLite(t))
	var made struct {
		CreateToken struct {
			Text       string
			Token      json.RawMessage
			UserErrors []struct{ Message, Code string }
		}
	}
	const create = `mutation($name: String!) { createToken(input: {name: $name}) { text token { name createdBy } userErrors { message code } } }`
	w.ask(t, create, vars{"name": "ann"}, &made)
	require.True(t, miniairflow.IsTokenText(made.CreateToken.Text))
	require.JSONEq(t, `{"name": "ann", "createdBy": "api"}`, string(made.CreateToken.Token))
	require.Contains(t, shown(t, w, `{ tokens { name } }`, nil), `{"tokens":[{"name":"ann"}]}`)
	w.ask(t, create, vars{"name": "ann"}, &made)
	require.Equal(t, "CONFLICT", made.CreateToken.UserErrors[0].Code)

	ann := "ann"
	w.caller.Store(&ann)
	w.ask(t, create, vars{"name": "boss"}, &made)
	require.Equal(t, "FORBIDDEN", made.CreateToken.UserErrors[0].Code)
	require.Equal(t, "tokens are made, listed and revoked with the server's own token, not with that of ann", made.CreateToken.UserErrors[0].Message)
	require.Equal(t, "FORBIDDEN", w.code(t, `{ tokens { name } }`, nil))
	const revoke = `mutation { revokeToken(input: {name: "ann"}) { isRevoked userErrors { code } } }`
	require.Contains(t, shown(t, w, revoke, nil), `{"revokeToken":{"isRevoked":false,"userErrors":[{"code":"FORBIDDEN"}]}}`)
	require.Contains(t, shown(t, w, `mutation { setVar(input: {name: "X", value: 1}) { var { updatedBy } } }`, nil), `"updatedBy":"ann"`)
	w.caller.Store(nil)
	require.Contains(t, shown(t, w, revoke, nil), `{"revokeToken":{"isRevoked":true,"userErrors":[]}}`)
	require.Contains(t, shown(t, w, `{ tokens { name } }`, nil), `{"tokens":[]}`)
}
