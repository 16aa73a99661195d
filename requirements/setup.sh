#!/bin/sh
# Builds .venv from the pinned requirements, or leaves it alone when it is still right. `make setup` calls this.
#
#   requirements/setup.sh            everything in requirements/*.txt, and seatkeeper itself
#   requirements/setup.sh PACKAGE..  Debian packages too, where root and apt-get are at hand; without them it goes on
#
# .venv holds two marks, written last: what it was built from, and which pyproject.toml seatkeeper was installed with. They are
# contents, not times, so a checkout of another branch is noticed and a mere touch is not. A build that fails or is
# interrupted puts the .venv that was there before back in place.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'seatkeeper set-up: %s\n' "$*"; }
fail() { printf 'seatkeeper set-up: %s\n' "$*" >&2; exit 1; }

# Two makes at once would build over each other: the second waits, and then finds the work done. The lock is on this script
# itself, so it leaves no file behind; where flock is missing (macOS) a person starts one make at a time.
if [ -z "${SEATKEEPER_SETUP_LOCKED:-}" ] && command -v flock >/dev/null 2>&1; then
    SEATKEEPER_SETUP_LOCKED=1 exec flock requirements/setup.sh sh requirements/setup.sh "$@"
fi

PIP_DISABLE_PIP_VERSION_CHECK=1
PIP_NO_INPUT=1
export PIP_DISABLE_PIP_VERSION_CHECK PIP_NO_INPUT

may_install_packages() { command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; }

debian_packages() {
    may_install_packages || return 1
    say "installing from Debian: $*"
    # RUNLEVEL=1: a package that brings a service must not start it.
    for attempt in update no-update; do
        [ "$attempt" = no-update ] || apt-get -qq update >/dev/null 2>&1 || true
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null 2>&1 </dev/null && return 0
    done
    return 1
}

find_python() {
    # 3.11 first: it is what the pins were made with. A version manager's shim may exist and not work, so each is run.
    for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3.14 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

missing=
for package in "$@"; do
    command -v "$package" >/dev/null 2>&1 || dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
# shellcheck disable=SC2086 # a list of words
if [ -n "$missing" ] && ! debian_packages $missing; then
    say "going on without the Debian packages$missing: what needs them is left out. As root, apt-get install$missing brings them."
fi

built_from="$(pwd -P) $(cat requirements/*.txt | cksum)"
installed_with="$(cksum <pyproject.toml)"
same() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

if ! same .venv/built-from "$built_from" || ! .venv/bin/python -c '' >/dev/null 2>&1; then
    python=$(find_python) || fail "no Python 3.11 or newer was found. Install one (Debian 12 and newer: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3.11"
    version=$("$python" -c 'import platform; print(platform.python_version())')
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        # Debian splits the standard library.
        minor=$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')
        debian_packages "$minor" || fail "$python ($version) comes without its venv module. Install it (Debian: apt-get install $minor) and call make again."
    fi
    before=build/venv-before
    if [ -e .venv ]; then
        say "the pinned requirements have changed, or this directory has moved: .venv is built anew."
        mkdir -p build
        rm -rf "$before"
        mv .venv "$before"
    fi
    # Interrupted or failed: what was there before is better than half of something new.
    restore() { rm -rf .venv; [ ! -e "$before" ] || mv "$before" .venv; }
    trap restore EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    say "building .venv with Python $version; this is done once and takes about a minute."
    "$python" -m venv .venv
    set --
    for file in requirements/*.txt; do set -- "$@" -r "$file"; done
    say "installing $(cat requirements/*.txt | grep -c '==') pinned packages, each checked against its hash."
    # Only errors for a log file; all that pip says for a person who waits.
    [ -t 1 ] && quiet= || quiet=-qq
    .venv/bin/python -m pip install ${quiet:+"$quiet"} --require-hashes "$@" </dev/null \
        || fail "the packages could not be installed; the lines above say which one and why. Without a network, set PIP_FIND_LINKS to a directory that holds them (docs/install.md)."
    printf '%s\n' "$built_from" >.venv/built-from
    trap - EXIT INT TERM HUP
    rm -rf "$before"
fi

if ! same .venv/installed-with "$installed_with"; then
    say "installing seatkeeper itself, from src/."
    .venv/bin/python -m pip install -q --no-index --no-deps --no-build-isolation -e . </dev/null \
        || fail "seatkeeper could not be installed from this directory; the lines above say why."
    printf '%s\n' "$installed_with" >.venv/installed-with
    say "ready. The commands are in .venv/bin: seatkeeper, lmgrd, lmutil, lmstat and the others."
fi
