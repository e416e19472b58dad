#!/bin/sh
# Make .venv and install Drawbar into it: `setup.sh run`, `setup.sh dev` (with the test tools) or
# `setup.sh local` (with the runtime of a local model).
#
# Uses `uv` when it is there. Otherwise a plain virtual environment; on a bare Debian or Ubuntu, where
# Python comes without `venv`, that package is installed first (as root, or with a sudo that does not ask).
set -eu
cd "$(dirname "$0")/.."
what=${1:-run}

say() { printf '%s\n' "$*" >&2; }

find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        sudo "$@"
    else
        return 1
    fi
}

install_venv_package() {
    command -v apt-get >/dev/null 2>&1 || return 1
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    say "Python has no venv here; installing the package python$version-venv ..."
    as_root sh -c "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python$version-venv ca-certificates >/dev/null"
}

make_environment() {
    if command -v uv >/dev/null 2>&1; then
        uv venv --quiet --allow-existing --python '>=3.11' .venv
        return
    fi
    python=$(find_python) || {
        say "Drawbar needs Python 3.11 or newer as python3; this machine has: $(python3 --version 2>&1 || echo none)."
        say "Install it (Debian 12, Ubuntu 24.04: apt-get install python3), or install uv, then try again."
        exit 1
    }
    [ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1 && return
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        "$python" -m venv .venv
    elif command -v virtualenv >/dev/null 2>&1; then
        virtualenv -q -p "$python" .venv
    elif install_venv_package; then
        "$python" -m venv .venv
    else
        say "Python has no venv here and it could not be installed without a password."
        say "Run:  sudo apt-get install python3-venv    then try again."
        exit 1
    fi
}

install() {
    if command -v uv >/dev/null 2>&1; then
        uv pip install --python .venv/bin/python "$@"
    else
        .venv/bin/python -m pip install --disable-pip-version-check --progress-bar "$bar" "$@"
    fi
}

bar=off
[ -t 2 ] && bar=on

case $what in
run)
    say "Setting up Drawbar in .venv (once; about a minute) ..."
    make_environment
    install --require-hashes -r requirements.lock
    ;;
dev)
    say "Setting up Drawbar and its test tools in .venv (once; about a minute) ..."
    make_environment
    install --require-hashes -r requirements-dev.lock
    ;;
local)
    say "Installing the runtime of the local model ..."
    install --require-hashes -r requirements-local.lock
    exit 0
    ;;
*)
    say "usage: tools/setup.sh run|dev|local"
    exit 2
    ;;
esac
install --no-deps --no-build-isolation -e .
touch .venv/drawbar
if [ "$what" = dev ]; then
    touch .venv/drawbar-dev
fi
