#!/usr/bin/env bash
# Sees to it that tests find a program of Debian's: debian.sh WHAT-NEEDS-IT PROGRAM PACKAGE...
# Without it those tests are skipped, but in CI that fails.
set -euo pipefail
tests=$1 program=$2
shift 2

found() {
    command -v "$program" >/dev/null
}

missing() {
    printf 'callmesh: %s\n' "$*" >&2
    [ "${CI:-}" != true ] || exit 1
    echo "callmesh: $tests are skipped." >&2
    exit 0
}

if found; then exit 0; fi
how="install the Debian package $1 (as root: apt-get install $1)."
case $program in */*) missing "there is no $program: $how" ;; esac
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || missing "$program is missing: $how"

echo "callmesh: installing $1"
{ apt-get update -q && DEBIAN_FRONTEND=noninteractive \
    apt-get install -qy --no-install-recommends "$@"; } ||
    missing "$1 could not be installed (is there a network?): $how"
found || missing "$1 was installed, but $program is not on the PATH: $how"
