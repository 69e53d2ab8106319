#!/usr/bin/env bash
# Runs every fuzz target of the module for the given time each.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-60s}
found=0
while IFS=: read -r file target; do
  found=$((found + 1))
  echo "fuzz: $target in ./$(dirname "$file") for $time"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$(dirname "$file")"
done < <(git grep -E "^func Fuzz" -- "*_test.go" | sed -E "s/^([^:]+):func (Fuzz[A-Za-z0-9_]+).*/\1:\2/")
[ "$found" -gt 0 ] || { echo "fuzz: no target found"; exit 1; }
