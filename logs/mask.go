package logs

import (
	"bytes"
	"slices"
)

// maskText takes the place of a secret.
const maskText = "***"

// masker replaces secrets in a stream. What comes out does not depend on how
// the stream is cut: at each place the longest secret that matches is replaced,
// and bytes that may be the beginning of one are held back until that is clear.
type masker struct {
	byFirst [256][][]byte // secrets by first byte, the longest first
	any     bool
	held    []byte // the beginning of a possible secret
}

func newMasker(secrets []string) *masker {
	m := &masker{}
	for _, secret := range secrets {
		if secret != "" {
			m.byFirst[secret[0]] = append(m.byFirst[secret[0]], []byte(secret))
			m.any = true
		}
	}
	for i := range m.byFirst {
		slices.SortFunc(m.byFirst[i], func(a, b []byte) int { return len(b) - len(a) })
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
	for _, secret := range m.byFirst[in[0]] {
		if bytes.HasPrefix(in, secret) {
			return len(secret), false
		}
		if !final && bytes.HasPrefix(secret, in) {
			return 0, true
		}
	}
	return 0, false
}
