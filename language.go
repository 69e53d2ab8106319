package miniairflow

// Bounds of numbers in a workflow file, for those who describe the language.
const (
	RetryCountMax = retryCountMax // of retry.count
	ExitCodeMax   = exitCodeMax   // of retry.on_exit_codes, which begin at 1
)

// NamePattern returns the regular expression of names of workflows, queues and
// pools.
func NamePattern() string { return workflowName.String() }

// TokenNamePattern returns the regular expression of names of tokens.
func TokenNamePattern() string { return tokenName.String() }

// TaskNamePattern returns the regular expression of names of tasks.
func TaskNamePattern() string { return taskName.String() }

// IdentifierPattern returns the regular expression of names of params, outputs
// and environment variables.
func IdentifierPattern() string { return identifier.String() }
