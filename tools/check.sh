#!/bin/sh
# The whole gate: formatting, lint, types, layers, Dockerfile, adapters, then the tests.
set -eu
cd "$(dirname "$0")/.."
step() {
    printf '\n== %s\n' "$1" >&2
    shift
    "$@"
}
bin=.venv/bin
step "formatting" $bin/ruff format --check .
step "lint" $bin/ruff check .
step "types" $bin/mypy
step "layers" $bin/lint-imports --no-cache
step "image" $bin/hadolint Dockerfile
[ -x $bin/shellcheck ] && step "shell" $bin/shellcheck tools/*.sh .ci/run
step "adapters and settings" $bin/drawbar lint
step "tests" make --no-print-directory test
