package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

const artifactsQuery = `query($id: ID!, $first: Int, $after: String) { taskRun(id: $id) { artifacts(first: $first, after: $after) {
	nodes { name size sha256 url createdAt } edges { cursor } pageInfo { hasNextPage endCursor } totalCount totalCountIsExact } } }`

type artifactsAnswer struct {
	TaskRun struct {
		Artifacts struct {
			Nodes []struct {
				Name, Sha256, URL, CreatedAt string
				Size                         int64
			}
			Edges    []struct{ Cursor string }
			PageInfo struct {
				HasNextPage bool
				EndCursor   *string
			}
			TotalCount        int
			TotalCountIsExact bool
		}
	}
}

// A task run shows the artifacts of its last success, in pages; before it, and
// without any, an empty list.
func TestArtifacts(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		d := workflow("etl", "build", "plain")
		d.Tasks[0].Artifacts = []miniairflow.ArtifactRule{{Path: "*"}}
		w.save(t, d)
		run := w.started(t, "etl")
		build, plain := miniairflow.MemberID(run, 0), miniairflow.MemberID(run, 1)
		claim := w.work(t, 1)[0]
		var files []miniairflow.Artifact
		for i := range 5 {
			files = append(files, miniairflow.Artifact{
				Name: fmt.Sprintf("out/%d ü.csv", i), Number: i, Size: 5_000_000_000, SHA256: strings.Repeat("a", 64), Place: miniairflow.ArtifactInStore,
			})
		}
		key := miniairflow.AttemptKey{RunID: run, Seq: claim.Seq, Attempt: claim.Attempt}
		require.NoError(t, w.store.AddArtifacts(t.Context(), key, files, nil))
		var got artifactsAnswer
		w.ask(t, artifactsQuery, vars{"id": build}, &got)
		require.NotNil(t, got.TaskRun.Artifacts.Nodes)
		require.Empty(t, got.TaskRun.Artifacts.Nodes, "the attempt goes on")
		w.work(t, 1, succeed(claim))

		var names []string
		var after *string
		for {
			got = artifactsAnswer{}
			w.ask(t, artifactsQuery, vars{"id": build, "first": 2, "after": after}, &got)
			page := got.TaskRun.Artifacts
			require.Equal(t, 5, page.TotalCount)
			require.True(t, page.TotalCountIsExact)
			for _, a := range page.Nodes {
				names = append(names, a.Name)
				require.EqualValues(t, 5_000_000_000, a.Size)
				require.Equal(t, strings.Repeat("a", 64), a.Sha256)
				require.NotEmpty(t, a.CreatedAt)
			}
			if after = page.PageInfo.EndCursor; !page.PageInfo.HasNextPage {
				break
			}
		}
		require.Equal(t, []string{"out/0 ü.csv", "out/1 ü.csv", "out/2 ü.csv", "out/3 ü.csv", "out/4 ü.csv"}, names)
		w.ask(t, artifactsQuery, vars{"id": build, "first": 1}, &got)
		require.Equal(t, fmt.Sprintf("/artifacts/%s/build/out/0%%20%%C3%%BC.csv", run), got.TaskRun.Artifacts.Nodes[0].URL)

		w.ask(t, artifactsQuery, vars{"id": plain}, &got)
		require.Empty(t, got.TaskRun.Artifacts.Nodes)
		require.Zero(t, got.TaskRun.Artifacts.TotalCount)
		require.Equal(t, miniairflow.CodeInvalid, w.code(t, artifactsQuery, vars{"id": build, "first": 201}))
		require.Equal(t, miniairflow.CodeInvalid, w.code(t, artifactsQuery, vars{"id": build, "after": "x"}))
	})
}
