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
# one fails, all are ended, GRACE seconds later, 2 unless given, or 30 after one has
# stopped. Ctrl-C and SIGTERM have them save and stop, with status 143, and end them at
# once when they come again. PYTHON names the interpreter, .venv/bin/python unless given.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
devices=${DEVICES:-2}
grace=${GRACE:-2}
pids=()
told=
first=0

fail() {
  echo "launch/processes.sh: $*" >&2
  exit 2
}

check() {
  [[ ${1:-} =~ ^[1-9][0-9]*$ ]] || fail "usage: launch/processes.sh N COMMAND [OPTIONS]"
  [[ $# -ge 2 ]] || fail "no command is given; run, train or cache, with its options"
  [[ $devices =~ ^[1-9][0-9]*$ ]] || fail "DEVICES=$devices is not a number from 1 on"
  [[ $grace =~ ^[0-9]+$ ]] || fail "GRACE=$grace is not a number of seconds"
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

# What all have found may be said by each; what one has found, the others never hear.
end_later() {
  if [[ $SECONDS -ge $deadline ]]; then
    tell_all KILL
    deadline=$((SECONDS + 60))
  fi
}

# The first failure of all; whoever fails takes the others along.
follow() {
  local left=("${!pids[@]}") still index status worst=0 deadline=0
  while [[ ${#left[@]} -gt 0 ]]; do
    still=()
    for index in "${left[@]}"; do
      if kill -0 "${pids[index]}" 2>/dev/null; then
        still+=("$index")
        continue
      fi
      wait "${pids[index]}"
      status=$?
      if [[ $index -eq 0 ]]; then first=$status; fi
      if [[ $status -eq 0 || ($worst -ne 0 && $worst -ne 143) ]]; then continue; fi
      worst=$status
      failed=$index
      deadline=$((SECONDS + (status == 143 ? 30 : grace)))
    done
    left=("${still[@]}")
    if [[ $worst -ne 0 ]]; then end_later; fi
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
# The second time at once: they may be measuring, which nobody has to save.
trap 'tell_all "${told:-TERM}"; told=KILL' INT TERM
for ((i = 0; i < count; i++)); do
  become "$i" "$@" &
  pids+=($!)
done
follow
worst=$?
if [[ $worst -ne 0 ]]; then
  if [[ $worst -ne 143 && $failed -gt 0 && $first =~ ^(0|137|143)$ ]]; then
    echo "launch/processes.sh: process $failed has failed first:" >&2
    tail -n 1 "$logs/process-$failed.log" >&2
  fi
  echo "launch/processes.sh: status $worst; what the other processes said: $logs" >&2
elif [[ -z ${LOGS:-} ]]; then
  rm -rf "$logs"
fi
exit "$worst"
