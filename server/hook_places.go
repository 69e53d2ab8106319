package server

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// Bounds of the large bodies of strangers.
const (
	placesMax        = 32 // that are read at a time
	placesOfOneMax   = 8  // of one network
	placeTimeout     = 4 * time.Second
	networkBitsOfIP4 = 32
	networkBitsOfIP6 = 48 // as many as one customer may have
)

// places bounds the large bodies that are read at a time of who has yet to show that they
// know the secret: in all, and of one network, so that none takes them all. What comes
// from this machine is bounded in all only: it is a proxy's, and so of many networks.
type places struct {
	all chan struct{}

	mu sync.Mutex
	of map[netip.Prefix]*networkPlaces // of those of which somebody waits or reads
}

type networkPlaces struct {
	taken chan struct{}
	users int
}

func newPlaces() *places {
	return &places{all: make(chan struct{}, placesMax), of: map[netip.Prefix]*networkPlaces{}}
}

// take waits for a place for a remote address, and returns what gives it back.
func (p *places) take(ctx context.Context, address string) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, placeTimeout)
	defer cancel()
	own, leaveOwn := p.enter(address)
	for i, taken := range []chan struct{}{own, p.all} {
		select {
		case taken <- struct{}{}:
		case <-ctx.Done():
			if i > 0 {
				<-own
			}
			leaveOwn()
			return nil, &hookError{
				status: http.StatusServiceUnavailable, code: miniairflow.CodeUnavailable, mayRepeat: true,
				message: "too many large requests are being read: try again",
			}
		}
	}
	return func() {
		<-p.all
		<-own
		leaveOwn()
	}, nil
}

// enter returns the places of the network of an address, and what is called when nobody
// waits for one, or has one, any more.
func (p *places) enter(address string) (taken chan struct{}, leave func()) {
	network, isLocal := networkOf(address)
	if isLocal {
		return make(chan struct{}, 1), func() {} // a place that nobody else wants
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	own := p.of[network]
	if own == nil {
		own = &networkPlaces{taken: make(chan struct{}, placesOfOneMax)}
		p.of[network] = own
	}
	own.users++
	return own.taken, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if own.users--; own.users == 0 {
			delete(p.of, network)
		}
	}
}

// networkOf returns the network of a remote address; all that are none are of one.
func networkOf(address string) (network netip.Prefix, isLocal bool) {
	host, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.Prefix{}, false
	}
	ip := host.Addr().Unmap().WithZone("")
	bits := networkBitsOfIP6
	if ip.Is4() {
		bits = networkBitsOfIP4
	}
	network, _ = ip.Prefix(bits) // which fails for other numbers of bits only
	return network, ip.IsLoopback()
}
