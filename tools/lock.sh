#!/usr/bin/env bash
# Chooses the pinned versions anew: the newest that the ranges in pyproject.toml and package.json allow.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

"${PYTHON:-python3}" -m venv "$scratch/venv"
pip=("$scratch/venv/bin/python" -m pip --disable-pip-version-check --quiet)
"${pip[@]}" install --upgrade "pip>=25.1" # the first that knows --group
"${pip[@]}" install --group dev --editable ".[api,rtc]"
{
    echo "# Everything that developing needs, frozen by \`make lock\` from the ranges in pyproject.toml."
    "${pip[@]}" freeze --exclude-editable
} >"$scratch/requirements-dev.txt"
mv "$scratch/requirements-dev.txt" requirements-dev.txt

rm -rf node_modules package-lock.json
npm install --package-lock-only
# A registry that lacks a package for some other platform leaves a lock file that `npm ci` refuses.
npm ci --dry-run --loglevel=error >/dev/null
