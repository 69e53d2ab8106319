// Package graph answers GraphQL: queries, mutations, and subscriptions over the
// store and Control. schema.graphqls in the root is the contract; the resolvers
// in schema.resolvers.go only call the file named after what they return.
package graph

import "github.com/sauravritesh63/miniairflow"

// Resolver is the root of all resolvers.
type Resolver struct {
	store    miniairflow.Store
	control  *miniairflow.Control
	versions *versionCache
	live     *live
}
