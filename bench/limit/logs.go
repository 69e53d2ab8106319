package limit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// pieceBytes is how much output is compressed at once, as in the product.
const pieceBytes = 64 << 10

// Logs runs a script n times, slots at a time, and keeps what each prints,
// compressed as the product does it, in a file of its own that is durable when
// the script has ended. What one prints beyond most bytes is read and thrown away.
func Logs(ctx context.Context, dir, script string, n, slots int, most int64) (took time.Duration, err error) {
	k := &keeper{argv: argv(script), most: most}
	if k.dir, err = os.MkdirTemp(dir, "logs-"); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(k.dir)) }()
	k.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithWindowSize(128<<10), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return 0, err
	}
	defer k.encoder.Close()
	tasks := make(chan int, n)
	for i := range n {
		tasks <- i
	}
	close(tasks)
	errs := make([]error, slots)
	var all sync.WaitGroup
	began := time.Now()
	for slot := range slots {
		all.Go(func() {
			for task := range tasks {
				if err := k.run(ctx, task); err != nil {
					errs[slot] = fmt.Errorf("task %d: %w", task, err)
					return
				}
			}
		})
	}
	all.Wait()
	return time.Since(began), errors.Join(errs...)
}

type keeper struct {
	argv    []string
	dir     string
	most    int64
	encoder *zstd.Encoder
}

// run runs one command with both of its output streams on one pipe.
func (k *keeper) run(ctx context.Context, task int) (err error) {
	file, err := os.Create(filepath.Join(k.dir, strconv.Itoa(task)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	cmd := exec.CommandContext(ctx, k.argv[0], k.argv[1:]...)
	cmd.Stdout, cmd.Stderr = writer, writer
	err = cmd.Start()
	_ = writer.Close() // the command has its own
	if err != nil {
		return err
	}
	if err := k.keep(file, reader); err != nil {
		_ = cmd.Process.Kill() // it may have ended
		return errors.Join(err, cmd.Wait())
	}
	if err := cmd.Wait(); err != nil {
		return err
	}
	return file.Sync()
}

// keep reads to the end.
func (k *keeper) keep(w io.Writer, r io.Reader) error {
	piece, packed := make([]byte, pieceBytes), []byte(nil)
	for left := k.most; ; {
		n, err := io.ReadFull(r, piece)
		if kept := min(int64(n), left); kept > 0 {
			packed = k.encoder.EncodeAll(piece[:kept], packed[:0])
			if _, err := w.Write(packed); err != nil {
				return err
			}
			left -= kept
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
