package loader_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/loader/reference"
)

// holders are files with room for one more key of a map: "KEY: VALUE", behind other keys.
var holders = map[string]string{
	"workflow":          "%s\ntasks: {a: {command: echo}}",
	"schedule":          "schedule: {cron: 0 0 * * *, %s}\ntasks: {a: {command: echo}}",
	"task":              "tasks: {a: {command: echo, %s}}",
	"retry":             "tasks: {a: {command: echo, retry: {count: 1, %s}}}",
	"output":            "tasks: {a: {command: echo, outputs: {o: {%s}}}}",
	"artifact":          "tasks: {a: {command: echo, artifacts: [{path: a.csv, %s}]}}",
	"http":              "tasks: {a: {http: {url: 'https://example.org', %s}}}",
	"container":         "tasks: {a: {command: echo, container: {image: alpine, %s}}}",
	"wait":              "tasks: {a: {timeout: 1h, wait: {file: a.csv, %s}}}",
	"after":             "triggers: {after: {all: [b, c], %s}}\ntasks: {a: {command: echo}}",
	"file":              "triggers: {file: {path: '*.csv', %s}}\ntasks: {a: {command: echo}}",
	"after workflow":    "triggers: {after: [{workflow: b, %s}]}\ntasks: {a: {command: echo}}",
	"wait run":          "tasks: {a: {wait: {run: {workflow: b, %s}}}}",
	"recipient webhook": "on_failure: {webhook: {url: 'https://example.org', %s}}\ntasks: {a: {command: echo}}",
	"approval":          "tasks: {a: {timeout: 1h, approval: {message: Go, %s}}}",
}

// whenDone are the defaults that are taken when the task runs, so that a definition
// tells them from a key that says the same; with what the program takes.
var whenDone = map[string]string{
	"http method":          (&miniairflow.HTTP{}).MethodOrDefault(),
	"http expected_status": "2xx",     // see HTTP.Expects
	"container pull":       "missing", // that of docker and podman
	"wait interval":        miniairflow.WaitIntervalDefault.String(),
}

// A key with the default that the reference has for it says the same as no key at all.
func TestReferenceHasTheDefaults(t *testing.T) {
	meaning := func(holder, key string) string {
		text := fmt.Sprintf(holder, key)
		definitions, problems := loader.Parse("a.yaml", []byte(text), loader.Limits{})
		require.Empty(t, problems, text)
		content, err := json.Marshal(definitions[0].Definition)
		require.NoError(t, err)
		return string(content)
	}
	tried := 0
	for _, m := range reference.Maps() {
		if m.IsFile || m.Name == "defaults" {
			continue // it has the keys of a task, or is no part of a workflow
		}
		for _, key := range m.Keys {
			taken, isLate := whenDone[m.Name+" "+key.Name]
			switch {
			case key.Default == "":
			case isLate:
				require.Equal(t, taken, key.Default, "%s.%s", m.Name, key.Name)
			default:
				require.Contains(t, holders, m.Name, "add a file with room for one more key")
				require.Equal(t, meaning(holders[m.Name], ""), meaning(holders[m.Name], key.Name+": "+key.Default), "%s.%s", m.Name, key.Name)
				tried++
			}
		}
	}
	require.Greater(t, tried, 20)
}
