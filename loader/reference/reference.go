// Package reference describes the language of workflow files: every map that a
// file may have, every key of it, with its type, its default and an example. The
// JSON Schema for editors and the page docs/workflow-reference.md come from this
// one description, and a test of the loader holds it beside the tables by which
// files are really read.
//
// A new key is one more Key in the list of its map here. A new kind of map is a
// Map, and a line in Maps.
package reference

import "slices"

//go:generate go run ./write ../../docs

// Map is one kind of map in a file.
type Map struct {
	Name   string // of its section, and of its definition in the schema
	Table  string // the loader's table of its keys
	Intro  string // Markdown: what it is for and where it stands
	Keys   []Key  // in the order in which people write them
	Needs  []string
	NeedsA []string // one of these keys must be there

	// IsFile says that it is the root of a file of its own, not part of a workflow file.
	IsFile bool
}

// Key is one key of a map.
type Key struct {
	Name    string
	Type    Type
	Default string // the value without the key, as YAML; empty: there is none
	Absent  string // what holds without the key, where no value says it
	Reads   string // what ${{ }} in its value may read; empty: none is allowed
	Text    string // one or two sentences: what it does, with unit and range
	Sample  string // a value, as YAML
	Example string // a whole file that uses it
	Needs   string // what the example needs beside the program, to be run; empty: nothing

	// InDefaults says of a key of a task that `defaults` may have it too.
	InDefaults bool
	// IsAction says of a key of a task that it is what the task does.
	IsAction bool
}

// Maps returns the description of the language, the root of a workflow file first.
func Maps() []Map {
	maps := []Map{
		workflowMap(), scheduleMap(), triggersMap(), afterMap(), afterWorkflowMap(), webhookMap(), arrivalMap(), paramMap(), groupMap(), defaultsMap(), taskMap(), retryMap(),
		outputMap(), artifactMap(), httpMap(), sshMap(), containerMap(), waitMap(), waitRunMap(), approvalMap(), childMap(), workflowOutputMap(), recipientMap(), recipientWebhookMap(), emailMap(), poolMap(), folderMap(), templateMap(),
	}
	return append(maps, caseMaps()...)
}

// Find returns the map of a name; ok is false if there is none.
func Find(name string) (m Map, ok bool) {
	maps := Maps()
	i := slices.IndexFunc(maps, func(m Map) bool { return m.Name == name })
	if i < 0 {
		return Map{}, false
	}
	return maps[i], true
}

// defaultsMap has the keys of a task that may be given for all.
func defaultsMap() Map {
	m := Map{
		Name: "defaults", Table: "defaultFields",
		Intro: "What all tasks of the workflow start from, those of `finally` included. A task's own keys win one by one; `env` and `retry` are merged key by key.",
	}
	for _, key := range taskMap().Keys {
		if key.InDefaults {
			m.Keys = append(m.Keys, key)
		}
	}
	return m
}
