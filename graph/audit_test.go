package graph_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// auditLog returns the entries that the API shows, without id and time.
func (w *world) auditLog(t *testing.T, arguments string, variables vars) string {
	t.Helper()
	var got struct {
		AuditLog struct{ Nodes []json.RawMessage }
	}
	w.ask(t, `query($run: ID, $workflow: String, $action: AuditAction) {
		auditLog(filter: {workflowRunId: $run, workflow: $workflow, action: $action}) { nodes { `+arguments+` } } }`, variables, &got)
	text, err := json.Marshal(got.AuditLog.Nodes)
	require.NoError(t, err)
	return string(text)
}

// TestAuditLogIsShown asks who did what by the operations of the API itself.
func TestAuditLogIsShown(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.save(t, workflow("etl", "a", "b"), workflow("other", "a"))
		id := w.started(t, "etl")
		w.finish(t)
		other := w.started(t, "other")
		var done any
		for _, mutation := range []string{
			`clearTaskRuns(input: {workflowRunId: $id, tasks: ["a"], downstream: true, latestVersion: true, reason: "złe dane 🐢"})`,
			`markTaskRuns(input: {workflowRunId: $id, tasks: ["a", "b"], status: SKIPPED})`,
			`cancelWorkflowRun(input: {id: $id})`,
			`pauseWorkflow(input: {workflow: "etl", reason: "hold"})`,
			`pauseWorkflow(input: {workflow: "etl", reason: "again"})`,
			`setPool(input: {name: "db", slots: 0})`,
			`drainWorker(input: {name: "w1"})`,
		} {
			variables, header := vars{}, ""
			if strings.Contains(mutation, "$id") {
				variables["id"], header = id, "($id: ID!)"
			}
			w.ask(t, `mutation`+header+` { `+mutation+` { userErrors { message } } }`, variables, &done)
		}
		require.JSONEq(t, `[
			{"action": "DRAIN_WORKER", "label": "w1", "subject": "w1", "reason": null, "details": null},
			{"action": "SET_POOL", "label": "db", "subject": "db", "reason": null, "details": {"text": "0 slots", "slots": 0,
				"tasks": [], "moreTasks": 0, "downstream": false, "latestVersion": false, "status": null}},
			{"action": "PAUSE_WORKFLOW", "label": "etl", "subject": "`+w.workflowID(t, "etl").String()+`", "reason": "hold", "details": null},
			{"action": "CANCEL_RUN", "label": "etl#1", "subject": "`+id.String()+`", "reason": null, "details": null},
			{"action": "MARK_TASKS", "label": "etl#1", "subject": "`+id.String()+`", "reason": null, "details": {"text": "a, b as skipped", "slots": null,
				"tasks": ["a", "b"], "moreTasks": 0, "downstream": false, "latestVersion": false, "status": "SKIPPED"}},
			{"action": "CLEAR_TASKS", "label": "etl#1", "subject": "`+id.String()+`", "reason": "złe dane 🐢", "details": {"text": "a with all below, latest version",
				"slots": null, "tasks": ["a"], "moreTasks": 0, "downstream": true, "latestVersion": true, "status": null}},
			{"action": "CREATE_RUN", "label": "other#1", "subject": "`+other.String()+`", "reason": null, "details": null},
			{"action": "CREATE_RUN", "label": "etl#1", "subject": "`+id.String()+`", "reason": null, "details": null}]`,
			w.auditLog(t, `action label subject reason details { text tasks moreTasks downstream latestVersion status slots }`, nil))

		require.JSONEq(t, `[{"action": "CANCEL_RUN", "actor": "api"}, {"action": "MARK_TASKS", "actor": "api"}, {"action": "CLEAR_TASKS", "actor": "api"}, {"action": "CREATE_RUN", "actor": "api"}]`,
			w.auditLog(t, `action actor`, vars{"run": id}))
		require.JSONEq(t, `[{"label": "etl#1"}]`, w.auditLog(t, `label`, vars{"workflow": "etl", "action": "CREATE_RUN"}))
		require.JSONEq(t, `[{"label": "other#1"}]`, w.auditLog(t, `label`, vars{"workflow": "other"}))
		require.JSONEq(t, `[]`, w.auditLog(t, `label`, vars{"run": uuid.New()}))
		require.Equal(t, miniairflow.CodeNotFound, w.code(t, `{ auditLog(filter: {workflow: "no"}) { nodes { id } } }`, nil))

		var entry struct {
			AuditLog struct {
				Nodes []struct {
					ID int64
					At string
				}
				TotalCount int
			}
		}
		w.ask(t, `{ auditLog(first: 1) { totalCount nodes { id at } } }`, nil, &entry)
		require.Equal(t, 8, entry.AuditLog.TotalCount)
		require.Positive(t, entry.AuditLog.Nodes[0].ID)
		require.True(t, strings.HasSuffix(entry.AuditLog.Nodes[0].At, "Z"), entry.AuditLog.Nodes[0].At)
	})
}

func (w *world) workflowID(t *testing.T, name string) uuid.UUID {
	t.Helper()
	found, err := w.store.FindWorkflowByName(t.Context(), name)
	require.NoError(t, err)
	return found.ID
}

func TestAuditActionsAreAllShown(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		var got struct {
			Type struct {
				EnumValues []struct{ Name string }
			} `json:"__type"`
		}
		w.ask(t, `{ __type(name: "AuditAction") { enumValues { name } } }`, nil, &got)
		var shown []string
		for _, value := range got.Type.EnumValues {
			shown = append(shown, strings.ToLower(value.Name))
		}
		var known []string
		for _, action := range miniairflow.AuditActions {
			known = append(known, string(action))
		}
		require.Equal(t, known, shown)
	})
}

func TestAuditCursorsAreChecked(t *testing.T) {
	w := newWorld(t, persistencetest.SQLite(t))
	for _, cursor := range []string{"dzE", "YQ", "YTA", "YS0x", "!"} { // w1, a, a0, a-1 and nothing
		require.Equal(t, miniairflow.CodeInvalid, w.code(t, `query($after: String) { auditLog(after: $after) { nodes { id } } }`, vars{"after": cursor}))
	}
}
