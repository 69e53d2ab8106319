package limit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Broadcast returns how many deliveries end in a second if a bare server sends
// the same message to so many WebSockets, and sends it again when all have it.
// Server and clients share the machine, as they do beside the product.
func Broadcast(ctx context.Context, message []byte, subscribers, rounds int) (perSecond float64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	b := &broadcast{ctx: ctx, message: message, joined: make(chan chan struct{}, subscribers), arrived: make(chan error, subscribers)}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		return 0, err
	}
	server := &http.Server{Handler: b, ReadHeaderTimeout: time.Minute}
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(listener) }) // ends by Close
	defer func() {
		cancel()
		err = errors.Join(err, server.Close())
		served.Wait()
		b.running.Wait()
	}()
	var turns []chan struct{}
	for range subscribers {
		if err := b.join("http://" + listener.Addr().String()); err != nil {
			return 0, fmt.Errorf("join a broadcast: %w", err)
		}
		select {
		case turn := <-b.joined:
			turns = append(turns, turn)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	began := time.Now()
	for range rounds {
		if err := b.round(turns); err != nil {
			return 0, fmt.Errorf("broadcast: %w", err)
		}
	}
	return float64(subscribers*rounds) / time.Since(began).Seconds(), nil
}

// broadcast is the server and its clients.
type broadcast struct {
	ctx     context.Context // of all connections
	message []byte
	joined  chan chan struct{} // of each connection: a value is its turn to send
	arrived chan error         // of each message: nil, or why it did not come
	running sync.WaitGroup     // clients and taken over connections
}

// join connects one client, which reads until the broadcast is over.
func (b *broadcast) join(address string) error {
	conn, _, err := websocket.Dial(b.ctx, address, nil) //nolint:bodyclose // the package says that it needs no closing
	if err != nil {
		return err
	}
	conn.SetReadLimit(-1)
	b.running.Go(func() {
		defer func() { _ = conn.CloseNow() }()
		for b.ctx.Err() == nil {
			_, text, err := conn.Read(b.ctx)
			if err == nil && len(text) != len(b.message) {
				err = fmt.Errorf("%d of %d bytes came", len(text), len(b.message))
			}
			select {
			case b.arrived <- err:
			case <-b.ctx.Done():
			}
			if err != nil {
				return
			}
		}
	})
	return nil
}

// ServeHTTP implements http.Handler: it is one connection of the server.
func (b *broadcast) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.running.Add(1)
	defer b.running.Done()
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // the client sees it
	}
	defer func() { _ = conn.CloseNow() }()
	turn := make(chan struct{}, 1)
	b.joined <- turn
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-turn:
			if err := conn.Write(b.ctx, websocket.MessageText, b.message); err != nil {
				return // the client sees it
			}
		}
	}
}

// round lets each connection send once and waits until everybody has got it.
func (b *broadcast) round(turns []chan struct{}) error {
	for _, turn := range turns {
		turn <- struct{}{}
	}
	for range turns {
		select {
		case err := <-b.arrived:
			if err != nil {
				return err
			}
		case <-b.ctx.Done():
			return b.ctx.Err()
		}
	}
	return nil
}
