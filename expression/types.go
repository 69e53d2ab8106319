package expression

import (
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/types"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// paramTypes and outputTypes say what a declared type is in an expression.
var (
	paramTypes = map[miniairflow.ParamType]types.Type{
		miniairflow.ParamString:   types.String,
		miniairflow.ParamInteger:  types.Int,
		miniairflow.ParamNumber:   types.Float64,
		miniairflow.ParamBoolean:  types.Bool,
		miniairflow.ParamDate:     types.String,
		miniairflow.ParamDatetime: types.String,
		miniairflow.ParamDuration: types.String,
		miniairflow.ParamEnum:     types.String,
		miniairflow.ParamList:     types.TypeOf([]any{}),
		miniairflow.ParamObject:   types.TypeOf(map[string]any{}),
	}
	outputTypes = map[miniairflow.OutputType]types.Type{
		miniairflow.OutputString:  types.String,
		miniairflow.OutputInteger: types.Int,
		miniairflow.OutputNumber:  types.Float64,
		miniairflow.OutputBoolean: types.Bool,
		miniairflow.OutputList:    types.TypeOf([]any{}),
		miniairflow.OutputObject:  types.TypeOf(map[string]any{}),
	}
)

// checkTypes compiles an expression, as parse returned it, with the types of
// what it reads.
func (c *checker) checkTypes(masked string, references []reference, wantBool bool) (err error) {
	defer recovered(&err)
	options := append(languageOptions(), expr.Env(c.typedNames(references)))
	if wantBool {
		options = append(options, expr.AsBool())
	}
	if _, err := expr.Compile(masked, options...); err != nil {
		return placed(err)
	}
	return nil
}

// typedNames declares the names that an expression reads, and only those: the
// cost must not grow with the number of tasks.
func (c *checker) typedNames(references []reference) types.Map {
	names, tasks := types.Map{nullName: types.Nil}, types.Map{}
	for _, r := range references {
		from, ok := rootNamed(r.root)
		if !ok {
			continue
		}
		if from.alone != nil {
			names[r.root] = from.alone
			continue
		}
		if r.root != rootTasks {
			fields, ok := names[r.root].(types.Map)
			if !ok {
				fields = types.Map{}
				names[r.root] = fields
			}
			fields[r.name] = from.typeOf(c, r.name)
			continue
		}
		names[rootTasks] = tasks
		task, ok := tasks[r.name].(types.Map)
		if !ok {
			task = types.Map{fieldStatus: types.String, fieldExitCode: types.Int, fieldOutputs: types.Map{}}
			tasks[r.name] = task
			tasks[strings.ReplaceAll(r.name, "-", hyphen)] = task
		}
		if outputs, ok := task[fieldOutputs].(types.Map); ok && r.field == fieldOutputs {
			outputs[r.key] = outputType(&c.d.Tasks[c.tasks[r.name]], r.key)
		}
	}
	return names
}

// outputType returns the type of an output of a task: of one with for_each it is a
// list, an element for each item. What a child run hands on is known when it is over,
// unless the task says so.
func outputType(t *miniairflow.Task, name string) types.Type {
	if t.ForEach != nil {
		return outputTypes[miniairflow.OutputList]
	}
	if t.Workflow != nil && t.Outputs == nil {
		return types.Any
	}
	return typeOr(outputTypes[t.Outputs[name]], types.String)
}

func typeOr(t, otherwise types.Type) types.Type {
	if t == nil {
		return otherwise
	}
	return t
}
