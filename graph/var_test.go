package graph_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func TestVarsAreSetShownAndDeleted(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		var set struct {
			SetVar struct {
				Var        json.RawMessage
				UserErrors []struct {
					Code    string
					Message string
					Field   []string
				}
			}
		}
		const mutation = `mutation($name: String!, $value: JSON!, $description: String) {
			setVar(input: {name: $name, value: $value, description: $description}) { var { name value description updatedBy } userErrors { code message field } } }`
		w.ask(t, mutation, vars{"name": "LIMITS", "value": map[string]any{"rows": 12345678901234, "ratio": 0.5, "tags": []any{"a", true}}, "description": "of loads"}, &set)
		require.Empty(t, set.SetVar.UserErrors)
		require.JSONEq(t, `{"name": "LIMITS", "value": {"rows": 12345678901234, "ratio": 0.5, "tags": ["a", true]}, "description": "of loads", "updatedBy": "api"}`, string(set.SetVar.Var))
		w.ask(t, mutation, vars{"name": "A", "value": "text"}, &set)
		w.ask(t, mutation, vars{"name": "LIMITS", "value": 3}, &set)
		require.JSONEq(t, `{"name": "LIMITS", "value": 3, "description": "of loads", "updatedBy": "api"}`, string(set.SetVar.Var))
		w.ask(t, mutation, vars{"name": "LIMITS", "value": strings.Repeat("x", 70_000)}, &set)
		require.Equal(t, "INVALID", set.SetVar.UserErrors[0].Code)
		require.Equal(t, []string{"value"}, set.SetVar.UserErrors[0].Field)

		var page struct {
			Vars struct {
				Nodes    []struct{ Name string }
				PageInfo struct {
					HasNextPage bool
					EndCursor   string
				}
				TotalCount int
			}
		}
		const query = `query($after: String) { vars(first: 1, after: $after) { nodes { name } pageInfo { hasNextPage endCursor } totalCount } }`
		w.ask(t, query, nil, &page)
		require.Equal(t, "A", page.Vars.Nodes[0].Name)
		require.True(t, page.Vars.PageInfo.HasNextPage)
		require.Equal(t, 2, page.Vars.TotalCount)
		w.ask(t, query, vars{"after": page.Vars.PageInfo.EndCursor}, &page)
		require.Equal(t, "LIMITS", page.Vars.Nodes[0].Name)
		require.False(t, page.Vars.PageInfo.HasNextPage)

		const remove = `mutation { deleteVar(input: {name: "A"}) { isDeleted userErrors { message } } }`
		var removed struct{ DeleteVar json.RawMessage }
		w.ask(t, remove, nil, &removed)
		require.JSONEq(t, `{"isDeleted": true, "userErrors": []}`, string(removed.DeleteVar))
		w.ask(t, remove, nil, &removed)
		require.JSONEq(t, `{"isDeleted": false, "userErrors": [{"message": "no variable is called \"A\""}]}`, string(removed.DeleteVar))
	})
}

// A workflow tells what it names of variables and secrets, wherever that stands, and
// what of it is not set.
func TestWorkflowsTellWhatTheyName(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		d := workflow("names", "a", "b", "plain")
		d.Params = []miniairflow.Param{{Name: "p", Type: miniairflow.ParamString, Default: "${{ vars.OF_PARAM }}"}}
		d.Env = map[string]string{"E": "${{ vars.OF_ENV }}"}
		d.Tasks[0].When = "${{ vars.OF_WHEN == 1 }}"
		d.Tasks[0].Secrets = map[string]string{"TOKEN": "GIVEN"}
		d.Tasks[0].Env = map[string]string{"A": "${{ secrets.OF_TASK }}", "B": "${{ vars.OF_WHEN }}"}
		d.Tasks[1].ForEach = &miniairflow.ForEach{List: json.RawMessage(`"${{ vars.OF_LIST }}"`), Key: "${{ vars.OF_KEY }}"}
		w.save(t, d, workflow("plain", "a"))
		shown(t, w, `mutation { a: setVar(input: {name: "OF_ENV", value: 1}) { userErrors { message } } b: setVar(input: {name: "ELSE", value: 1}) { userErrors { message } }
			setSecret(input: {name: "GIVEN", value: "hush-hush"}) { userErrors { message } } }`, nil)
		var got struct{ Workflow json.RawMessage }
		const query = `query($name: String!) { workflow(name: $name) { vars { name isSet } secrets { name isSet } } }`
		w.ask(t, query, vars{"name": "names"}, &got)
		require.JSONEq(t, `{
			"vars": [{"name": "OF_ENV", "isSet": true}, {"name": "OF_KEY", "isSet": false}, {"name": "OF_LIST", "isSet": false},
				{"name": "OF_PARAM", "isSet": false}, {"name": "OF_WHEN", "isSet": false}],
			"secrets": [{"name": "GIVEN", "isSet": true}, {"name": "OF_TASK", "isSet": false}]
		}`, string(got.Workflow))
		w.ask(t, query, vars{"name": "plain"}, &got)
		require.JSONEq(t, `{"vars": [], "secrets": []}`, string(got.Workflow))
	})
}

// What is written of a secret is never answered, and nothing says what it was.
func TestSecretsAreWrittenAndNeverShown(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		const value = "correct horse battery"
		answers := shown(t, w, `mutation($value: String!) { setSecret(input: {name: "DB_PASSWORD", value: $value}) {
			secret { name keyId updatedAt updatedBy } userErrors { message } } }`, vars{"value": value})
		answers += shown(t, w, `mutation { setSecret(input: {name: "SHORT", value: "abc"}) { secret { name } userErrors { code message field } } }`, nil)
		answers += shown(t, w, `{ secrets { name keyId updatedBy } auditLog { nodes { action label details { text } } } }`, nil)
		require.Contains(t, answers, `"secrets":[{"name":"DB_PASSWORD"`)
		require.Contains(t, answers, "SET_SECRET")
		require.Contains(t, answers, "fewer than 4 characters")
		require.NotContains(t, answers, "horse")
		require.NotContains(t, answers, `"abc"`)
		answers = shown(t, w, `mutation { deleteSecret(input: {name: "DB_PASSWORD"}) { isDeleted userErrors { message } } }`, nil)
		require.Contains(t, answers, `"isDeleted":true`)
		require.Contains(t, shown(t, w, `{ secrets { name } }`, nil), `"secrets":[]`)
		require.Equal(t, "GRAPHQL_VALIDATION_FAILED", w.code(t, `{ secrets { value } }`, nil))
	})
}

// shown returns all that the API answers to an operation.
func shown(t *testing.T, w *world, query string, variables vars) string {
	t.Helper()
	text, err := json.Marshal(w.post(t, query, variables))
	require.NoError(t, err)
	return string(text)
}
