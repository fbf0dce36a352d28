#!/usr/bin/env bash
# Runs an epik-jax command as N processes on this machine, which train one model
# together: how a run behaves on several hosts, without them.
#
#   launch/processes.sh N COMMAND [OPTIONS]
#   launch/processes.sh 2 run --config=configs/epik.py:tiny --config.mesh.data=0 \
#     --workdir=runs/together
#
# DEVICES is how many devices each process makes of its processor, 2 unless given; all
# of them are to be in the mesh. The first process speaks here; what the others say goes
# to process-I.log in LOGS, or in a folder that is named in the end if one fails. Where
# one fails, all are ended. Ctrl-C and SIGTERM have them save and stop, with status 143.
# PYTHON names the interpreter, .venv/bin/python unless given.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
devices=${DEVICES:-2}
pids=()

fail() {
  echo "launch/processes.sh: $*" >&2
  exit 2
}

check() {
  [[ ${1:-} =~ ^[1-9][0-9]*$ ]] || fail "usage: launch/processes.sh N COMMAND [OPTIONS]"
  [[ $# -ge 2 ]] || fail "no command is given; run, train or cache, with its options"
  [[ $devices =~ ^[1-9][0-9]*$ ]] || fail "DEVICES=$devices is not a number from 1 on"
  command -v "$python" >/dev/null ||
    fail "no $python; launch/local.sh --setup-only makes it, PYTHON names another"
}

free_port() {
  "$python" -c '
import socket
with socket.socket() as one:
    one.bind(("127.0.0.1", 0))
    print(one.getsockname()[1])
'
}

# To be run in the background, which it becomes. A session of its own: Ctrl-C would end
# the process at once, TERM has it save.
become() {
  local index=$1
  shift
  if [[ $index -gt 0 ]]; then exec >"$logs/process-$index.log" 2>&1; fi
  export JAX_PLATFORMS=cpu
  export XLA_FLAGS="${XLA_FLAGS:-} --xla_force_host_platform_device_count=$devices"
  exec setsid "$python" -m epik_jax "$@" --distributed \
    --coordinator-address="$address" --num-processes="$count" \
    --process-id="$index" </dev/null
}

tell_all() {
  local pid
  for pid in "${pids[@]}"; do kill "-$1" "$pid" 2>/dev/null; done
}

# The first failure of all; whoever fails takes the others along.
follow() {
  local left=("${pids[@]}") still pid status worst=0
  while [[ ${#left[@]} -gt 0 ]]; do
    still=()
    for pid in "${left[@]}"; do
      if kill -0 "$pid" 2>/dev/null; then
        still+=("$pid")
        continue
      fi
      wait "$pid"
      status=$?
      if [[ $status -eq 0 || ($worst -ne 0 && $worst -ne 143) ]]; then continue; fi
      worst=$status
      if [[ $status -ne 143 ]]; then tell_all KILL; fi
    done
    left=("${still[@]}")
    sleep 0.2
  done
  return "$worst"
}

check "$@"
count=$1
shift
address=127.0.0.1:$(free_port) || fail "no port is free"
logs=${LOGS:-$(mktemp -d)}
mkdir -p "$logs" || fail "$logs cannot be made"
trap 'tell_all TERM' INT TERM
for ((i = 0; i < count; i++)); do
  become "$i" "$@" &
  pids+=($!)
done
follow
worst=$?
if [[ $worst -ne 0 ]]; then
  echo "launch/processes.sh: status $worst; what the other processes said: $logs" >&2
elif [[ -z ${LOGS:-} ]]; then
  rm -rf "$logs"
fi
exit "$worst"
