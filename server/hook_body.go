package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// Bounds of the bodies of webhooks. Who is slow leaves time to start the run: GitHub,
// for one, waits for 10 seconds.
const (
	hookBodyTimeout  = 8 * time.Second // of a whole body
	hookPieceBytes   = 16 << 10        // what anybody may send, and more of it takes a place
	hookPieceTimeout = time.Second     // of each further piece
)

// hookBody is the body of a request to a webhook.
type hookBody struct {
	content io.Reader
	control *http.ResponseController
	hasAny  bool
	until   time.Time // when all of it is to be there
}

func newHookBody(w http.ResponseWriter, r *http.Request) *hookBody {
	b := &hookBody{
		content: http.MaxBytesReader(w, r.Body, hookBytesMax), control: http.NewResponseController(w),
		hasAny: r.Body != http.NoBody, until: time.Now().Add(hookBodyTimeout),
	}
	b.expect(b.until)
	return b
}

// expect bounds what is read next. Where no body is left to come, the server waits for
// the connection to end, which no time may bound: it would seem to have ended.
func (b *hookBody) expect(until time.Time) {
	if b.hasAny {
		_ = b.control.SetReadDeadline(until) // where there is none, that of the server holds
	}
}

// read reads the body of who knows the secret.
func (b *hookBody) read() ([]byte, error) {
	text, err := io.ReadAll(b.content)
	return text, b.end(err)
}

// readOfStranger reads a body that anybody may have sent. So that nobody can hold up the
// others, its first piece is read of whoever comes. Who sends more needs a place, and has
// it only while one piece after the other comes.
func (b *hookBody) readOfStranger(ctx context.Context, places *places, address string) ([]byte, error) {
	var text bytes.Buffer
	_, err := io.CopyN(&text, b.content, hookPieceBytes)
	if err == nil {
		leave, err := places.take(ctx, address)
		if err != nil {
			return nil, err
		}
		defer leave()
	}
	for err == nil {
		piece := time.Now().Add(hookPieceTimeout)
		if piece.After(b.until) {
			piece = b.until
		}
		b.expect(piece)
		_, err = io.CopyN(&text, b.content, hookPieceBytes)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return text.Bytes(), b.end(err)
}

// end lifts the bound of a body that is whole, and says what is wrong with another one.
// That is the sender's to mend.
func (b *hookBody) end(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		b.expect(time.Time{})
		return nil
	case errors.As(err, &tooLarge):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &hookError{status: http.StatusRequestTimeout, code: "REQUEST_TIMEOUT", message: "the body did not come in time", cause: err}
	default:
		return &hookError{status: http.StatusBadRequest, code: miniairflow.CodeInvalid, message: "the body cannot be read: it ended too early, or was not sent as its headers say", cause: err}
	}
}
