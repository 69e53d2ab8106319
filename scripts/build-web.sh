#!/usr/bin/env bash
# Builds the page into web/dist when Node >= 20.19 is there and something changed.
# Without Node the Go build still works, and /ui/ says how to build the page.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v node >/dev/null || ! command -v npm >/dev/null ||
  ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
  echo "build: no Node.js >= 20.19: the page is left out, everything else works"
  exit 0
fi

stamp=web/dist/.built
newest=$(find web schema.graphqls -type f -not -path '*/node_modules/*' -not -path 'web/dist/*' -not -path 'web/e2e/*' -not -name '*.go' -newer "$stamp" -print -quit 2>/dev/null || echo new)
[ -e "$stamp" ] && [ -z "$newest" ] && exit 0

cd web
if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --loglevel=error --no-audit --no-fund
fi
npm run --silent build
touch dist/.built dist/.gitkeep
