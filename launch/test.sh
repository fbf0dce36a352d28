#!/usr/bin/env bash
# The whole check, the same for a person and for CI: lint, format, types, tests,
# notebooks at smoke size. Stops at the first that fails.
#
#   launch/test.sh [pytest options]   with options: those tests alone, no notebooks
#
# TEST_WORKERS is the number of test processes, 2 unless given.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
"$root/launch/local.sh" --setup-only test
bin=$root/.venv/bin

step() {
  echo "== $*"
}

step "lint"
"$bin/python" -m ruff check .
step "format"
"$bin/python" -m ruff format --check .
step "types"
"$bin/python" -m mypy
step "tests"
# One file stays in one process, so that what it compiles is compiled once.
"$bin/python" -m pytest --quiet --numprocesses="${TEST_WORKERS:-2}" --dist=loadfile "$@"
if [[ $# -eq 0 ]] && compgen -G "notebooks/*.ipynb" >/dev/null; then
  step "notebooks"
  JAX_PLATFORMS=cpu SMOKE=1 "$bin/python" -m pytest --quiet --nbmake \
    --nbmake-timeout=600 notebooks
fi
step "all passed in $((SECONDS / 60)) min $((SECONDS % 60)) s"
