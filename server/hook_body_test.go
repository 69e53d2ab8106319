package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/secrets"
)

// Deliver starts a run of every workflow.
func (oneHook) Deliver(context.Context, miniairflow.Delivery) (*miniairflow.WorkflowRun, string, error) {
	return &miniairflow.WorkflowRun{ID: uuid.Max, WorkflowName: "deploy", Number: 1}, "", nil
}

// slowAnswer is the answer to a request whose body comes through a pipe.
type slowAnswer struct {
	*httptest.ResponseRecorder
	body net.Conn
}

func (a slowAnswer) SetReadDeadline(t time.Time) error { return a.body.SetReadDeadline(t) }

// slowHook is a webhook whose senders send when they like. Its time is that of synctest.
type slowHook struct {
	*testing.T
	hooks   *hooks
	senders sync.WaitGroup
}

func newSlowHook(t *testing.T) *slowHook {
	s := &slowHook{T: t, hooks: newHooks(oneHook{}, secrets.Given{"HOOK": hookSecret}, persistencetest.Logger(t))}
	t.Cleanup(s.senders.Wait)
	return s
}

// post sends a signed request from an address, whose body is what write writes, and
// returns the status of the answer.
func (s *slowHook) post(address, signature string, write func(body net.Conn)) <-chan int {
	body, sender := net.Pipe()
	r := httptest.NewRequestWithContext(s.Context(), http.MethodPost, "/hooks/deploy", body)
	r.RemoteAddr = address
	r.Header.Set("X-Hub-Signature-256", signature)
	status := make(chan int, 1)
	s.senders.Go(func() {
		w := slowAnswer{httptest.NewRecorder(), body}
		s.hooks.ServeHTTP(w, r)
		_ = body.Close()
		status <- w.Code
	})
	s.senders.Go(func() { write(sender) })
	return status
}

// pause waits in the time of the test.
func pause(d time.Duration) { <-time.After(d) }

// stall sends more than takes no place, and then nothing.
func stall(body net.Conn) { _, _ = body.Write([]byte(strings.Repeat(" ", hookPieceBytes+1))) }

// postLarge is postSigned with the largest body.
func (s *slowHook) postLarge(address string) time.Duration {
	s.Helper()
	return s.postSigned(address, `"`+strings.Repeat("x", hookBytesMax-2)+`"`)
}

// postSigned sends a request of who knows the secret, and returns how long the answer took.
func (s *slowHook) postSigned(address, text string) time.Duration {
	s.Helper()
	began := time.Now()
	status := s.post(address, sign(hookSecret, text), func(body net.Conn) {
		_, _ = body.Write([]byte(text))
		_ = body.Close()
	})
	require.Equal(s, http.StatusAccepted, <-status)
	return time.Since(began)
}

// Bodies that never come hold up nobody, from wherever they do not.
func TestHookBodiesThatNeverCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSlowHook(t)
		var strangers []<-chan int
		for i := range 100 * placesMax {
			strangers = append(strangers, s.post(fmt.Sprintf("192.0.2.%d:%d", i%256, 1+i/256), sign("other", ""), func(body net.Conn) {
				_, _ = body.Write([]byte("{"))
			}))
		}
		synctest.Wait()
		require.Zero(t, s.postSigned("192.0.2.1:1", refBody))
		require.Zero(t, s.postLarge("192.0.2.1:1"))
		for _, status := range strangers {
			require.Equal(t, http.StatusRequestTimeout, <-status)
		}
	})
}

// Strangers of one network, however many, take places from nobody else.
func TestHookPlacesOfOneNetwork(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{"IPv4": "192.0.2.1:%d", "IPv6": "[2001:db8:1:%x::1]:1", "no address": "@%d"} {
		synctest.Test(t, func(t *testing.T) {
			s := newSlowHook(t)
			var strangers []<-chan int
			for i := range 2 * placesMax {
				strangers = append(strangers, s.post(fmt.Sprintf(address, i+1), sign("other", ""), stall))
			}
			synctest.Wait()
			require.Zero(t, s.postLarge("198.51.100.1:1"), name)
			for _, status := range strangers {
				require.Contains(t, []int{http.StatusRequestTimeout, http.StatusServiceUnavailable}, <-status, name)
			}
			require.Empty(t, s.hooks.places.all, name)
			require.Empty(t, s.hooks.places.of, name)
		})
	}
}

// Of a proxy on this machine the network is nobody's.
func TestHookPlacesOfProxy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSlowHook(t)
		for range placesOfOneMax {
			s.post("127.0.0.1:1", sign("other", ""), stall)
		}
		synctest.Wait()
		require.Zero(t, s.postLarge("127.0.0.1:2"))
	})
}

// Strangers of many networks hold their places only as long as they send.
func TestHookPlacesOfManyNetworks(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(net.Conn){
		"nothing more": stall,
		"one byte after the other": func(body net.Conn) {
			for stall(body); ; pause(hookPieceTimeout / 2) {
				if _, err := body.Write([]byte(" ")); err != nil {
					return
				}
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSlowHook(t)
			var strangers []<-chan int
			for i := range 2 * placesMax {
				strangers = append(strangers, s.post(fmt.Sprintf("192.0.2.%d:1", i+1), sign("other", ""), write))
			}
			synctest.Wait()
			require.Equal(t, 2*hookPieceTimeout, s.postLarge("198.51.100.1:1"), "%s: those who came before have a turn each", name)
			for _, status := range strangers {
				require.Equal(t, http.StatusRequestTimeout, <-status, name)
			}
		})
	}
}

// Who waits for a place is told so in time.
func TestHookPlacesAreWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces()
		for range placesOfOneMax {
			_, err := p.take(t.Context(), "192.0.2.1:1")
			require.NoError(t, err)
		}
		began := time.Now()
		_, err := p.take(t.Context(), "192.0.2.1:1")
		require.EqualError(t, err, "too many large requests are being read: try again")
		require.Equal(t, placeTimeout, time.Since(began))
		for i := range placesMax - placesOfOneMax {
			_, err := p.take(t.Context(), fmt.Sprintf("198.51.100.%d:1", i))
			require.NoError(t, err)
		}
		for range placesOfOneMax + 1 { // none of them keeps one of its own network
			_, err = p.take(t.Context(), "203.0.113.1:1")
			require.Error(t, err)
		}
		require.Len(t, p.of, 1+placesMax-placesOfOneMax, "of those who have one")
	})
}

// A body that is small takes no place, however slowly it comes, and not for ever.
func TestHookOfSlowSender(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSlowHook(t)
		slow := s.post("192.0.2.1:1", sign(hookSecret, refBody), func(body net.Conn) {
			_, _ = body.Write([]byte(refBody[:10]))
			pause(hookBodyTimeout / 2)
			_, _ = body.Write([]byte(refBody[10:]))
			_ = body.Close()
		})
		never := s.post("192.0.2.1:1", sign("other", ""), func(net.Conn) {})
		began := time.Now()
		require.Equal(t, http.StatusAccepted, <-slow)
		require.Equal(t, http.StatusRequestTimeout, <-never)
		require.Equal(t, hookBodyTimeout, time.Since(began))
	})
}
