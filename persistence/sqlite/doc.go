// Package sqlite keeps everything in a SQLite file, which one process owns: a
// second one is refused. Changes go through a single connection, so every
// transaction sees all earlier ones and no lock is needed between them; reads
// have connections of their own and never wait for a change.
//
// The files, statements and functions are those of package postgres in the
// same order, so that both can be read side by side.
package sqlite
