package server

import "net/http"

// schemaPath needs no token: editors fetch what they complete with by its address
// alone, and it says nothing about this server.
const schemaPath = "/schema/workflow.json"

// serveSchema answers with the JSON Schema of workflow files.
func serveSchema(schema []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/schema+json")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(schema) // a client that went away needs no answer
	})
}
