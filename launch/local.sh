#!/usr/bin/env bash
# Sets the project up in .venv and runs its main job: trains a teacher chain and its
# one-model student on the corpus that ships, on this machine.
#
#   launch/local.sh [epik-jax run options]      e.g. --workdir=/somewhere/else
#   launch/local.sh --setup-only [EXTRAS]       e.g. --setup-only icu,phonetics
#
# A second call skips what is done already; an interrupted run goes on where it was.
# PYTHON names another interpreter than python3.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
python=${PYTHON:-python3}

fail() {
  echo "launch/local.sh: $*" >&2
  exit 1
}

check_python() {
  command -v "$python" >/dev/null ||
    fail "no $python here; install Python 3.11 or newer, or name one: PYTHON=python3.11"
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$python is $("$python" -V 2>&1), 3.11 or newer is needed;" \
      "name another: PYTHON=python3.11"
}

make_venv() {
  # An interrupted call may have left a .venv without pip.
  if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then return; fi
  check_python
  echo "launch/local.sh: making .venv with $("$python" -V)"
  rm -rf "$venv"
  "$python" -m venv "$venv" ||
    fail "python could not make $venv; on Debian and Ubuntu: apt install python3-venv"
}

# What was installed, by what it was installed from: an editable install has to be
# repeated only when a requirement or the entry point may have changed.
install() {
  local extras=$1 stamp digest
  stamp=$venv/installed-${extras:-plain}
  digest=$("$venv/bin/python" -c '
import hashlib, sys
print(hashlib.sha256(b"".join(open(p, "rb").read() for p in sys.argv[1:])).hexdigest())
' "$root/setup.cfg" "$root/pyproject.toml")
  if [[ -f $stamp && $(<"$stamp") == "$root $digest" ]]; then return; fi
  echo "launch/local.sh: installing into .venv, some minutes the first time"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --editable "$root${extras:+[$extras]}" ||
    fail "pip could not install the project; its reason stands above"
  echo "$root $digest" >"$stamp"
}

main() {
  if [[ ${1:-} == --setup-only ]]; then
    make_venv
    install "${2:-}"
    return
  fi
  make_venv
  install ""
  # glibc hands every big buffer back to the kernel, and each step faults it in again;
  # a training step on a CPU takes 1.2 to 1.3 times longer without these two.
  export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=68719476736
  exec "$venv/bin/epik-jax" run --config="$root/configs/epik.py:builtin" \
    --workdir="$root/runs/epik-builtin" "$@"
}

main "$@"
