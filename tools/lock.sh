#!/bin/sh
# Write the lock files anew: names, versions and hashes, and no address of a package index.
# Versions stay as they are where they still fit; `tools/lock.sh --upgrade` takes the newest.
set -eu
cd "$(dirname "$0")/.."
uv=$(command -v uv || echo .venv/bin/uv)
[ -x "$uv" ] || {
    echo "tools/lock.sh needs uv: .venv/bin/python -m pip install uv" >&2
    exit 1
}
upgrade=${1:-}
lock() {
    output=$1
    shift
    # shellcheck disable=SC2086 # nothing, or one word
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-emit-find-links --no-header --no-annotate $upgrade "$@" -o "$output"
}
lock requirements.lock --extra postgresql --extra mariadb --extra wss --extra ntlm --extra grpc --extra graphql --extra nats --extra amqp --extra ssh pyproject.toml
lock requirements-build.lock --group pyproject.toml:build -c requirements.lock
lock requirements-local.lock --extra postgresql --extra mariadb --extra wss --extra ntlm --extra grpc --extra graphql --extra nats --extra amqp --extra ssh --extra local -c requirements.lock pyproject.toml
lock requirements-dev.lock --extra postgresql --extra mariadb --extra duckdb --extra firebird --extra odbc --extra jdbc --extra wss --extra ntlm --extra grpc --extra graphql --extra nats --extra amqp --extra ssh --group pyproject.toml:build --group pyproject.toml:dev \
    -c requirements.lock -c requirements-build.lock pyproject.toml
