// Command lighten rewrites what gqlgen has generated, so that a field that only
// reads a value costs what reading it costs. It fails where gqlgen generates
// something else than it knows.
package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// computed are resolvers that ask nobody: a goroutine would cost more than they do.
var computed = []string{
	"TaskAttempt_reason", "TaskRun_outputs", "TaskRun_pool", "TaskRun_reason",
	"WorkflowRun_outcome", "WorkflowRun_reason", "WorkflowRun_scheduleName",
}

// plainField finds the resolver of a scalar that is a field of its object: its
// head (1), the rest up to its end (3), the value (4), its marshaler (5), and whether
// it is required (6).
var plainField = regexp.MustCompile(`(func \(ec \*executionContext\) (_\w+)\(ctx context\.Context, field graphql\.CollectedField, obj [^\n]*\) \(ret graphql\.Marshaler\) \{\n)` +
	`(\treturn graphql\.ResolveField\(\n\t\tctx,\n\t\tec\.OperationContext,\n\t\tfield,\n` +
	`\t\tfunc\(ctx context\.Context, field graphql\.CollectedField\) \(\*graphql\.FieldContext, error\) \{\n\t\t\treturn ec\.fieldContext\w+\(ctx, field\)\n\t\t\},\n` +
	`\t\tfunc\(ctx context\.Context\) \(any, error\) \{\n\t\t\treturn (obj\.\w+), nil\n\t\t\},\n\t\tnil,\n` +
	`\t\tfunc\(ctx context\.Context, selections ast\.SelectionSet, v [^\n]*\) graphql\.Marshaler \{\n\t\t\treturn (ec\.marshal[^(]+)\(ctx, selections, v\)\n\t\t\},\n` +
	`\t\ttrue,\n\t\t(true|false),\n\t\)\n\}\n)` +
	`(func \(ec \*executionContext\) fieldContext_\w+\([^\n]*\n\treturn graphql\.NewScalarFieldContext)`)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: lighten generated.go")
		os.Exit(2)
	}
	if err := lighten(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "lighten:", err)
		os.Exit(1)
	}
}

func lighten(path string) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := rewrite(string(source))
	if err != nil {
		return fmt.Errorf("rewrite %s: %w", path, err)
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

func rewrite(text string) (string, error) {
	if !plainField.MatchString(text) {
		return "", fmt.Errorf("no field is read as this program knows it")
	}
	text = plainField.ReplaceAllStringFunc(text, readDirectly)
	replacements := [][2]string{
		{"graphql.MarshalSliceConcurrently(", "execution.MarshalSlice("},
		{"graphql.BatchParentsFor[", "execution.BatchParentsFor["},
		{"\treturn out\n}", "\treturn execution.Object(fields, out)\n}"},
		{
			"\t\"github.com/sauravritesh63/miniairflow/graph/model\"\n",
			"\t\"github.com/sauravritesh63/miniairflow/graph/execution\"\n\t\"github.com/sauravritesh63/miniairflow/graph/model\"\n",
		},
	}
	for _, name := range computed {
		call := "ec._" + name + "(ctx, field, obj)"
		replacements = append(replacements, [2]string{
			"out.ResolveConcurrently(ec.OperationContext, &deferred, i,\n\t\t\t\ttrue, false,\n" +
				"\t\t\t\tfunc(ctx context.Context) graphql.Marshaler {\n\t\t\t\t\treturn " + call + "\n\t\t\t\t})\n",
			"out.Values[i] = " + call + "\n",
		})
	}
	for _, r := range replacements {
		if !strings.Contains(text, r[0]) {
			return "", fmt.Errorf("there is no %q", r[0])
		}
		text = strings.ReplaceAll(text, r[0], r[1])
	}
	return text, nil
}

// readDirectly lets the resolver of a field return its value before anything is
// made for middlewares and errors, of which a value that is there has neither.
func readDirectly(resolver string) string {
	m := plainField.FindStringSubmatch(resolver)
	head, rest, value, marshal, isRequired, next := m[1], m[3], m[4], m[5], m[6] == "true", m[7]
	call := marshal + "(ctx, field.Selections, " + value + ")"
	if !isRequired {
		return head + "\treturn " + call + "\n}\n" + next
	}
	return head + "\tif ret = " + call + "; ret != graphql.Null {\n\t\treturn ret\n\t}\n" + rest + next
}
