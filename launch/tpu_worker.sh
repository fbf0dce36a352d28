#!/usr/bin/env bash
# What launch/tpu_vm.sh calls on each worker of a TPU VM, in the checkout that it sent.
#
#   launch/tpu_worker.sh install [gcsfuse gs://BUCKET/PATH | nfs HOST:/SHARE]
#       makes .venv, once the startup script is done, and mounts the bucket or the share
#       at ~/shared
#   launch/tpu_worker.sh start FOLDER URL run [epik-jax run options]
#       starts a run that outlives this call, unless one is under way; the folder is
#       restored from a URL, gs://BUCKET/PATH, and mirrored to it, unless that is ''
#   launch/tpu_worker.sh follow [LINES]
#       shows the log, or its last lines, until the run has ended, and exits as it did
#   launch/tpu_worker.sh status   one line
#   launch/tpu_worker.sh busy     whether a run is under way, as exit status
#
# Relative folders lie in the home directory. A run's log, status and process are in
# ~/.epik-jax-run; its status is 74 where it ended well and could not be mirrored.
set -euo pipefail

code=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
state=$HOME/.epik-jax-run
not_mirrored=74

fail() {
  echo "launch/tpu_worker.sh: $*" >&2
  exit 1
}

# Waits for what launch/tpu_startup.sh installs; says so each minute.
wait_for() {
  local what=$1 minute
  for minute in {1..15}; do
    if "${@:2}" >/dev/null 2>&1; then return; fi
    echo "launch/tpu_worker.sh: the startup script has not brought $what yet" \
      "(minute $minute)" >&2
    sleep "${POLL_SECONDS:-60}"
  done
  fail "no $what after 15 minutes; what went wrong:" \
    "sudo journalctl -u google-startup-scripts"
}

mount_bucket() {
  local bucket=${1#gs://} path=''
  if [[ $bucket == */* ]]; then path=${bucket#*/}; fi
  wait_for gcsfuse command -v gcsfuse
  # Checkpoints are renamed into place; what one host writes the others read at once.
  gcsfuse --implicit-dirs --rename-dir-limit=1000000 --metadata-cache-ttl-secs=0 \
    ${path:+"--only-dir=$path"} "${bucket%%/*}" "$HOME/shared"
}

mount_share() {
  wait_for 'NFS client' command -v mount.nfs
  sudo mount -t nfs "$1" "$HOME/shared"
}

install() {
  wait_for python3.11 python3.11 -c 'import ensurepip'
  cd "$code"
  python3.11 -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --requirement requirements-tpu.txt
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
    --editable .
  if [[ $# -eq 0 ]] || mountpoint --quiet "$HOME/shared"; then return; fi
  mkdir -p "$HOME/shared"
  case $1 in
    gcsfuse) mount_bucket "$2" ;;
    nfs) mount_share "$2" ;;
    *) fail "cannot mount $1" ;;
  esac
}

busy() {
  # After a reboot the number may be another's.
  [[ -f $state/pid && ! -f $state/status ]] &&
    grep --quiet --no-messages supervise "/proc/$(<"$state/pid")/cmdline"
}

start() {
  if busy; then
    echo "launch/tpu_worker.sh: a run is under way here; it goes on" >&2
    return
  fi
  mkdir -p "$state"
  rm -f "$state/status"
  : >"$state/log"
  setsid "$code/launch/tpu_worker.sh" supervise "$@" >>"$state/log" 2>&1 </dev/null &
  echo $! >"$state/pid"
}

# Stays when all processes are told to stop: the run is then saving.
supervise() {
  trap : TERM INT HUP
  local status=0
  run_mirrored "$@" || status=$?
  # That of ssh, where the connection broke.
  if [[ $status -eq 255 ]]; then status=1; fi
  echo "launch/tpu_worker.sh: the run ended with status $status"
  echo "$status" >"$state/status.tmp"
  mv "$state/status.tmp" "$state/status"
}

run_mirrored() {
  local folder=$1 url=$2 run mirror status=0
  [[ $folder == /* ]] || folder=$HOME/$folder
  if [[ -n $url ]]; then
    "$code/launch/mirror.sh" restore "$folder" "$url" || return 1
  fi
  cd "$code"
  .venv/bin/epik-jax "${@:3}" --workdir="$folder" &
  run=$!
  if [[ -n $url ]]; then
    "$code/launch/mirror.sh" follow "$run" "$folder" "$url" &
    mirror=$!
  fi
  ended "$run" || status=$?
  if [[ -n $url ]] && ! ended "$mirror" && [[ $status -eq 0 ]]; then
    status=$not_mirrored
  fi
  return "$status"
}

# `wait`, which a signal to this process cuts short.
ended() {
  local status
  while true; do
    status=0
    wait "$1" || status=$?
    kill -0 "$1" 2>/dev/null || return "$status"
  done
}

follow() {
  [[ -f $state/pid ]] || fail "no run was started here"
  if busy; then
    tail --lines="${1:-+1}" --follow --pid="$(<"$state/pid")" "$state/log"
  else
    tail --lines="${1:-+1}" "$state/log"
  fi
  [[ -f $state/status ]] ||
    fail "the run is gone and left no status: killed, or the VM was rebooted"
  return "$(<"$state/status")"
}

status() {
  if busy; then
    echo "running; its last line: $(tail --lines=1 "$state/log")"
  elif [[ -f $state/status ]]; then
    echo "ended with status $(<"$state/status")"
  elif [[ -f $state/pid ]]; then
    echo "gone without a status: killed, or the VM was rebooted"
  else
    echo "nothing was run here"
  fi
}

case ${1:-} in
  install | start | supervise | follow | status | busy) "$@" ;;
  *) fail "commands are install, start, follow, status and busy" ;;
esac
