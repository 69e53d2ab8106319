package persistencetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"

	"github.com/sauravritesh63/miniairflow"
)

// Fault is what goes wrong with one call of a Faulty store.
type Fault string

// The faults. To the caller all look alike: CodeUnavailable, and the call may or
// may not have happened.
const (
	FaultNone      Fault = ""
	FaultTimeout   Fault = "timeout"       // the call does not reach the database
	FaultLostReply Fault = "lost reply"    // the call is done, and its result is lost
	FaultConflict  Fault = "serialization" // the transaction is rolled back, as often as the store tries
)

// Faults lists all faults that a call can have.
var Faults = []Fault{FaultTimeout, FaultLostReply, FaultConflict}

var errConflict = errors.New("could not serialize access due to concurrent update")

// Faulty is a store some of whose calls fail as those of a real database do. It
// may be used from any goroutine as far as its inner store may.
type Faulty struct {
	inner  miniairflow.Store
	choose func(call string) Fault

	mu     sync.Mutex
	calls  int
	faults map[Fault]int
}

var _ miniairflow.Store = (*Faulty)(nil)

// NewFaulty returns a store that asks choose, with the name of the method, which
// fault each call of inner has. Bus and Close have none.
func NewFaulty(inner miniairflow.Store, choose func(call string) Fault) *Faulty {
	return &Faulty{inner: inner, choose: choose, faults: map[Fault]int{}}
}

// RandomFaults returns a choice for NewFaulty that gives each fault to the given
// share of all calls. It may be used from any goroutine; for calls in the same
// order the same seed gives the same faults.
func RandomFaults(seed uint64, share float64) func(call string) Fault {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, seed))
	return func(string) Fault {
		mu.Lock()
		defer mu.Unlock()
		if n := int(random.Float64() / share); n < len(Faults) {
			return Faults[n]
		}
		return FaultNone
	}
}

// Counts returns how many calls there were, and how many of them had which fault.
func (f *Faulty) Counts() (calls int, faults map[Fault]int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	faults = make(map[Fault]int, len(f.faults))
	for fault, n := range f.faults {
		faults[fault] = n
	}
	return f.calls, faults
}

// next chooses the fault of a call and counts it.
func (f *Faulty) next(call string) Fault {
	fault := f.choose(call)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if fault != FaultNone {
		f.faults[fault]++
	}
	return fault
}

// try makes a call, or has its fault.
func try[T any](f *Faulty, call string, do func() (T, error)) (T, error) {
	var none T
	switch fault := f.next(call); fault {
	case FaultNone:
		return do()
	case FaultLostReply:
		// An error of the call itself is a reply, too.
		_, _ = do()
		return none, faultError(call, fault)
	default:
		return none, faultError(call, fault)
	}
}

// tryOnly is try for calls that return nothing but an error.
func tryOnly(f *Faulty, call string, do func() error) error {
	_, err := try(f, call, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// two is the result of a call that returns two values and an error.
type two[A, B any] struct {
	a A
	b B
}

// tryTwo is try for calls that return two values and an error.
func tryTwo[A, B any](f *Faulty, call string, do func() (A, B, error)) (A, B, error) {
	r, err := try(f, call, func() (two[A, B], error) {
		a, b, err := do()
		return two[A, B]{a, b}, err
	})
	return r.a, r.b, err
}

// faultError is what the stores make of an error of their database.
func faultError(call string, fault Fault) error {
	cause := context.DeadlineExceeded
	if fault == FaultConflict {
		cause = errConflict
	}
	return &miniairflow.Error{
		Code: miniairflow.CodeUnavailable, Message: "the database does not answer now",
		Err: &injected{call: call, fault: fault, cause: cause},
	}
}

// injected tells in logs where an error comes from.
type injected struct {
	call  string
	fault Fault
	cause error
}

func (e *injected) Error() string {
	return "injected " + string(e.fault) + " of " + e.call + ": " + e.cause.Error()
}

func (e *injected) Unwrap() error { return e.cause }
