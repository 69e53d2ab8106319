package postgres_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/persistence/postgres"
)

// A uuid is sent and read as its bytes, alone, in lists, as a null and as text.
func TestUUID(t *testing.T) {
	m := pgtype.NewMap()
	postgres.RegisterUUID(m)
	id, other := uuid.New(), uuid.New()
	sent, err := m.Encode(pgtype.UUIDOID, pgx.BinaryFormatCode, id, nil)
	require.NoError(t, err)
	require.Equal(t, id[:], sent)
	sent, err = m.Encode(pgtype.UUIDOID, pgx.BinaryFormatCode, &id, nil)
	require.NoError(t, err)
	require.Equal(t, id[:], sent)
	sent, err = m.Encode(pgtype.UUIDOID, pgx.BinaryFormatCode, (*uuid.UUID)(nil), nil)
	require.NoError(t, err)
	require.Nil(t, sent)
	text, err := m.Encode(pgtype.UUIDOID, pgx.TextFormatCode, id, nil)
	require.NoError(t, err)
	require.Equal(t, id.String(), string(text))

	read := other
	require.NoError(t, m.Scan(pgtype.UUIDOID, pgx.BinaryFormatCode, id[:], &read))
	require.Equal(t, id, read)
	require.NoError(t, m.Scan(pgtype.UUIDOID, pgx.BinaryFormatCode, nil, &read))
	require.Equal(t, id, read)
	require.Error(t, m.Scan(pgtype.UUIDOID, pgx.BinaryFormatCode, id[:15], &read))
	require.NoError(t, m.Scan(pgtype.UUIDOID, pgx.TextFormatCode, []byte(other.String()), &read))
	require.Equal(t, other, read)
	maybe := &id
	require.NoError(t, m.Scan(pgtype.UUIDOID, pgx.BinaryFormatCode, nil, &maybe))
	require.Nil(t, maybe)

	ids := []uuid.UUID{id, other}
	sent, err = m.Encode(pgtype.UUIDArrayOID, pgx.BinaryFormatCode, ids, nil)
	require.NoError(t, err)
	var found []uuid.UUID
	require.NoError(t, m.Scan(pgtype.UUIDArrayOID, pgx.BinaryFormatCode, sent, &found))
	require.Equal(t, ids, found)
	allocations := testing.AllocsPerRun(10, func() {
		_, _ = m.Encode(pgtype.UUIDOID, pgx.BinaryFormatCode, id, sent[:0])
	})
	require.LessOrEqual(t, allocations, 1.0, "it went through its text")
}
