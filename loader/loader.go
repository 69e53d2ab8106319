package loader

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// leaseName is what the loaders of a store contend for.
const leaseName = "loader"

// Store is what a Loader needs of a miniairflow.Store, with the contracts
// stated there.
type Store interface {
	SyncFiles(ctx context.Context, files []miniairflow.FileSync) ([]miniairflow.FileResult, error)
	SyncPools(ctx context.Context, path string, pools []miniairflow.Pool, problems []miniairflow.ImportError) (bool, error)
	RetireFile(ctx context.Context, path string) error
	SourceFiles(ctx context.Context) ([]miniairflow.SourceFile, error)
	FindWorkflowByName(ctx context.Context, name string) (*miniairflow.Workflow, error)
	FindDAG(ctx context.Context, versionID uuid.UUID) (*miniairflow.DAG, error)
	Followers(ctx context.Context, workflows []string, max int) (map[string][]string, error)
	TryLease(ctx context.Context, name string, holder uuid.UUID, ttl time.Duration) (bool, error)
	FileStore
}

// Config is what a Loader is made from. Dir and Store are needed; a zero value
// of the others means the default.
type Config struct {
	Dir    string // the folder of the workflow files
	Store  Store
	Logger *slog.Logger // default: none
	Limits Limits

	// Version names what reads the files, which may find other things in the same
	// bytes than another version. What it has read before it does not parse again
	// after a start. Empty: it reads everything.
	Version string

	Debounce time.Duration // quiet time before a change is read; default 100 ms
	Rescan   time.Duration // between looks at all files, in case a watch missed something; default 30 s
	Missing  time.Duration // how long a file must be gone before its workflows are retired; default 1 s
	Lease    time.Duration // how long a loader that died keeps others waiting; default 10 s
	NoWatch  bool          // rely on Rescan alone, for folders that send no events

	// Preview is the first look at the files, begun before there was a Store; default:
	// it begins with the first pass.
	Preview *Preview

	// Wait chooses a time to wait that is at most the given one, so that the lease is
	// renewed when other parts of the process are awake too; default: the given one.
	Wait func(most time.Duration) time.Duration
}

// Loader keeps a store in step with a folder of workflow files. Of all loaders
// of a store one works, the holder of a lease; the others wait for it. A file
// with a problem keeps the last good version of its workflows. Files that are
// gone are retired after two looks that did not find them; a folder that is
// gone, empty or unreadable retires nothing.
type Loader struct {
	config Config
	holder uuid.UUID

	mutex     sync.Mutex           // serializes passes
	known     map[string]knownFile // by path; nil while the lease is not held
	contested map[string]bool      // files that wait for names of others, or for the end of a cycle
	layout    *layout              // nil: the folder was not looked at yet
	missing   map[string]time.Time // files that were gone at the last pass, by when first
	complaint string               // what was wrong with the folder at the last pass
	ourLease  bool
	renewed   time.Time // when the store was asked last for the lease
	poolsHash string    // of the pools file that was synced; empty while the lease is not held

	surroundings *surroundings     // what workflow files take from others; nil while the lease is not held
	aroundTold   map[string]string // the problems that the store has of such files, by path
}

// knownFile is what the store has of a file.
type knownFile struct {
	stamp    stamp
	hash     string // of what was synced
	settled  bool   // the stamp is old enough to tell every later change
	conflict string // names that other files own, and cycles through them; both may end without a change here
	takes    taken  // what it takes from other files
	carries  *carried
}

// Report is what one pass did.
type Report struct {
	Standby   bool // another loader holds the lease: nothing was done
	Files     int  // in the folder
	Parsed    int  // of them new or changed
	Problems  int  // in the parsed files
	Created   []string
	Updated   []string
	Retired   []string // names of workflows that their file no longer has
	Gone      []string // files that are gone; their workflows are retired
	Conflicts []miniairflow.ImportError
	Waiting   bool // files are being written, or gone once: another pass should follow soon

	isWhole bool     // the whole folder was looked at
	folders []string // to watch
	young   []string // files that are being written, as events name them
	again   bool     // the whole folder should be looked at soon
}

// New returns a Loader. It does nothing until Run or Sync.
func New(config Config) *Loader {
	return &Loader{config: config.withDefaults(), holder: uuid.New(), missing: map[string]time.Time{}, contested: map[string]bool{}}
}

func (c Config) withDefaults() Config {
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	c.Debounce = cmp.Or(c.Debounce, 100*time.Millisecond)
	c.Rescan = cmp.Or(c.Rescan, 30*time.Second)
	c.Missing = cmp.Or(c.Missing, time.Second)
	c.Lease = cmp.Or(c.Lease, 10*time.Second)
	c.Limits = c.Limits.withDefaults()
	if c.Wait == nil {
		c.Wait = func(most time.Duration) time.Duration { return most }
	}
	return c
}

// Sync makes one pass: it reads all new and changed files as they are now,
// whoever may still be writing them, and syncs them into the store. An error
// means that the folder cannot be read or the store cannot be reached; what was
// done before it stays done, and a later pass does the rest.
func (l *Loader) Sync(ctx context.Context) (Report, error) {
	return l.pass(ctx, 0, nil)
}

// pass is Sync, but leaves out files that changed within the last quiet time. With
// names it looks at those of events only, as far as that is enough.
func (l *Loader) pass(ctx context.Context, quiet time.Duration, names map[string]bool) (Report, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	held, err := l.renew(ctx)
	if err != nil || !held {
		return Report{Standby: !held}, err
	}
	s := &syncPass{Loader: l, quiet: quiet, checkout: sync.OnceValue(func() *checkout { return lookAtCheckout(ctx, l.config.Dir) })}
	files, isEnough := []scannedFile(nil), false
	if names != nil {
		files, isEnough = l.lookAt(names)
	}
	if isEnough {
		err = s.some(ctx, files)
	} else {
		err = s.whole(ctx)
	}
	if errors.Is(err, errLeaseLost) {
		s.report.Standby, err = true, nil
	}
	return s.report, err
}

// renew takes or extends the lease. Who has lost it forgets what the store has,
// since others write it now. The caller holds the mutex.
func (l *Loader) renew(ctx context.Context) (bool, error) {
	asked := time.Now()
	held, err := l.config.Store.TryLease(ctx, leaseName, l.holder, l.config.Lease)
	if err != nil {
		return false, fmt.Errorf("take loader lease: %w", err)
	}
	if held != l.ourLease {
		l.config.Logger.InfoContext(ctx, "Loader: Lease changed", "held", held)
	}
	if !held {
		l.known, l.missing, l.contested, l.poolsHash = nil, map[string]time.Time{}, map[string]bool{}, ""
		l.surroundings, l.aroundTold = nil, nil
	}
	l.ourLease, l.renewed = held, asked
	return held, nil
}

// keepLease renews the lease unless that was done a moment ago, as at the beginning
// of a short pass.
func (l *Loader) keepLease(ctx context.Context) (bool, error) {
	if l.ourLease && time.Since(l.renewed) < l.config.Lease/5 {
		return true, nil
	}
	return l.renew(ctx)
}

// remember asks the store once which files it has, so that those which went
// away while no loader ran are noticed.
func (l *Loader) remember(ctx context.Context) error {
	if l.known != nil {
		return nil
	}
	files, err := l.config.Store.SourceFiles(ctx)
	if err != nil {
		return fmt.Errorf("list source files: %w", err)
	}
	l.known, l.aroundTold = make(map[string]knownFile, len(files)), map[string]string{}
	for _, file := range files {
		if isAroundFile(file.Path) {
			l.aroundTold[file.Path] = "" // it has problems, which may be others by now
			continue
		}
		if !isWorkflowPath(file.Path) { // but the pools file, which may have problems
			continue
		}
		known := knownFile{}
		if l.config.Version != "" {
			known.hash = file.Hash
		}
		l.known[file.Path] = known
	}
	return nil
}

// knowsHashes reports whether there are files that a look into them may tell to be
// as the store has them.
func (l *Loader) knowsHashes() bool {
	for _, known := range l.known {
		if known.hash != "" {
			return true
		}
	}
	return false
}

// complain logs what is wrong with the folder when that changes.
func (l *Loader) complain(ctx context.Context, complaint string) {
	if complaint != l.complaint {
		if complaint == "" {
			l.config.Logger.InfoContext(ctx, "Loader: Folder is well again", "dir", l.config.Dir)
		} else {
			l.config.Logger.WarnContext(ctx, "Loader: Folder has a problem", "dir", l.config.Dir, "problem", complaint)
		}
	}
	l.complaint = complaint
}
