#!/usr/bin/env bash
# Sees to it that the browser tests find Chromium. Without it they are skipped, but in CI that fails.
set -euo pipefail

found() {
    command -v "${CHROMIUM:-chromium}" >/dev/null
}

missing() {
    printf 'callmesh: %s\n' "$*" >&2
    [ "${CI:-}" != true ] || exit 1
    echo "callmesh: the browser tests are skipped." >&2
    exit 0
}

if found; then exit 0; fi
how="install the Debian package chromium (as root: apt-get install chromium), or set CHROMIUM=/path/to/chromium."
[ -z "${CHROMIUM:-}" ] || missing "there is no browser at CHROMIUM=$CHROMIUM: $how"
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || missing "Chromium is missing: $how"

echo "callmesh: installing Chromium"
{ apt-get update -q && DEBIAN_FRONTEND=noninteractive \
    apt-get install -qy --no-install-recommends chromium fonts-dejavu-core; } ||
    missing "Chromium could not be installed (is there a network?): $how"
found || missing "Chromium was installed, but is not on the PATH: $how"
