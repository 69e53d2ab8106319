package graph

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler/transport"
)

// post is transport.POST, but for the answers that have nothing but data: these
// are written as they were encoded, where POST would encode all of it once more.
type post struct{ transport.POST }

// Do implements graphql.Transport.
func (p post) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	a := &answer{ResponseWriter: w}
	p.POST.Do(a, r, answering{GraphExecutor: exec, answer: a})
}

// answering is an executor that hands data to the answer.
type answering struct {
	graphql.GraphExecutor

	answer *answer
}

// DispatchOperation implements graphql.GraphExecutor.
func (a answering) DispatchOperation(ctx context.Context, operation *graphql.OperationContext) (graphql.ResponseHandler, context.Context) {
	next, ctx := a.GraphExecutor.DispatchOperation(ctx, operation)
	return func(ctx context.Context) *graphql.Response {
		response := next(ctx)
		if response == nil || len(response.Data) == 0 || len(response.Errors) > 0 || len(response.Extensions) > 0 || response.HasNext != nil {
			return response
		}
		a.answer.data = response.Data
		return &graphql.Response{} // is written by nobody
	}, ctx
}

// answer writes its data, if it has any, in place of what it is given.
type answer struct {
	http.ResponseWriter

	data json.RawMessage
}

// Write implements io.Writer.
func (a *answer) Write(p []byte) (int, error) {
	if a.data == nil {
		return a.ResponseWriter.Write(p)
	}
	const head, tail = `{"data":`, `}`
	a.Header().Set("Content-Length", strconv.Itoa(len(head)+len(a.data)+len(tail)))
	for _, part := range [][]byte{[]byte(head), a.data, []byte(tail)} {
		if _, err := a.ResponseWriter.Write(part); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
