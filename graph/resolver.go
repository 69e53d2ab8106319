// Package graph answers GraphQL: queries, mutations, and subscriptions over the
// store and Control. schema.graphqls in the root is the contract; the resolvers
// in schema.resolvers.go only call the file named after what they return.
package graph

import (
	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/sauravritesh63/miniairflow"
)

// Resolver is the root of all resolvers.
type Resolver struct {
	store    miniairflow.Store
	control  *miniairflow.Control
	versions *versionCache
	// runVersions remembers which version a run executes.
	runVersions *lru.Cache[uuid.UUID, uuid.UUID]
	live        *live
}

// runVersionsMax bounds what is remembered of which version a run executes.
const runVersionsMax = 20_000

func newRunVersions() *lru.Cache[uuid.UUID, uuid.UUID] {
	cache, err := lru.New[uuid.UUID, uuid.UUID](runVersionsMax)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return cache
}
