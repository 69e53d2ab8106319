package product

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// waitGap is the time between two looks at a run that is waited for.
const waitGap = 200 * time.Millisecond

// Client speaks to the API of one server.
type Client struct {
	URL  string // such as http://127.0.0.1:8080
	http *http.Client
}

// NewClient returns a client of the server at url.
func NewClient(url string) *Client {
	return &Client{URL: url, http: &http.Client{
		Timeout:   2 * time.Minute,
		Transport: &http.Transport{MaxIdleConnsPerHost: 128},
	}}
}

// Ready returns nil when the server is ready.
func (c *Client) Ready(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", response.Status)
	}
	return nil
}

// Query sends a GraphQL operation and decodes its data into data.
func (c *Client) Query(ctx context.Context, text string, variables map[string]any, data any) error {
	body, err := c.Raw(ctx, text, variables)
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("decode the answer: %w: %.200s", err, body)
	}
	if len(answer.Errors) > 0 {
		return errors.New(answer.Errors[0].Message)
	}
	if data == nil {
		return nil
	}
	return json.Unmarshal(answer.Data, data)
}

// Raw sends a GraphQL operation and returns the answer as it came.
func (c *Client) Raw(ctx context.Context, text string, variables map[string]any) ([]byte, error) {
	body, err := json.Marshal(map[string]any{"query": text, "variables": variables})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/graphql", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %.200s", response.Status, answer)
	}
	return answer, err
}

// AwaitWorkflow waits until a workflow is loaded. A file with an error ends that.
func (c *Client) AwaitWorkflow(ctx context.Context, name string) error {
	const text = `query ($name: String!) { workflow(name: $name) { id } importErrors { message } }`
	for {
		var found struct {
			Workflow     *struct{ ID string }
			ImportErrors []struct{ Message string }
		}
		if err := c.Query(ctx, text, map[string]any{"name": name}, &found); err != nil {
			return fmt.Errorf("look for workflow %s: %w", name, err)
		}
		if found.Workflow != nil {
			return nil
		}
		if len(found.ImportErrors) > 0 {
			return fmt.Errorf("load workflow %s: %s", name, found.ImportErrors[0].Message)
		}
		if err := Pause(ctx, waitGap); err != nil {
			return err
		}
	}
}

// Trigger starts a run and returns its id. A workflow that is not loaded yet is
// waited for.
func (c *Client) Trigger(ctx context.Context, workflow string) (string, error) {
	if err := c.AwaitWorkflow(ctx, workflow); err != nil {
		return "", err
	}
	const trigger = `mutation ($name: String!) {
		triggerWorkflow(input: {workflow: $name}) { workflowRun { id } userErrors { message } } }`
	var made struct {
		TriggerWorkflow struct {
			WorkflowRun *struct{ ID string }
			UserErrors  []struct{ Message string }
		}
	}
	if err := c.Query(ctx, trigger, map[string]any{"name": workflow}, &made); err != nil {
		return "", fmt.Errorf("trigger %s: %w", workflow, err)
	}
	if made.TriggerWorkflow.WorkflowRun == nil {
		return "", fmt.Errorf("trigger %s: %v", workflow, made.TriggerWorkflow.UserErrors)
	}
	return made.TriggerWorkflow.WorkflowRun.ID, nil
}

// Wait waits until a run is over.
func (c *Client) Wait(ctx context.Context, run string) error {
	const text = `query ($id: ID!) { workflowRun(id: $id) { status finishedAt } }`
	for {
		var found struct {
			WorkflowRun struct {
				Status     string
				FinishedAt *time.Time
			}
		}
		if err := c.Query(ctx, text, map[string]any{"id": run}, &found); err != nil {
			return fmt.Errorf("look at run %s: %w", run, err)
		}
		if found.WorkflowRun.FinishedAt != nil {
			return nil
		}
		if err := Pause(ctx, waitGap); err != nil {
			return fmt.Errorf("run %s is still %s: %w", run, found.WorkflowRun.Status, err)
		}
	}
}

// Pause returns after d, or with an error when ctx is done.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
