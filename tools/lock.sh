#!/bin/sh
# Write the lock files anew: names, versions and hashes, and no address of a package index.
set -eu
cd "$(dirname "$0")/.."
lock() {
    output=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-emit-find-links --no-header --no-annotate "$@" -o "$output"
}
lock requirements.lock --extra postgresql --group pyproject.toml:build pyproject.toml
lock requirements-dev.lock --extra postgresql --group pyproject.toml:build --group pyproject.toml:dev \
    -c requirements.lock pyproject.toml
lock requirements-local.lock --extra local -c requirements.lock pyproject.toml
