#!/usr/bin/env bash
# Installs the npm packages exactly as package-lock.json has them.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    printf 'callmesh: %s\n' "$*" >&2
    exit 1
}

command -v node >/dev/null && command -v npm >/dev/null ||
    fail "Node.js 20.19 or later with npm is missing: install it (nodejs and npm), then try again."
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
    fail "Node.js $(node --version) is too old: 20.19 or later is needed."

echo "callmesh: installing npm packages into node_modules"
npm ci --no-audit --no-fund --loglevel=error --fetch-retries=1 ||
    fail "the npm packages of package-lock.json could not be installed: an npm registry must be reachable (network, proxy, or npm's own settings)."
