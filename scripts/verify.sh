#!/usr/bin/env bash
# Fails when generated code, go.mod, or formatting is not what the sources say.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A copy of the tracked files is generated anew and compared, so that the check
# never changes the tree it checks.
git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$work"
(
  cd "$work"
  go mod tidy -diff
  (cd bench && go mod tidy -diff)
  go generate ./...
)
diff -r graph/generated "$work/graph/generated"
diff -r graph/model "$work/graph/model"
diff docs/workflow-reference.md "$work/docs/workflow-reference.md"
diff docs/workflow.schema.json "$work/docs/workflow.schema.json"
(cd web && npm run --silent verify)

unformatted=$(git ls-files '*.go' | grep -v '^graph/generated/' | xargs gofmt -l)
if [ -n "$unformatted" ]; then
  echo "verify: not formatted: $unformatted"
  exit 1
fi
echo "verify: generated code, go.mod and formatting are fresh"
