package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/runner"
	"github.com/sauravritesh63/miniairflow/secrets"
)

// config is every setting, whatever its source. Flag beats environment beats
// file (miniairflow.yaml in the home) beats default.
type config struct {
	Addr           string        `koanf:"addr"`
	AllowEnv       []string      `koanf:"allow-env"`
	AllowedOrigins []string      `koanf:"allowed-origins"`
	AllowPrivate   bool          `koanf:"allow-private-webhooks"`
	ArtifactBytes  int64         `koanf:"max-artifact-bytes"`
	ArtifactFiles  int           `koanf:"max-artifact-files"`
	ArtifactsDir   string        `koanf:"artifacts-dir"`
	Concurrency    int           `koanf:"concurrency"`
	Dags           string        `koanf:"dags"`
	DatabaseURL    string        `koanf:"database-url"`
	DrainTimeout   time.Duration `koanf:"drain-timeout"`
	Grace          time.Duration `koanf:"grace"`
	Home           string        `koanf:"home"`
	ID             string        `koanf:"id"`
	KeepDays       int           `koanf:"keep-days"`
	Lease          time.Duration `koanf:"lease"`
	LogFormat      string        `koanf:"log-format"`
	LogLevel       string        `koanf:"log-level"`
	MaxFileBytes   int           `koanf:"max-file-bytes"`
	MaxFileDepth   int           `koanf:"max-file-depth"`
	MaxFileTasks   int           `koanf:"max-file-tasks"`
	MaxFileTime    time.Duration `koanf:"max-file-time"`
	NoAuth         bool          `koanf:"no-auth"`
	NotifyFor      time.Duration `koanf:"notify-for"`
	PublicURL      string        `koanf:"public-url"`
	Queues         []string      `koanf:"queues"`
	Roles          []string      `koanf:"roles"`
	Server         string        `koanf:"server"`
	SMTPFrom       string        `koanf:"smtp-from"`
	SMTPURL        string        `koanf:"smtp-url"`
	Token          string        `koanf:"token"`
}

// vault returns what seals and opens the secrets of the database.
func (c *config) vault() *secrets.Vault {
	return secrets.NewVault(os.Getenv(secrets.KeyVariable), secrets.KeyPath(c.Home), !c.usesPostgres())
}

// roles are the parts that a server process may play.
var roles = []string{"api", "loader", "scheduler", "worker"}

// addGlobalFlags adds the flags that every command understands.
func addGlobalFlags(flags *pflag.FlagSet) {
	flags.String("home", defaultHome(), "directory of the SQLite database, the token, and the configuration file")
	flags.String("database-url", "", "postgres://… or sqlite:///path; empty: SQLite in the home")
	flags.String("server", "", "URL of a server to talk to (the token from --token or the home)")
	flags.String("token", "", "token for --server; better given as MINIAIRFLOW_TOKEN")
	flags.String("log-level", "info", "debug, info, warn or error")
	flags.String("log-format", "text", "text or json")
}

// addWorkerFlags adds the flags of commands that execute tasks.
func addWorkerFlags(flags *pflag.FlagSet) {
	flags.String("dags", "./dags", "directory of the workflow files")
	flags.String("id", "", "name of the worker (default: the host's name)")
	flags.Int("concurrency", 8, "how many tasks run at a time")
	flags.StringSlice("queues", []string{"default"}, "queues to take tasks from")
	flags.StringSlice("allow-env", nil, "names of environment variables that tasks receive too")
	flags.Duration("lease", runner.LeaseDefault, "silence after which a worker's tasks start elsewhere; it reports six times as often")
	flags.Duration("grace", 10*time.Second, "time between SIGTERM and SIGKILL when a task is ended")
	flags.Duration("drain-timeout", 30*time.Second, "how long a stopping worker waits for its tasks")
	addArtifactFlags(flags)
}

// addFileFlags adds the flags of what reads workflow files: what one may cost, and where
// the folder lies whose defaults and templates it takes.
func addFileFlags(flags *pflag.FlagSet) {
	if flags.Lookup("dags") == nil { // workers have it, too
		flags.String("dags", "./dags", "directory of the workflow files, whose defaults and templates they take")
	}
	flags.Int("max-file-bytes", 1<<20, "how large a workflow file may be")
	flags.Int("max-file-depth", 64, "how deep a workflow file may nest")
	flags.Int("max-file-tasks", miniairflow.TasksDefault, "how many tasks a workflow may have, up to 100000")
	flags.Duration("max-file-time", 2*time.Second, "how long the reading of a workflow file may take")
}

// limits returns what a workflow file may cost.
func (c *config) limits() loader.Limits {
	return loader.Limits{Bytes: c.MaxFileBytes, Depth: c.MaxFileDepth, Tasks: c.MaxFileTasks, Time: c.MaxFileTime}
}

// environmentKeys are names without the prefix that are honoured, and the
// setting that each stands for.
var environmentKeys = map[string]string{"DATABASE_URL": "database-url"}

const environmentPrefix = "MINIAIRFLOW_"

// loadConfig gathers the settings for cmd.
func loadConfig(cmd *cobra.Command) (*config, error) {
	k := koanf.New("\x00")
	home := homeOf(cmd)
	path := filepath.Join(home, "miniairflow.yaml")
	if err := loadFile(k, path); err != nil {
		return nil, err
	}
	if err := loadEnvironment(k); err != nil {
		return nil, err
	}
	// posflag sets the default of a flag only where no earlier source has a value.
	if err := k.Load(posflag.Provider(cmd.Flags(), "\x00", k), nil); err != nil {
		return nil, fmt.Errorf("read flags: %w", err)
	}
	var c config
	if err := k.Unmarshal("", &c); err != nil {
		// The decoder puts each problem on a line of its own, below a heading.
		_, problems, _ := strings.Cut(err.Error(), "\n\n")
		return nil, usageErrorf("configuration: %s", strings.ReplaceAll(strings.TrimSpace(problems), "\n", "; "))
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if cmd.Flags().Lookup("max-file-bytes") != nil {
		if err := c.checkFiles(); err != nil {
			return nil, err
		}
	}
	if cmd.Flags().Lookup("queues") != nil { // a worker has it, and a backfill has another --concurrency
		return &c, c.checkWorker()
	}
	return &c, nil
}

// homeOf finds the home before the other settings: the file among them lies in it.
func homeOf(cmd *cobra.Command) string {
	flag := cmd.Flags().Lookup("home")
	if value := os.Getenv(environmentPrefix + "HOME"); value != "" && !flag.Changed {
		return value
	}
	return flag.Value.String()
}

func loadFile(k *koanf.Koanf, path string) error {
	fromFile := koanf.New("\x00")
	err := fromFile.Load(file.Provider(path), yaml.Parser())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return usageErrorf("read %s: %v", path, err)
	}
	for _, key := range fromFile.Keys() {
		name := strings.ReplaceAll(key, "_", "-")
		if err := knownSetting(name, path); err != nil {
			return err
		}
		if name == "home" {
			return usageErrorf("%s: the home cannot be set in a file that lies in it", path)
		}
		if err := k.Set(name, fromFile.Get(key)); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

func loadEnvironment(k *koanf.Koanf) error {
	for name, key := range environmentKeys {
		if value := os.Getenv(name); value != "" {
			if err := k.Set(key, value); err != nil {
				return fmt.Errorf("set %s: %w", key, err)
			}
		}
	}
	var unknown error
	provider := env.Provider("\x00", env.Opt{Prefix: environmentPrefix, TransformFunc: func(name, value string) (string, any) {
		// A command that runs inside a task must not take the task's own variables for its configuration.
		// The key of secrets is no setting: it may stand in no file of those.
		if slices.Contains(miniairflow.TaskEnv, name) || value == "" || name == secrets.KeyVariable {
			return "", nil
		}
		key := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, environmentPrefix)), "_", "-")
		if err := knownSetting(key, "environment variable "+name); err != nil {
			unknown = err
			return "", nil
		}
		if slices.Contains(listSettings, key) {
			return key, strings.Split(value, ",")
		}
		return key, value
	}})
	if err := k.Load(provider, nil); err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	return unknown
}

// settings are the names of all settings; of those that are lists, listSettings.
var settings, listSettings = settingNames()

func settingNames() (all, lists []string) {
	for field := range reflect.TypeFor[config]().Fields() {
		name := field.Tag.Get("koanf")
		all = append(all, name)
		if field.Type.Kind() == reflect.Slice {
			lists = append(lists, name)
		}
	}
	return all, lists
}

// knownSetting returns an error for a name that is no setting, with the nearest one.
func knownSetting(name, where string) error {
	if slices.Contains(settings, name) {
		return nil
	}
	return usageErrorf("%s: unknown setting %q%s", where, name, miniairflow.DidYouMean(name, settings))
}

// keepDaysMax is a hundred years, which a time.Duration can hold.
const keepDaysMax = 36_500

// check refuses values that no part could work with.
func (c *config) check() error {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		return usageErrorf("--log-level %s: write debug, info, warn or error", c.LogLevel)
	}
	if !slices.Contains([]string{"text", "json"}, c.LogFormat) {
		return usageErrorf("--log-format %s: write text or json", c.LogFormat)
	}
	if c.KeepDays < 0 || c.KeepDays > keepDaysMax {
		return usageErrorf("--keep-days %d: write 0 (keep all) or a number of days up to %d", c.KeepDays, keepDaysMax)
	}
	for _, role := range c.Roles {
		if !slices.Contains(roles, role) {
			return usageErrorf("--roles: unknown role %q; the roles are %s", role, strings.Join(roles, ", "))
		}
	}
	home, err := filepath.Abs(c.Home)
	if err != nil {
		return fmt.Errorf("resolve home %s: %w", c.Home, err)
	}
	c.Home = home
	return nil
}

// Shorter leases would be lost to a busy machine, longer ones leave tasks of a
// dead worker lying for hours.
const (
	leaseMin = 500 * time.Millisecond
	leaseMax = time.Hour
)

// checkWorker refuses values with which a command that executes tasks would
// wait for ever.
func (c *config) checkWorker() error {
	switch {
	case c.Concurrency < 1 || c.Concurrency > 10_000:
		return usageErrorf("--concurrency %d: write a number from 1 to 10000", c.Concurrency)
	case len(c.Queues) == 0:
		return usageErrorf("--queues: name at least one queue")
	case c.Lease < leaseMin || c.Lease > leaseMax:
		return usageErrorf("--lease %s: write a duration from %s to %s", c.Lease, leaseMin, leaseMax)
	case c.Grace < 0:
		return usageErrorf("--grace %s: write a duration such as 10s", c.Grace)
	case c.Grace > c.Lease*2/3:
		return usageErrorf("--grace %s: a worker out of contact must have ended its tasks before its --lease of %s is over; choose a grace of up to %s, or a longer lease",
			c.Grace, c.Lease, (c.Lease * 2 / 3).Truncate(time.Millisecond))
	case c.DrainTimeout < 0:
		return usageErrorf("--drain-timeout %s: write a duration such as 30s", c.DrainTimeout)
	}
	return c.checkArtifacts()
}

// checkFiles refuses limits that limit nothing, and those that nothing could pass.
func (c *config) checkFiles() error {
	switch {
	case c.MaxFileBytes < 1 || c.MaxFileBytes > 64<<20:
		return usageErrorf("--max-file-bytes %d: write a number from 1 to %d", c.MaxFileBytes, 64<<20)
	case c.MaxFileDepth < 1 || c.MaxFileDepth > 1000:
		return usageErrorf("--max-file-depth %d: write a number from 1 to 1000", c.MaxFileDepth)
	case c.MaxFileTasks < 1 || c.MaxFileTasks > miniairflow.TasksMax:
		return usageErrorf("--max-file-tasks %d: write a number from 1 to %d", c.MaxFileTasks, miniairflow.TasksMax)
	case c.MaxFileTime <= 0:
		return usageErrorf("--max-file-time %s: write a duration such as 2s", c.MaxFileTime)
	}
	return nil
}

// storeURL returns where the data is.
func (c *config) storeURL() string {
	if c.DatabaseURL != "" {
		return c.DatabaseURL
	}
	return "sqlite://" + filepath.ToSlash(filepath.Join(c.Home, "miniairflow.db"))
}

// usesPostgres reports whether other processes may share the database.
func (c *config) usesPostgres() bool {
	return strings.HasPrefix(c.DatabaseURL, "postgres://") || strings.HasPrefix(c.DatabaseURL, "postgresql://")
}

// workerName returns the name under which a worker registers. Without --id it
// is the host's name, made unique where several processes may run on it.
func (c *config) workerName() string {
	if c.ID != "" {
		return c.ID
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "worker"
	}
	if c.usesPostgres() {
		return host + "-" + uuid.NewString()[:8]
	}
	return host
}

// logger returns the program's logger, writing to io.err.
func (c *config) logger(io stdio) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(io.err, options))
	}
	return slog.New(slog.NewTextHandler(io.err, options))
}

func defaultHome() string {
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".miniairflow")
	}
	return ".miniairflow"
}
