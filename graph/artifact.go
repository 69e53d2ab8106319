package graph

import (
	"context"
	"fmt"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/artifacts"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// artifacts returns a page of what the last successful attempt of t has left.
func (r *Resolver) artifacts(ctx context.Context, t *miniairflow.TaskRun, first *int, after *string) (*model.ArtifactConnection, error) {
	key, err := r.artifactKey(ctx, t)
	if err != nil {
		return nil, err
	}
	list := query[*model.Artifact, string]{encode: encodeArtifactCursor, decode: decodeArtifactCursor}
	list.find = func(ctx context.Context, after *string, limit int) ([]*model.Artifact, error) {
		if key.Attempt == 0 {
			return nil, nil
		}
		found, err := r.store.FindArtifacts(ctx, key, valueOr(after, ""), limit)
		nodes := make([]*model.Artifact, len(found))
		for i, a := range found {
			nodes[i] = &model.Artifact{Name: a.Name, Size: a.Size, SHA256: a.SHA256, CreatedAt: a.CreatedAt, URL: artifacts.URL(t.RunID, t.Name, a.Name)}
		}
		return nodes, err
	}
	list.count = func(ctx context.Context, _ int) (int, error) {
		if key.Attempt == 0 {
			return 0, nil
		}
		return r.store.CountArtifacts(ctx, key)
	}
	return list.page(ctx, first, after)
}

// artifactKey returns the attempt whose artifacts t shows; attempt 0 has none. Most
// tasks declare none, and cost no look.
func (r *Resolver) artifactKey(ctx context.Context, t *miniairflow.TaskRun) (miniairflow.AttemptKey, error) {
	of := miniairflow.TaskRunKey{RunID: t.RunID, Seq: t.Seq}
	key := miniairflow.AttemptKey{RunID: t.RunID, Seq: t.Seq}
	tasks, err := r.tasksOfTaskRuns(ctx, []*miniairflow.TaskRun{t})
	if err != nil || len(tasks[0].Artifacts) == 0 {
		return key, err
	}
	attempts, err := r.store.FindAttempts(ctx, []miniairflow.TaskRunKey{of})
	if err != nil {
		return key, fmt.Errorf("find attempts: %w", err)
	}
	key.Attempt = miniairflow.ArtifactAttempt(t.Seq, t.Status, attempts[of])
	return key, nil
}

func encodeArtifactCursor(a *model.Artifact) string { return encodeCursor(artifactCursor, a.Name) }

func decodeArtifactCursor(cursor string) (string, error) { return decodeCursor(artifactCursor, cursor) }
