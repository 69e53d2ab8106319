package runner_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// triggerAt creates a run of a logical date.
func (s *system) triggerAt(workflow string, logical time.Time, params map[string]any) uuid.UUID {
	s.t.Helper()
	run, err := s.control.TriggerWorkflow(s.t.Context(), miniairflow.TriggerRequest{
		Workflow: workflow, Params: params, LogicalDate: logical, By: miniairflow.Actor{Name: "test"},
	})
	require.NoError(s.t, err)
	return run.ID
}

// says waits until a task waits for the given reason.
func (s *system) says(id uuid.UUID, task, reason string) {
	s.t.Helper()
	s.await(task+" to say "+reason, func() bool {
		found := s.tasks(id)[task]
		return found != nil && found.Status == miniairflow.TaskWaiting && strings.Contains(found.Reason, reason)
	})
}

// A task that waits for another workflow waits on while the run that is meant is not
// there or has failed, and says so; it is over once that has succeeded.
func TestWaitForARunOfAnotherWorkflow(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{
			"source.yaml": "params: {code: {type: integer}}\ntasks:\n  a: {command: exit $CODE, env: {CODE: '${{ params.code }}'}}\n",
			"exact.yaml":  "tasks:\n  w: {wait: {run: source, interval: 1s}}\n",
			"day.yaml":    "tasks:\n  w: {wait: {run: {workflow: source, task: a, match: same_day}, interval: 1s}}\n",
			"latest.yaml": "tasks:\n  w: {wait: {run: {workflow: source, match: latest}, interval: 1s}}\n",
			"nobody.yaml": "tasks:\n  w: {wait: {run: nowhere, on_timeout: skip}, timeout: 100ms}\n",
		})
		s.scheduler()
		s.worker("w1")
		morning := time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)
		exact, day, latest := s.triggerAt("exact", morning, nil), s.triggerAt("day", morning, nil), s.triggerAt("latest", morning, nil)
		nobody := s.triggerAt("nobody", morning, nil)
		s.says(exact, "w", "there is none yet of logical date 2026-01-31T06:00:00Z")
		s.says(day, "w", "waits for the success of task a of workflow source: there is none yet of 2026-01-31")
		s.finish(nobody)
		require.Equal(t, miniairflow.TaskSkipped, s.tasks(nobody)["w"].Status)
		require.Contains(t, s.tasks(nobody)["w"].Reason, "no workflow is called so")

		s.finish(s.triggerAt("source", morning.Add(time.Hour), map[string]any{"code": 1}))
		s.says(day, "w", "in source#1 it is failed")
		s.says(latest, "w", "in source#1 it is failed")
		s.finish(s.triggerAt("source", morning.Add(2*time.Hour), map[string]any{"code": 0}))
		require.Equal(t, miniairflow.RunSuccess, s.finish(day).Status)
		require.Equal(t, miniairflow.RunSuccess, s.finish(latest).Status)
		require.False(t, s.run(exact).IsTerminal(), "neither has its logical date")
		s.finish(s.triggerAt("source", morning, map[string]any{"code": 0}))
		require.Equal(t, miniairflow.RunSuccess, s.finish(exact).Status)
	})
}
