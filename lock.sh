#!/usr/bin/env bash
# Pins every dependency with its hashes, for all supported Pythons. Needs uv.
set -euo pipefail
cd "$(dirname "$0")"
flags=(--universal --generate-hashes --no-emit-index-url --no-annotate --quiet --custom-compile-command ./lock.sh)
printf 'setuptools>=77\nwheel\n' > /tmp/build.in
uv pip compile pyproject.toml /tmp/build.in "${flags[@]}" -o requirements.lock
uv pip compile pyproject.toml /tmp/build.in --extra test "${flags[@]}" -c requirements.lock -o requirements-test.lock
