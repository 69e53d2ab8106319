package miniairflow

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// SendNotification sends a notification again, whatever has become of it: as soon as
// may be, with the ID that it had. ErrNotFound says which one is not there.
func (c *Control) SendNotification(ctx context.Context, id uuid.UUID, by Actor) (*Notification, error) {
	n, err := c.Store.SendNotification(ctx, id, by)
	if errors.Is(err, ErrNotFound) {
		return nil, Errorf(CodeNotFound, "no notification has the id %s", id)
	}
	if err != nil {
		return nil, fmt.Errorf("send notification %s: %w", id, err)
	}
	return n, nil
}
