package miniairflow_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

func TestDelayAfter(t *testing.T) {
	seconds := func(n int) miniairflow.Duration { return miniairflow.Duration(time.Duration(n) * time.Second) }
	tests := []struct {
		name   string
		policy miniairflow.RetryPolicy
		want   []int // seconds
	}{
		{"nothing named", miniairflow.RetryPolicy{}, []int{1, 2, 4, 8, 16, 30, 30}},
		{"a delay alone is constant", miniairflow.RetryPolicy{Delay: seconds(10)}, []int{10, 10, 10}},
		{"exponential from the default", miniairflow.RetryPolicy{Backoff: miniairflow.BackoffExponential}, []int{1, 2, 4, 8, 16, 30}},
		{"exponential from a delay", miniairflow.RetryPolicy{Delay: seconds(20), Backoff: miniairflow.BackoffExponential}, []int{20, 40, 80, 160}},
		{"limited", miniairflow.RetryPolicy{Delay: seconds(20), Backoff: miniairflow.BackoffExponential, MaxDelay: seconds(50)}, []int{20, 40, 50, 50}},
		{"only a limit", miniairflow.RetryPolicy{MaxDelay: seconds(3)}, []int{1, 2, 3, 3}},
		{"constant", miniairflow.RetryPolicy{Backoff: miniairflow.BackoffConstant}, []int{1, 1, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i, want := range tt.want {
				require.Equal(t, time.Duration(want)*time.Second, tt.policy.DelayAfter(i+1, 0.5), "after %d failures", i+1)
			}
		})
	}
}

func TestDelayIsBoundedAndNeverShrinks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		duration := rapid.Custom(func(t *rapid.T) miniairflow.Duration {
			return miniairflow.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "d"))
		})
		p := miniairflow.RetryPolicy{
			Delay: duration.Draw(t, "delay"), MaxDelay: duration.Draw(t, "max"),
			Backoff: rapid.SampledFrom([]miniairflow.Backoff{"", miniairflow.BackoffConstant, miniairflow.BackoffExponential}).Draw(t, "backoff"),
		}
		previous := time.Duration(0)
		for _, failures := range []int{1, 2, 3, 10, 64, 65, 1_000_000} {
			p.Jitter = false
			delay := p.DelayAfter(failures, 0)
			require.GreaterOrEqual(t, delay, previous, "after %d failures", failures)
			if p.MaxDelay > 0 {
				require.LessOrEqual(t, delay, p.MaxDelay.Std())
			}
			p.Jitter = true
			jittered := p.DelayAfter(failures, rapid.Float64Range(0, 0.999).Draw(t, "random"))
			require.GreaterOrEqual(t, jittered, delay/2)
			require.LessOrEqual(t, jittered, delay)
			previous = delay
		}
	})
}

func TestFinishOf(t *testing.T) {
	code := func(n int) *int { return &n }
	retry := miniairflow.RetryPolicy{Count: 2, Delay: miniairflow.Duration(time.Second), OnExitCodes: []int{75}}
	tests := []struct {
		name     string
		retry    miniairflow.RetryPolicy
		failures int
		status   miniairflow.AttemptStatus
		exitCode *int
		want     miniairflow.TaskStatus
	}{
		{"success", retry, 0, miniairflow.AttemptSuccess, code(0), miniairflow.TaskSuccess},
		{"cancelled", retry, 0, miniairflow.AttemptCancelled, code(75), miniairflow.TaskCancelled},
		{"no retries", miniairflow.RetryPolicy{}, 0, miniairflow.AttemptFailed, code(1), miniairflow.TaskFailed},
		{"first retry", retry, 0, miniairflow.AttemptFailed, code(75), miniairflow.TaskUpForRetry},
		{"last retry", retry, 1, miniairflow.AttemptFailed, code(75), miniairflow.TaskUpForRetry},
		{"retries used up", retry, 2, miniairflow.AttemptFailed, code(75), miniairflow.TaskFailed},
		{"another exit code", retry, 0, miniairflow.AttemptFailed, code(1), miniairflow.TaskFailed},
		{"no exit code", retry, 0, miniairflow.AttemptFailed, nil, miniairflow.TaskFailed},
		{"timed out", retry, 0, miniairflow.AttemptTimedOut, nil, miniairflow.TaskUpForRetry},
		{"timed out for good", miniairflow.RetryPolicy{Count: 2, NotTimeout: true}, 0, miniairflow.AttemptTimedOut, nil, miniairflow.TaskFailed},
		{"lost is not the policy's", retry, 0, miniairflow.AttemptLost, nil, miniairflow.TaskFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, delay := miniairflow.FinishOf(&miniairflow.Task{Retry: &tt.retry}, tt.failures, tt.status, tt.exitCode)
			require.Equal(t, tt.want, got)
			require.Equal(t, got == miniairflow.TaskUpForRetry, delay > 0)
		})
	}
}

func TestExitCodesDecide(t *testing.T) {
	task := &miniairflow.Task{SkipOn: &miniairflow.ExitCodes{99}, Retry: &miniairflow.RetryPolicy{Count: 1, NeverOn: &miniairflow.ExitCodes{2}}}
	for _, tt := range []struct {
		code     int
		failures int
		status   miniairflow.AttemptStatus
		want     miniairflow.TaskStatus
	}{
		{1, 0, miniairflow.AttemptFailed, miniairflow.TaskUpForRetry},
		{1, 1, miniairflow.AttemptFailed, miniairflow.TaskFailed},
		{2, 0, miniairflow.AttemptFailed, miniairflow.TaskFailed},
		{99, 0, miniairflow.AttemptFailed, miniairflow.TaskSkipped},
		{99, 5, miniairflow.AttemptFailed, miniairflow.TaskSkipped},
		{99, 0, miniairflow.AttemptTimedOut, miniairflow.TaskUpForRetry},
		{99, 0, miniairflow.AttemptCancelled, miniairflow.TaskCancelled},
	} {
		got, _ := miniairflow.FinishOf(task, tt.failures, tt.status, &tt.code)
		require.Equal(t, tt.want, got, "%s with %d after %d failures", tt.status, tt.code, tt.failures)
	}
	got, _ := miniairflow.FinishOf(task, 0, miniairflow.AttemptFailed, nil)
	require.Equal(t, miniairflow.TaskUpForRetry, got, "a signal leaves no exit code")
}
