#!/usr/bin/env bash
# Makes .venv with the pinned packages and callmesh itself, editable.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${PYTHON:-python3}"

fail() {
    printf 'callmesh: %s\n' "$*" >&2
    exit 1
}

command -v "$python" >/dev/null ||
    fail "Python 3.11 or later is missing: install the package python3, or set PYTHON=/path/to/python3."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old, Python 3.11 or later is needed: set PYTHON=/path/to/python3."

# Debian keeps ensurepip, without which a virtual environment has no pip, in a package of its own.
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    how="install the Debian package python3-venv (as root: apt-get install python3-venv), then try again."
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
        fail "Python's ensurepip is missing: $how"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive \
        apt-get install -qy --no-install-recommends python3-venv; } ||
        fail "python3-venv could not be installed (is there a network?): $how"
    "$python" -c 'import ensurepip' 2>/dev/null ||
        fail "$python still lacks ensurepip, it is not Debian's own: set PYTHON=/usr/bin/python3."
fi

echo "callmesh: installing Python packages into .venv"
.venv/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear .venv
pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet --retries 2)
"${pip[@]}" install --requirement requirements-dev.txt ||
    fail "the Python packages of requirements-dev.txt could not be installed: a package index must be reachable (network, proxy, or pip's own settings)."
"${pip[@]}" install --no-deps --no-build-isolation --editable . ||
    fail "callmesh itself could not be installed into .venv: see pip's words above."
