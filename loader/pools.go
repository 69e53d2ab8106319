package loader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

// poolsFiles are the names under which a workflow folder declares its pools.
var poolsFiles = []string{"pools.yaml", "pools.yml"}

// poolsMax bounds the pools of one file.
const poolsMax = 1_000

// ParsePools reads a pools file: a map of names, each with its slots, or with a
// map of slots and description. An empty file declares none. The pools are nil
// if there is any problem.
func ParsePools(path string, data []byte, limits Limits) (pools []miniairflow.Pool, problems []miniairflow.ImportError) {
	f := newFile(path, limits)
	defer func() {
		if cause := recover(); cause != nil {
			f.fail(position{}, "the file cannot be read: %v", cause)
			pools, problems = nil, f.sorted()
		}
	}()
	if text, ok := f.clean(data); ok {
		f.lines = splitLines(text)
		trees, _ := f.decode()
		if len(trees) > 1 {
			f.fail(at(trees[1]), "a pools file has one document: remove what follows the ---")
		} else if len(trees) == 1 {
			pools = f.document(trees[0]).pools(trees[0])
		}
	}
	if len(f.problems) > 0 {
		return nil, f.sorted()
	}
	return pools, nil
}

func (d *document) pools(tree *node) []miniairflow.Pool {
	if !d.checkTree(tree) {
		return nil
	}
	entries, _ := value{doc: d, node: tree, at: d.start}.entries("a name and its slots, such as `warehouse: 4`")
	if len(entries) > poolsMax {
		d.halt(d.start, "the file has %d pools, more than the limit of %d", len(entries), poolsMax)
		return nil
	}
	pools := make([]miniairflow.Pool, 0, len(entries))
	for _, e := range entries {
		pools = append(pools, e.pool())
	}
	return pools
}

var poolFields = fields[miniairflow.Pool]{
	"slots":       func(v value, p *miniairflow.Pool) { p.Slots = v.integer() },
	"description": textField(func(p *miniairflow.Pool) *string { return &p.Description }),
}

// pool reads a number of slots, or a block.
func (e entry) pool() miniairflow.Pool {
	before := e.doc.faults
	p := miniairflow.Pool{Name: e.name, Origin: miniairflow.OriginFile}
	if e.node.Kind == yaml.ScalarNode && !e.isNull() {
		p.Slots = e.integer()
	} else {
		entries, ok := e.entries("slots, such as {slots: 4}")
		poolFields.read(entries, "a pool", &p)
		hasSlots := slices.ContainsFunc(entries, func(e entry) bool { return e.name == "slots" })
		if ok && !hasSlots && e.doc.faults == before {
			e.fail("the pool has no slots: write slots: 4")
		}
	}
	if invalid := (*miniairflow.Error)(nil); e.doc.faults == before && errors.As(miniairflow.CheckPool(p), &invalid) {
		place := e.at
		if invalid.Field == "name" {
			place = at(e.key)
		}
		e.failAt(place, "%s", invalid.Message)
	}
	return p
}

// LoadPools reads the pools file of a folder. found is false if there is none.
// The error says that it cannot be read.
func LoadPools(dir string, limits Limits) (pools []miniairflow.Pool, problems []miniairflow.ImportError, found bool, err error) {
	file, data, err := readPools(dir, limits.withDefaults())
	if err != nil || file == "" {
		return nil, nil, false, err
	}
	pools, problems = ParsePools(filepath.ToSlash(filepath.Join(dir, file)), data, limits)
	return pools, problems, true, nil
}

// readPools returns the name and the content of a folder's pools file; no name
// if there is none.
func readPools(dir string, limits Limits) (file string, data []byte, err error) {
	for _, name := range poolsFiles {
		data, err := readBounded(filepath.Join(dir, name), limits.Bytes)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return name, data, err
	}
	return "", nil, nil
}

// pools syncs the pools file when it has changed. A file that is gone declares
// no pool; one that cannot be read or is wrong leaves them as they are.
func (s *syncPass) pools(ctx context.Context) error {
	file, data, err := readPools(s.config.Dir, s.config.Limits)
	var pools []miniairflow.Pool
	var problems []miniairflow.ImportError
	refused := ""
	switch {
	case err != nil:
		refused = unreadable(err)
		problems = []miniairflow.ImportError{{File: file, Message: refused}}
	case file != "":
		pools, problems = ParsePools(file, data, s.config.Limits)
	default:
		file = poolsFiles[0]
	}
	sum := sha256.Sum256(append(append([]byte(file+"\x00"), data...), refused...))
	hash := hex.EncodeToString(sum[:])
	if s.poolsHash == hash {
		return nil
	}
	changed, err := s.config.Store.SyncPools(ctx, file, pools, problems)
	if err != nil {
		return fmt.Errorf("sync pools: %w", err)
	}
	s.poolsHash = hash
	for _, problem := range problems {
		s.config.Logger.WarnContext(ctx, "Loader: File has a problem", "problem", problem.String())
	}
	if changed && len(problems) == 0 {
		s.config.Logger.InfoContext(ctx, "Loader: Pools synced", "file", file, "pools", len(pools))
	}
	return nil
}
