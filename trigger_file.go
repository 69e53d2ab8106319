package miniairflow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"
)

// FileTrigger starts a run for each file that arrives in a folder.
type FileTrigger struct {
	Path      string         `json:"path"`                 // a pattern, below the folder of the workflow's file unless it is absolute
	StableFor Duration       `json:"stable_for,omitempty"` // its size and time must not have changed for so long
	Params    map[string]any `json:"params,omitempty"`     // texts may be templates over the file, see EventScope
}

// StableForDefault is the StableFor of a file that does not say it.
const StableForDefault = Duration(10 * time.Second)

// FoundFile is a file as it is found. One of another size or time is another one.
type FoundFile struct {
	Path     string // with slashes; below the folder of the workflow's file if its trigger's is
	Size     int64
	Modified time.Time // in whole microseconds
}

// File returns what starts runs of d for files; nil if nothing does.
func (d *Definition) File() *FileTrigger {
	if d.Triggers == nil {
		return nil
	}
	return d.Triggers.File
}

// WatchHash names what a trigger of a workflow's file looks at: another one begins anew.
func (t *FileTrigger) WatchHash(sourceFile string) string {
	sum := sha256.Sum256([]byte(path.Dir(sourceFile) + "\x00" + t.Path))
	return hex.EncodeToString(sum[:])
}

// key returns what the run of a file is known by, so that there is one.
func (f FoundFile) key() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d", f.Path, f.Size, f.Modified.UnixMicro()))
	return "file:" + hex.EncodeToString(sum[:])
}

// StartByFile creates the run that a file starts, or returns the one that it has
// started already; nil if the workflow has changed, so that it starts none. A paused
// workflow gets one too, as by TriggerWorkflow, whose errors it has; CodeInvalid also
// where a param cannot be computed from the file.
func (c *Control) StartByFile(ctx context.Context, workflowID uuid.UUID, file FoundFile) (*WorkflowRun, error) {
	w, err := c.Store.FindWorkflow(ctx, workflowID)
	if err != nil {
		return nil, fmt.Errorf("find workflow %s: %w", workflowID, err)
	}
	g, err := c.Store.FindDAG(ctx, w.VersionID)
	if err != nil {
		return nil, fmt.Errorf("find version of workflow %q: %w", w.Name, err)
	}
	trigger := g.Definition.File()
	if trigger == nil || !w.IsActive || w.RetiredAt != nil {
		return nil, nil
	}
	params, err := c.eventParams(ctx, trigger.Params, &EventScope{File: &file})
	if err != nil {
		return nil, err
	}
	return c.TriggerWorkflow(ctx, TriggerRequest{
		Workflow: w.Name, Params: params, IdempotencyKey: file.key(),
		Cause: Cause{Kind: CauseFile, Detail: file.Path}, By: Actor{Name: SchedulerName},
	})
}

func (v *validator) file(at []string, t *FileTrigger) {
	switch _, err := path.Match(t.Path, ""); {
	case t.Path == "":
		v.add(at, "file does not say which files start runs: write path: incoming/*.csv")
	case strings.Contains(t.Path, "${{"): // the check of templates says so
	case err != nil:
		v.add(sub(at, "path"), `path %s is no pattern: close the [, or write \[ for a bracket`, show(t.Path))
	case strings.Contains(t.Path, "**"):
		v.add(sub(at, "path"), "path %s has **, which is no part of such a pattern: write * for each folder", show(t.Path))
	}
	v.noNUL(sub(at, "path"), t.Path)
	v.duration(sub(at, "stable_for"), t.StableFor)
	v.triggerParams(at, t.Params)
}
