package miniairflow_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func TestAuditOfRerun(t *testing.T) {
	g := dagOf(t, []string{"bye"}, []string{"a"}, []string{"b", "a"}, []string{"c", "b"}, []string{"bye"})
	for name, c := range map[string]struct {
		req  miniairflow.Rerun
		want string
	}{
		"retry names what runs again":   {miniairflow.Rerun{Kind: miniairflow.RerunFailed}, "b, c, bye"},
		"retry with the latest version": {miniairflow.Rerun{Kind: miniairflow.RerunFailed, Latest: true}, "b, c, bye, latest version"},
		"clear names what was named":    {miniairflow.Rerun{Kind: miniairflow.RerunClear, Seqs: []int{1, 0, 1}, Downstream: true, Latest: true}, "a, b with all below, latest version"},
		"mark says as what":             {miniairflow.Rerun{Kind: miniairflow.RerunMark, Seqs: []int{1}, Status: miniairflow.TaskSkipped, Downstream: true}, "b as skipped"},
		"status is of marks only":       {miniairflow.Rerun{Kind: miniairflow.RerunClear, Seqs: []int{2}, Status: miniairflow.TaskFailed}, "c"},
	} {
		plan, err := miniairflow.PlanRerun(g, statesOf("sfus"), true, c.req)
		require.NoError(t, err, name)
		require.Equal(t, c.want, miniairflow.AuditOfRerun(g, plan, c.req).Text(), name)
	}
	// With a later version that has one more task, the run of three is gone on with.
	retry := miniairflow.Rerun{Kind: miniairflow.RerunFailed, Latest: true}
	longer := dagOf(t, nil, []string{"a"}, []string{"b"}, []string{"c"})
	plan, err := miniairflow.PlanRerun(longer, statesOf("sf"), true, retry)
	require.NoError(t, err)
	require.Equal(t, []string{"b", "c"}, miniairflow.AuditOfRerun(longer, plan, retry).Tasks)
}

func TestAuditDetailsAreBounded(t *testing.T) {
	var tasks [][]string
	var seqs []int
	for i := range 1000 {
		tasks, seqs = append(tasks, []string{fmt.Sprintf("t%s%04d", strings.Repeat("x", 123), i)}), append(seqs, i)
	}
	g := dagOf(t, nil, tasks...)
	d := miniairflow.AuditOfRerun(g, miniairflow.RerunPlan{}, miniairflow.Rerun{Kind: miniairflow.RerunClear, Seqs: seqs, Downstream: true, Latest: true})
	require.Len(t, d.Tasks, miniairflow.AuditTasksMax)
	require.Equal(t, 980, d.MoreTasks)
	require.True(t, strings.HasSuffix(d.Text(), " and 980 more with all below, latest version"), d.Text())
	text, err := json.Marshal(d)
	require.NoError(t, err)
	require.Less(t, len(text), 4096)
}

func TestTextOfAuditDetails(t *testing.T) {
	none := 0
	require.Equal(t, "0 slots", (&miniairflow.AuditDetails{Slots: &none}).Text())
	require.Empty(t, (&miniairflow.AuditDetails{}).Text())
}
