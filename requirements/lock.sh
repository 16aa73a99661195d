#!/bin/sh
# Pins requirements/*.txt anew: core.txt from pyproject.toml, each other from the .in file of its name. `make lock` calls this.
#
# Only names, versions and hashes are written: no option that would name an index, a host or a directory of this machine.
# pip-compile runs in a .venv of its own, because it needs a pip that the others need not share.
set -eu
cd "$(dirname "$0")/.."

tool=build/lock
[ -x "$tool/bin/pip-compile" ] || {
    echo "Installing pip-tools into $tool."
    .venv/bin/python -m venv "$tool"
    "$tool/bin/python" -m pip install -q pip-tools==7.6.2
}

compile() {
    echo "Pinning $1 from $2."
    # A machine's own pip configuration must not reach the pins: they are those of the public index.
    env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL -u PIP_CONSTRAINT PIP_CONFIG_FILE=/dev/null CUSTOM_COMPILE_COMMAND="make lock" \
        "$tool/bin/pip-compile" -q --upgrade --generate-hashes --strip-extras --no-emit-options -o "$1" "$2"
}

compile requirements/core.txt pyproject.toml
for source in requirements/*.in; do
    compile "${source%.in}.txt" "$source"
done
