package product

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// Subscription is what a client wants to hear of.
type Subscription struct {
	Text      string
	Variables map[string]any
	// ReceiveBuffer is how many bytes the kernel keeps for a client that does not
	// read; 0: as many as it likes.
	ReceiveBuffer int
}

// Socket is a WebSocket that carries one subscription.
type Socket struct {
	conn      *websocket.Conn
	transport *http.Transport // of its own; nil: that of the client
}

// Update is one piece of news.
type Update struct {
	Message []byte // as it came
	Data    json.RawMessage
	At      time.Time // when all of it was there
}

// envelope is a message of the protocol graphql-transport-ws.
type envelope struct {
	Type    string
	Payload struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
}

// Subscribe opens a WebSocket and subscribes. The caller must Close it.
func (c *Client) Subscribe(ctx context.Context, sub Subscription) (*Socket, error) {
	s := &Socket{}
	client := c.http
	if sub.ReceiveBuffer > 0 {
		s.transport = narrowTransport(sub.ReceiveBuffer)
		client = &http.Client{Transport: s.transport}
	}
	var err error
	s.conn, _, err = websocket.Dial(ctx, c.URL+"/graphql", &websocket.DialOptions{ //nolint:bodyclose // the package says that it needs no closing
		HTTPClient: client, Subprotocols: []string{"graphql-transport-ws"},
	})
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	s.conn.SetReadLimit(-1)
	if err := s.begin(ctx, sub); err != nil {
		s.Close()
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	return s, nil
}

// narrowTransport makes connections with a small receive buffer.
func narrowTransport(buffer int) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			err = tcp.SetReadBuffer(buffer)
		}
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return conn, nil
	}}
}

func (s *Socket) begin(ctx context.Context, sub Subscription) error {
	if err := s.send(ctx, map[string]any{"type": "connection_init"}); err != nil {
		return err
	}
	for {
		m, _, err := s.receive(ctx)
		if err != nil {
			return err
		}
		if m.Type == "connection_ack" {
			break
		}
	}
	payload := map[string]any{"query": sub.Text, "variables": sub.Variables}
	return s.send(ctx, map[string]any{"id": "1", "type": "subscribe", "payload": payload})
}

// Next waits for the next update; after the last one it returns io.EOF.
func (s *Socket) Next(ctx context.Context) (Update, error) {
	for {
		m, update, err := s.receive(ctx)
		switch {
		case err != nil:
			return Update{}, err
		case m.Type == "complete":
			return Update{}, io.EOF
		case m.Type == "next" && len(m.Payload.Errors) > 0:
			return Update{}, errors.New(m.Payload.Errors[0].Message)
		case m.Type == "next":
			update.Data = m.Payload.Data
			return update, nil
		}
	}
}

// receive returns the next message. It answers pings.
func (s *Socket) receive(ctx context.Context) (m envelope, update Update, err error) {
	_, update.Message, err = s.conn.Read(ctx)
	update.At = time.Now()
	if err != nil {
		return m, update, err
	}
	// The payload of an error is no object, so it is shown as it came.
	if err := json.Unmarshal(update.Message, &m); err != nil {
		return m, update, fmt.Errorf("decode message: %w: %.300s", err, update.Message)
	}
	if m.Type == "ping" {
		err = s.send(ctx, map[string]any{"type": "pong"})
	}
	return m, update, err
}

func (s *Socket) send(ctx context.Context, message map[string]any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	return s.conn.Write(ctx, websocket.MessageText, text)
}

// Close cuts the connection.
func (s *Socket) Close() {
	if s.conn != nil {
		_ = s.conn.CloseNow() // nothing is waited for
	}
	if s.transport != nil {
		s.transport.CloseIdleConnections()
	}
}
