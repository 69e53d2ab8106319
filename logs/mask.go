package logs

import (
	"bytes"
	"slices"
	"sort"
)

// maskText takes the place of a secret.
const maskText = "***"

// masker replaces secrets in a stream. What comes out does not depend on how
// the stream is cut: at each place the longest secret that matches is replaced,
// and bytes that may be the beginning of one are held back until that is clear.
//
// A large secret has thousands of forms, so they are in order: those that begin a
// text stand before it, on the way up from the last one that is no greater.
type masker struct {
	secrets [][]byte // ascending, each once
	begins  []int    // of each the place of the longest other one that it begins with, or -1
	from    [257]int // place of the first secret with at least this first byte
	any     bool
	held    []byte // the beginning of a possible secret
}

func newMasker(secrets []string) *masker {
	m := &masker{}
	sorted := slices.Compact(slices.Sorted(slices.Values(secrets)))
	for _, secret := range sorted {
		if secret != "" {
			m.secrets = append(m.secrets, []byte(secret))
		}
	}
	m.any = len(m.secrets) > 0
	m.begins = make([]int, len(m.secrets))
	for i, secret := range m.secrets {
		up := i - 1
		for up >= 0 && !bytes.HasPrefix(secret, m.secrets[up]) {
			up = m.begins[up]
		}
		m.begins[i] = up
		m.from[int(secret[0])+1] = i + 1
	}
	for b := range 256 {
		m.from[b+1] = max(m.from[b+1], m.from[b])
	}
	return m
}

// write returns what is clear of the stream after p. The result may be p itself
// and is valid until the next call.
func (m *masker) write(p []byte) []byte {
	if !m.any {
		return p
	}
	return m.scan(append(m.held, p...), false)
}

// flush returns what was held back: the stream has ended.
func (m *masker) flush() []byte { return m.scan(m.held, true) }

func (m *masker) scan(in []byte, final bool) []byte {
	out := make([]byte, 0, len(in))
	clear := 0 // in[clear:i] is yet to be copied
	for i := 0; i < len(in); {
		length, open := m.match(in[i:], final)
		if open {
			out = append(out, in[clear:i]...)
			m.held = append(m.held[:0:0], in[i:]...)
			return out
		}
		if length > 0 {
			out = append(out, in[clear:i]...)
			out = append(out, maskText...)
			clear = i + length
		}
		i += max(length, 1)
	}
	m.held = nil
	return append(out, in[clear:]...)
}

// match returns the length of the longest secret at the beginning of in, or
// that more of the stream may make a longer one there.
func (m *masker) match(in []byte, final bool) (length int, open bool) {
	first, last := m.from[in[0]], m.from[int(in[0])+1]
	after := first + sort.Search(last-first, func(i int) bool { return bytes.Compare(m.secrets[first+i], in) > 0 })
	if !final && after < last && bytes.HasPrefix(m.secrets[after], in) {
		return 0, true
	}
	for at := after - 1; at >= first; at = m.begins[at] {
		if bytes.HasPrefix(in, m.secrets[at]) {
			return len(m.secrets[at]), false
		}
	}
	return 0, false
}
