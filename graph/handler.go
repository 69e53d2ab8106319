package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	complexities "github.com/99designs/gqlgen/complexity"
	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/generated"
)

// Times and sizes of WebSocket connections.
const (
	socketInitTimeout = 5 * time.Second
	socketPing        = 10 * time.Second // a peer that is silent for two of them is gone
	socketReadMax     = 64 << 10
	parsedQueries     = 200
	bodyTimeout       = 30 * time.Second
)

// Config is what a Handler needs. Store, Control and Logger are required.
type Config struct {
	Store   miniairflow.Store
	Control *miniairflow.Control
	Logger  *slog.Logger
	// Authenticate decides about a WebSocket connection: ctx is that of its HTTP
	// request, token what connection_init carries, "" if nothing. The context that it
	// returns is that of the connection, and says who it is (miniairflow.Caller); the
	// error is told to who is refused, and CodeUnavailable asks to try again. Without it
	// every socket is refused. Plain HTTP is the business of who calls the handler.
	Authenticate func(ctx context.Context, token string) (context.Context, error)
	// AllowedOrigins are the origins of foreign pages, such as
	// https://example.org, that may open a WebSocket.
	AllowedOrigins []string
}

// Handler serves GraphQL over POST, GET (queries only), server-sent events and
// WebSocket (graphql-transport-ws).
type Handler struct {
	server *handler.Server
	live   *live
}

// NewHandler returns a Handler. The owner must call Close.
func NewHandler(c Config) (*Handler, error) {
	if c.Store == nil || c.Control == nil || c.Logger == nil {
		return nil, errors.New("graph: Store, Control and Logger are required")
	}
	resolver := &Resolver{
		store: c.Store, control: c.Control,
		versions: newVersionCache(c.Store), live: newLive(c.Store, c.Logger),
	}
	schema := generated.NewExecutableSchema(generated.Config{Resolvers: resolver, Complexity: complexity()})
	server := handler.New(schema)
	readMax := int64(socketReadMax)
	server.AddTransport(transport.Websocket{
		Implementation: transport.CoderWebsocketImplementation{
			AcceptOptions: websocket.AcceptOptions{OriginPatterns: c.AllowedOrigins},
		},
		InitFunc: c.initSocket, InitTimeout: socketInitTimeout,
		PingPongInterval: socketPing, PayloadReadLimit: &readMax,
	})
	server.AddTransport(transport.SSE{})
	server.AddTransport(transport.GET{})
	server.AddTransport(post{})
	server.SetParserTokenLimit(tokensMax)
	server.SetQueryCache(lru.New[*ast.QueryDocument](parsedQueries))
	server.Use(extension.Introspection{})
	server.Use(shape{})
	server.Use(extension.FixedComplexityLimit(complexityMax, complexities.WithFixedScalarValue(0)))
	presenter := presenter{logger: c.Logger}
	server.SetErrorPresenter(presenter.present)
	server.SetRecoverFunc(presenter.recover)
	server.AroundOperations(aroundOperations(presenter))
	server.AroundResponses(limitErrors)
	return &Handler{server: server, live: resolver.live}, nil
}

// Close ends all subscriptions and waits for their goroutines. Requests that
// come later find their subscriptions ended. It always returns nil.
func (h *Handler) Close() error {
	h.live.tasks.close()
	return nil
}

// initSocket lets a WebSocket in whose request or connection_init has the token.
func (c Config) initSocket(ctx context.Context, payload transport.InitPayload) (context.Context, *transport.InitPayload, error) {
	token, isBearer := strings.CutPrefix(payload.Authorization(), "Bearer ")
	if !isBearer {
		token = payload.GetString("token")
	}
	err := errors.New("no socket is let in here")
	if c.Authenticate != nil {
		ctx, err = c.Authenticate(ctx, token)
	}
	if err != nil {
		const forbidden = 4403 // of the graphql-transport-ws protocol
		code, reason := forbidden, "Forbidden"
		if miniairflow.ErrorCode(err) == miniairflow.CodeUnavailable {
			code, reason = int(websocket.StatusTryAgainLater), "Try again later"
		}
		return transport.WithWebsocketCloseCode(transport.AppendCloseReason(ctx, reason), code), nil, err
	}
	return context.WithValue(ctx, socketGateKey{}, &gate{}), nil, nil
}

// aroundOperations bounds each operation and ends subscriptions properly.
func aroundOperations(p presenter) graphql.OperationMiddleware {
	var streams gate
	turns := newTurns()
	return func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		if graphql.GetOperationContext(ctx).Operation.Operation != ast.Subscription {
			respond := withTimeout(ctx, next)
			return func(ctx context.Context) *graphql.Response {
				defer turns.take(ctx)()
				return respond(ctx)
			}
		}
		if err := streams.admit(ctx); err != nil {
			return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{err}})
		}
		return p.reportFailures(ctx, next)
	}
}

func limitErrors(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	response := next(ctx)
	if response != nil && len(response.Errors) > errorsMax {
		response.Errors = response.Errors[:errorsMax]
	}
	return response
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	if err != nil {
		status := http.StatusBadRequest
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		w.Header().Set("Content-Type", "application/json")
		transport.SendErrorf(w, status, "the request's body cannot be read: it may have at most %d bytes", bodyMax)
		return
	}
	// The transport of events writes a body that it cannot read to the process's
	// log, and it may hold secrets.
	if strings.Contains(r.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(body, &graphql.RawParams{}); err != nil {
			w.Header().Set("Content-Type", "application/json")
			transport.SendErrorf(w, http.StatusBadRequest, "the request's body is not {\"query\": \"…\", \"variables\": {…}}")
			return
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		serveEvents(h.server, w, r)
		return
	}
	h.server.ServeHTTP(w, r)
}

// readBody reads the whole body, in bounded time where the connection can do that.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(bodyTimeout)); err == nil {
		defer func() { _ = control.SetReadDeadline(time.Time{}) }() // a stream reads on to see its client go
	}
	return io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
}
