package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const generated = "../generated/generated.go"

// What is there was rewritten: the marks of each rule are in it, and what the rules
// replace is not.
func TestGeneratedCodeIsLight(t *testing.T) {
	source, err := os.ReadFile(generated)
	require.NoError(t, err)
	for _, old := range []string{"graphql.MarshalSliceConcurrently(", "graphql.BatchParentsFor[", "\treturn out\n}"} {
		require.Zero(t, strings.Count(string(source), old), old) // NotContains would print all of it
	}
	light := []string{
		"if ret = ec.marshalNTaskRunStatus2",                                          // a required field is read directly
		"return ec.marshalODateTime2ᚖtimeᚐTime(ctx, field.Selections, obj.StartedAt)", // and an optional one
	}
	for _, name := range computed {
		light = append(light, "out.Values[i] = ec._"+name+"(ctx, field, obj)")
	}
	for _, text := range light {
		require.Positive(t, strings.Count(string(source), text), text)
	}
}

// A new version of gqlgen that generates something else is noticed.
func TestRewriteRefusesWhatItDoesNotKnow(t *testing.T) {
	source, err := os.ReadFile(generated)
	require.NoError(t, err)
	_, err = rewrite(string(source))
	require.ErrorContains(t, err, "no field is read as this program knows it", "it was rewritten already")
	_, err = rewrite(strings.ReplaceAll(string(source), "graphql.ResolveField(", "graphql.ResolveOtherwise("))
	require.ErrorContains(t, err, "no field is read as this program knows it")
}
