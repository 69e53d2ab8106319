#!/usr/bin/env bash
# Plays what is missing of a chaos campaign: FAULTS of each kind with short
# timers, STANDARD kills of workers with the default ones. Each episode that was
# played is a line of RESULTS, so the command can be interrupted and called again.
# SEED= repeats an episode's sequence of faults. PARALLEL= episodes are played at
# once, each with a cluster of its own; those that measure times are played alone.
set -euo pipefail
cd "$(dirname "$0")/.."

exec go test ./chaos -count=1 -timeout=0 -v -run 'TestJudge|TestCampaign|TestFullDisk' \
  -parallel="${PARALLEL:-1}" -chaos.parallel="${PARALLEL:-1}" \
  -chaos.faults="${FAULTS:-200}" -chaos.standard="${STANDARD:-20}" -chaos.seed="${SEED:-0}" \
  -chaos.results="$(realpath -m "${RESULTS:-chaos.jsonl}")"
