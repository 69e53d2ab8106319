package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLineWriter(t *testing.T) {
	var printed []string
	w := &lineWriter{prefix: "a | ", print: func(lines ...string) { printed = append(printed, lines...) }}
	for _, piece := range []string{"one\ntw", "o\r\n\x1b[2Jthree"} {
		n, err := w.Write([]byte(piece))
		require.NoError(t, err)
		require.Equal(t, len(piece), n)
	}
	require.Equal(t, []string{"a | one", "a | two"}, printed, "whole lines only")
	w.flush()
	require.Equal(t, "a |  [2Jthree", printed[2], "control characters do not reach the terminal")
	w.flush()
	require.Len(t, printed, 3, "nothing is printed twice")

	_, err := w.Write([]byte(strings.Repeat("x", lineMax+1)))
	require.NoError(t, err)
	require.Len(t, printed[3], len("a | ")+lineMax, "a line without an end is cut")
}
