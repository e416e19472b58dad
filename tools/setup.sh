#!/bin/sh
# Make .venv and install Drawbar into it: `setup.sh run`, `setup.sh dev` (with the test tools) or
# `setup.sh local` (with the runtime of a local model). What is there already is left alone, so a
# second call costs nothing and needs no network; a change of the lock files is noticed.
#
# Uses `uv` when it is there, else pip. On a bare Debian or Ubuntu, where Python comes without `venv`,
# that package is installed first (as root, or with a sudo that does not ask).
set -eu
cd "$(dirname "$0")/.."
what=${1:-run}
run_locks="requirements.lock requirements-build.lock"
case $what in
run) title="Setting up Drawbar" locks=$run_locks ;;
dev) title="Setting up Drawbar and its test tools" locks=requirements-dev.lock ;;
local) title="Adding what a model on this machine needs" locks="requirements-local.lock requirements-build.lock" ;;
*)
    echo "usage: tools/setup.sh run|dev|local" >&2
    exit 2
    ;;
esac

say() { printf '%s\n' "$*" >&2; }

# One line that is written over on a terminal; elsewhere a new line, and those far apart.
note() {
    if [ -t 2 ]; then printf '\r  %-60s' "$*" >&2; else say "  $*"; fi
}

# Content, not dates: what was installed, from where, for which Python.
fingerprint() {
    { cat tools/setup.sh pyproject.toml "$@" && pwd -P && readlink -f .venv/bin/python; } | cksum
}
# shellcheck disable=SC2086 # several names
if [ -x .venv/bin/python ] && [ "$(cat ".venv/drawbar-$what" 2>/dev/null)" = "$(fingerprint $locks)" ]; then
    exit 0
fi

progress() {
    fetched=$(grep -c '^Collecting ' "$log" 2>/dev/null) || fetched=0
    there=$(find .venv/lib -maxdepth 3 -name '*.dist-info' 2>/dev/null | wc -l)
    if grep -q '^Installing collected' "$log" 2>/dev/null; then
        note "unpacking: $((there)) of $wanted packages ($1 s)"
    elif [ "$fetched" -gt 0 ]; then
        note "fetching: $fetched of $wanted packages ($1 s)"
    elif [ "$1" -ge 5 ]; then
        note "still at it ($1 s)"
    fi
}

# Run a command with its output in a file, telling how far it is. Its output is shown if it fails.
watched() {
    "$@" >"$log" 2>&1 </dev/null &
    child=$!
    trap 'kill "$child" 2>/dev/null; say; exit 130' INT TERM
    begun=$(date +%s)
    noted=$begun
    every=10
    [ -t 2 ] && every=1
    while kill -0 "$child" 2>/dev/null; do
        sleep 0.2
        now=$(date +%s)
        if [ $((now - noted)) -ge $every ]; then
            noted=$now
            progress $((now - begun))
        fi
    done
    trap - INT TERM
    [ -t 2 ] && printf '\r%62s\r' '' >&2
    wait "$child" && return
    tail -n 25 "$log" >&2
    return 1
}

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

as_root=
can_be_root() {
    if [ "$(id -u)" = 0 ]; then return 0; fi
    as_root="sudo -n"
    command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null
}

install_venv_package() {
    command -v apt-get >/dev/null 2>&1 && can_be_root || return 1
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    say "This Python comes without venv: installing the package $package."
    # shellcheck disable=SC2086 # nothing, or two words
    watched $as_root apt-get update -qq &&
        watched $as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$package"
}

works() { .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

environment_of_uv() {
    works || watched uv venv --allow-existing --python '>=3.11' .venv
}

environment() {
    works && .venv/bin/python -m pip --version >/dev/null 2>&1 && return
    python=$(find_python) || {
        say "Drawbar needs Python 3.11 or newer as python3; here is $(python3 --version 2>/dev/null || echo none)."
        say "Install it (Debian 12, Ubuntu 24.04: apt-get install python3-venv), or install uv, and try again."
        exit 1
    }
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        watched "$python" -m venv --clear .venv
    elif "$python" -m pip --version >/dev/null 2>&1 && "$python" -c 'import venv' 2>/dev/null; then
        # Debian's python3-pip without its python3-venv: that pip can install for another Python.
        outer_pip=$python
        watched "$python" -m venv --clear --without-pip .venv
    elif command -v virtualenv >/dev/null 2>&1; then
        watched virtualenv --clear -p "$python" .venv
    elif install_venv_package; then
        watched "$python" -m venv --clear .venv
    else
        say "This Python ($python) comes without venv, and it takes a password to install it. Run"
        say "    sudo apt-get install python3-venv"
        say "or install uv, and try again."
        exit 1
    fi
}

outer_pip=
install() {
    if [ "$tool" = uv ]; then
        watched uv pip install --python .venv/bin/python "$@"
    elif [ -n "$outer_pip" ]; then
        watched "$outer_pip" -m pip --python .venv/bin/python install --disable-pip-version-check "$@"
    else
        watched .venv/bin/python -m pip install --disable-pip-version-check "$@"
    fi
}

install_all() {
    set --
    for lock in $locks; do set -- "$@" -r "$lock"; done
    install --require-hashes "$@" && install --no-deps --no-build-isolation -e .
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
say "$title in .venv (once; a minute or so, with a network) ..."
wanted=0
for lock in $locks; do wanted=$((wanted + $(grep -c '^[a-z]' "$lock"))); done
tool=pip
if command -v uv >/dev/null 2>&1; then tool=uv; fi
if [ "$tool" = uv ] && environment_of_uv && install_all; then
    :
else
    if [ "$tool" = uv ]; then
        say "uv could not do it (above); trying pip, which has its own settings."
        tool=pip
    fi
    environment
    install_all || {
        trap - EXIT
        say "Installing failed; the lines above say why. All of it is in $log."
        exit 1
    }
fi
# shellcheck disable=SC2086 # several names
fingerprint $locks >".venv/drawbar-$what"
if [ "$what" = dev ]; then
    # shellcheck disable=SC2086
    fingerprint $run_locks >.venv/drawbar-run # the test tools come on top of what a run needs
fi
