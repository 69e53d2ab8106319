package loader_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/loader/reference"
)

// compileSchema returns the schema of workflow files, which must be a valid one.
func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := reference.JSONSchema()
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("workflow.json", document))
	schema, err := compiler.Compile("workflow.json")
	require.NoError(t, err)
	return schema
}

// underSchema says what the schema has against the documents of a file.
func underSchema(schema *jsonschema.Schema, data []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	for {
		var document any
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if document == nil {
			continue // an empty document is none
		}
		if err := schema.Validate(asJSON(document)); err != nil {
			return err
		}
	}
}

// asJSON returns a value of YAML as editors hand it to a schema.
func asJSON(value any) any {
	switch v := value.(type) {
	case map[string]any:
		object := make(map[string]any, len(v))
		for key, item := range v {
			object[key] = asJSON(item)
		}
		return object
	case map[any]any:
		object := make(map[string]any, len(v))
		for key, item := range v {
			object[fmt.Sprint(key)] = asJSON(item)
		}
		return object
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = asJSON(item)
		}
		return list
	case time.Time:
		return v.Format(time.DateOnly)
	default:
		return v
	}
}

var docBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// corpus returns all files that the tests, the examples and the pages have.
func corpus(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, pattern := range []string{"testdata/good/*.yaml", "testdata/bad/*.yaml", "../dags/*.yaml", "../runner/testdata/*.yaml"} {
		for _, file := range glob(t, pattern) {
			files[file] = read(t, file)
		}
	}
	for _, page := range append(glob(t, "../docs/*.md"), "../README.md") {
		for i, match := range docBlock.FindAllSubmatch(read(t, page), -1) {
			block := string(match[1])
			if !strings.Contains(block, "tasks:") {
				block += "tasks:\n  a: {noop: true}\n"
			}
			files[fmt.Sprintf("%s#%d", page, i)] = []byte(block)
		}
	}
	for _, m := range reference.Maps() {
		for _, key := range m.Keys {
			if !m.IsFile {
				files[m.Name+"."+key.Name] = []byte(key.Example)
			}
		}
	}
	return files
}

// A file that the loader takes is valid under the schema: what an editor marks
// as wrong is wrong.
func TestSchemaTakesWhatTheLoaderTakes(t *testing.T) {
	schema := compileSchema(t)
	taken := 0
	for name, data := range corpus(t) {
		if _, problems := loader.Parse(filepath.Base(name), data, loader.Limits{}); len(problems) > 0 {
			continue
		}
		taken++
		require.NoError(t, underSchema(schema, data), "%s is a workflow file, but the schema refuses it", name)
	}
	require.Greater(t, taken, 100)
}

// A task that has its action from a template has none of its own.
func TestSchemaTakesATaskOfATemplate(t *testing.T) {
	text := "tasks:\n  a: {template: load, inputs: {table: orders}}\n  b: {http: {url: \"https://example.org\", method: \"\"}}\n"
	require.NoError(t, underSchema(compileSchema(t), []byte(text)))
}

// Each example of the reference uses its key, and is a workflow file.
func TestReferenceExamples(t *testing.T) {
	for _, m := range reference.Maps() {
		for _, key := range m.Keys {
			name := m.Name + "." + key.Name
			require.NotEmpty(t, key.Text, name)
			require.NotEmpty(t, key.Sample, name)
			require.True(t, key.Default+key.Absent != "" || slices.Contains(m.Needs, key.Name), "%s says what holds without it", name)
			if m.Name != "template file" { // its keys are those of a task, which have examples of their own
				require.Contains(t, key.Example, key.Name, "the example of %s uses it", name)
			}
			require.Empty(t, problemsOf(m, key.Example), "%s:\n%s", name, key.Example)
		}
	}
}

// problemsOf reads an example as the file that it is of.
func problemsOf(m reference.Map, example string) (problems []miniairflow.ImportError) {
	switch {
	case !m.IsFile:
		_, problems = loader.Parse("example.yaml", []byte(example), loader.Limits{})
		// The template is in a file of its own.
		problems = slices.DeleteFunc(problems, func(p miniairflow.ImportError) bool {
			return strings.HasPrefix(p.Message, `there is no template "load"`)
		})
	case m.Name == "defaults file":
		problems = loader.ParseDefaults("defaults.yaml", []byte(example), loader.Limits{})
	case m.Name == "template file":
		problems = loader.ParseTemplate("load.yaml", []byte(example), loader.Limits{})
	case m.Name == "pool":
		_, problems = loader.ParsePools("pools.yaml", []byte(example), loader.Limits{})
	default:
		_, problems = loader.ParseCases("example.test.yaml", []byte(example), loader.Limits{})
	}
	return problems
}

// The wrong files that have a mistake in a key, or in the shape of a value, are
// those that an editor can mark.
func TestSchemaRefuses(t *testing.T) {
	schema := compileSchema(t)
	for _, name := range []string{
		"01_unknown_key", "02_unknown_task_key", "03_synonyms_task", "04_synonyms_workflow", "05_synonyms_tools", "06_misplaced_keys",
		"10_timeout_without_unit", "11_timeout_not_a_duration", "12_integers", "13_booleans", "14_null_values", "15_tasks_list",
		"16_tasks_missing", "17_tasks_empty", "18_task_is_text", "19_root_is_list", "20_root_is_text", "24_wrong_types", "28_bad_names",
		"33_schedule_without_cron", "38_trigger_rule", "39_priority", "41_shell", "43_outputs", "44_env_names", "45_params", "47_retry_values",
		"48_defaults_keys",
	} {
		require.Error(t, underSchema(schema, read(t, "testdata/bad/"+name+".yaml")), name)
	}
}

// A key that no map has is refused in each of them, by both.
func TestSchemaIsClosed(t *testing.T) {
	schema := compileSchema(t)
	for name, text := range map[string]string{
		"workflow": "zzz: 1\ntasks: {a: {noop: true}}\n",
		"schedule": "schedule: {cron: \"@daily\", zzz: 1}\ntasks: {a: {noop: true}}\n",
		"param":    "params: {p: {type: string, zzz: 1}}\ntasks: {a: {noop: true}}\n",
		"defaults": "defaults: {zzz: 1}\ntasks: {a: {noop: true}}\n",
		"task":     "tasks: {a: {noop: true, zzz: 1}}\n",
		"finally":  "tasks: {a: {noop: true}}\nfinally: {b: {noop: true, zzz: 1}}\n",
		"retry":    "tasks: {a: {command: echo, retry: {count: 1, zzz: 1}}}\n",
	} {
		_, problems := loader.Parse("closed.yaml", []byte(text), loader.Limits{})
		require.NotEmpty(t, problems, name)
		require.Error(t, underSchema(schema, []byte(text)), name)
		known := strings.NewReplacer(", zzz: 1", "", "zzz: 1\n", "", "zzz: 1", "").Replace(text)
		require.NoError(t, underSchema(schema, []byte(known)), name)
	}
}

// What the durations of the schema are, the loader's are.
func TestSchemaDurations(t *testing.T) {
	schema := compileSchema(t)
	for _, duration := range []string{
		"0", `"0"`, "1s", "1.5h", ".5h", "1.h", "1h30m", "250ms", "10us", "10µs", "2d", "2d12h", "99999d", "1d0", "-0s", "1d+1h", "1h1h",
		"30", `"30"`, `""`, "abc", "1 s", "10M", "1w", "d", "1d1d", "1hh", "+", "1e3", "0x1", "00", "1.2.3s", "true", "[1s]", "{a: 1s}", "~", "123456d",
	} {
		text := "timeout: " + duration + "\ntasks: {a: {noop: true}}\n"
		_, problems := loader.Parse("duration.yaml", []byte(text), loader.Limits{})
		if err := underSchema(schema, []byte(text)); err != nil {
			require.NotEmpty(t, problems, "the schema refuses %s: %v", duration, err)
		} else if len(problems) > 0 {
			require.Equal(t, "00", duration, "the loader refuses what the schema takes: %v", problems) // a number of nothing, for editors
		}
	}
}

// The files that are made of the description are as it says.
func TestGeneratedReferenceIsFresh(t *testing.T) {
	page, err := os.ReadFile("../docs/workflow-reference.md")
	require.NoError(t, err)
	require.Equal(t, reference.Page(), string(page), "run make generate")
	want, err := reference.JSONSchema()
	require.NoError(t, err)
	schema, err := os.ReadFile("../docs/workflow.schema.json")
	require.NoError(t, err)
	require.Equal(t, string(want), string(schema), "run make generate")
}

// Whatever stands in the place of a value, an editor marks nothing that the loader
// takes.
func TestSchemaTakesWhateverTheLoaderTakes(t *testing.T) {
	schema := compileSchema(t)
	others := []string{"~", "true", "False", "0", "-1", "7", "1.5", `""`, "x", `"7"`, "[]", "[x]", "[7, 8]", "{}", "{x: 1}", "90s", "2026-01-31", `"${{ run.id }}"`}
	tried, taken := 0, 0
	for name, data := range corpus(t) {
		var document yaml.Node
		if yaml.Unmarshal(data, &document) != nil || strings.Contains(name, "/") && !strings.Contains(name, "good/0") {
			continue
		}
		for _, n := range nodesOf(&document) {
			saved := *n
			for _, other := range others {
				var value yaml.Node
				require.NoError(t, yaml.Unmarshal([]byte(other), &value))
				*n = *value.Content[0]
				text, err := yaml.Marshal(&document)
				*n = saved
				if err != nil {
					continue // an alias has lost its anchor
				}
				tried++
				if _, problems := loader.Parse("mutated.yaml", text, loader.Limits{}); len(problems) == 0 {
					taken++
					require.NoError(t, underSchema(schema, text), "%s with %s:\n%s", name, other, text)
				}
			}
		}
	}
	require.Greater(t, tried, 5_000)
	require.Greater(t, taken, 500)
}

// nodesOf returns all values of a document, keys of maps left out.
func nodesOf(n *yaml.Node) (nodes []*yaml.Node) {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			continue
		}
		nodes = append(nodes, child)
		nodes = append(nodes, nodesOf(child)...)
	}
	return nodes
}
