#!/usr/bin/env bash
# Runs epik-jax on a Cloud TPU VM: creates it, installs, runs, follows, creates it again
# after a preemption, deletes it.
#
#   launch/tpu_vm.sh run NAME --zone=ZONE --type=v5litepod-8 --spot \
#       --bucket=gs://BUCKET/PATH --config=configs/epik.py:real \
#       [-- epik-jax run options]
#   launch/tpu_vm.sh up|logs|status|ssh|delete NAME --zone=ZONE
#
#   run      all that is missing: VM, installation, run; follows it, exits as it does
#   up       the VM, with the project installed on it
#   logs     follows the run that is under way
#   status   of the VM and of the run
#   ssh      a shell on a worker, or what stands after -- as a command there
#   delete   the VM, with its disk
#
#   --zone=ZONE --project=ID   where; gcloud's own project unless given
#   --type=TYPE                v4-N, v5p-N, v5litepod-N or v6e-N; hosts follow from it
#   --spot, --reserved         how it is paid for; on demand with neither
#   --runtime-version=VERSION  another than Google names for the type
#   --create-option=OPTION     one more of `queued-resources create`; repeatable
#   --dirty                    sends changes that are not committed, too
#   --bucket=gs://BUCKET/PATH  the run's folder there: mirrored from one host each
#                              minute, mounted on several
#   --mount='nfs HOST:/SHARE'  a folder of all hosts, at ~/shared on each
#   --workdir=FOLDER           of the run on the VM; relative to the home directory
#   --fetch=DIR                copies the run's folder into DIR, here, in the end
#   --relaunches=N             given up after so many preemptions; 10 unless given
#   --keep                     does not delete the VM in the end
#   --worker=N                 of ssh; 0 unless given
#   --dry-run                  prints each command as it would be run, does nothing
#
# POLL_SECONDS is the time between two looks at a state, 60 unless given.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=launch/tpu_types.sh
source "$root/launch/tpu_types.sh"
# shellcheck source=launch/tpu_vm_options.sh
source "$root/launch/tpu_vm_options.sh"
# shellcheck source=launch/tpu_queue.sh
source "$root/launch/tpu_queue.sh"

stopped=143 lost=255 not_mirrored=74

# How things go; in a dry run they do not.
say() {
  [[ -n $dry_run ]] || echo "launch/tpu_vm.sh: $*" >&2
}

fail() {
  echo "launch/tpu_vm.sh: $*" >&2
  exit 1
}

on_workers() {
  tpus tpu-vm ssh "$name" --worker="$1" --command="${*:2}"
}

# What a worker does with the code that was sent to it; not beneath a run.
unpacking() {
  local words=("{ ! $worker_script busy 2>/dev/null || exit 0; }"
    'git init --quiet epik_jax' 'cd epik_jax'
    'git fetch --quiet ../epik_jax.bundle HEAD'
    'git checkout --quiet --force FETCH_HEAD' 'git clean --quiet --force -d')
  # git refuses an empty patch.
  if [[ -n $dirty ]]; then
    words+=('{ test ! -s ../changes.patch || git apply ../changes.patch; }')
  fi
  printf '%s && ' "${words[@]}"
}

# Fails with 255 where the VM is taken away meanwhile.
install() {
  local sent=("$packed/epik_jax.bundle") words
  if [[ -n $dirty ]]; then sent+=("$packed/changes.patch"); fi
  # shellcheck disable=SC2086 # Two words.
  words=$(quoted launch/tpu_worker.sh install $mount)
  say "installing on $hosts worker(s)"
  if tpus tpu-vm scp "${sent[@]}" "$name:" --worker=all &&
    on_workers all "$(unpacking)$words"; then return; fi
  if taken_away; then return "$lost"; fi
  fail "the project could not be installed on $name; the reason stands above"
}

# Once, so that a run that goes on elsewhere goes on with the code that it began with.
pack() {
  local index=(env GIT_INDEX_FILE="$packed/index" git -C "$root")
  git -C "$root" rev-parse --quiet --verify HEAD >/dev/null 2>&1 ||
    fail "$root is no git checkout with a commit, which is what is sent"
  if [[ -z $dirty && -n $(git -C "$root" status --porcelain) ]]; then
    fail "there are changes that are not committed; commit them, or send them: --dirty"
  fi
  act mkdir -p "$packed"
  act git -C "$root" bundle create --quiet "$packed/epik_jax.bundle" HEAD
  if [[ -n $dirty ]]; then
    act "${index[@]}" read-tree HEAD
    act "${index[@]}" add --all
    act "${index[@]}" diff --cached --binary --output="$packed/changes.patch" HEAD
  fi
}

bring_up() {
  case $(state) in
    ABSENT) create ;;
    UNKNOWN) fail "gcloud cannot tell whether $name is there; see above" ;;
    *) standing=asked ;;
  esac
  wait_until_active
  install
}

start_run() {
  local words=(run)
  if [[ $hosts -gt 1 ]]; then words+=(--distributed); fi
  words+=(--config="$config" "${run_options[@]}")
  on_workers all "$worker_script $(quoted start "$workdir" "$mirrored" "${words[@]}")"
}

# Exits as the run did; 255 where the VM is gone, or was not reached five times in a row.
# A broken connection is made again.
follow_run() {
  local lines=+1 status broken=0
  while true; do
    status=0
    on_workers 0 "$worker_script follow $lines" || status=$?
    if [[ $status -eq 0 && $hosts -gt 1 ]]; then
      on_workers all "$worker_script follow 1" || status=$?
    fi
    if [[ $status -ne $lost ]]; then return "$status"; fi
    case $(state) in
      # The state of a VM that has been taken away may lag behind.
      ACTIVE)
        if on_workers all true; then
          broken=0
        elif ((++broken == 5)); then
          return "$lost"
        fi
        ;;
      UNKNOWN) ;;
      *) return "$lost" ;;
    esac
    say "the connection to $name broke; the run goes on, following it again"
    sleep "${POLL_SECONDS:-60}"
    lines=10
  done
}

fetch_run() {
  act mkdir -p "$fetch"
  tpus tpu-vm scp "$name:$workdir" "$fetch" --recurse --worker=0
}

run_to_the_end() {
  local status launches=0
  while true; do
    status=0
    { bring_up && start_run && follow_run; } || status=$?
    if [[ $status -eq 0 ]] || ! preempted "$status"; then break; fi
    if ((launches == relaunches)); then
      say "preempted (status $status) after $launches relaunches: given up"
      break
    fi
    say "$name was preempted (status $status); relaunch $((++launches)) of $relaunches"
    delete
  done
  finish "$status"
}

preempted() {
  [[ $1 -eq $stopped || $1 -eq $lost ]] || taken_away
}

# Deletes the VM unless something would be lost with it.
finish() {
  local status=$1
  if [[ $status -eq $not_mirrored ]]; then
    say "the run ended well, but its end is not in $bucket; copy it from $name:$workdir"
    keep=yes
  fi
  if [[ -n $fetch && $status -ne $lost ]] && ! fetch_run; then
    say "the run's folder could not be fetched; it lies in $name:$workdir"
    keep=yes
    if [[ $status -eq 0 ]]; then status=1; fi
  fi
  if [[ -z $keep ]]; then delete; fi
  say "the run ended with status $status"
  exit "$status"
}

interrupted() {
  local answer=''
  trap - INT
  echo >&2
  if [[ $standing == yes && -t 0 ]]; then
    read -r -p "Delete $name, with its disk and the run on it? [y/N] " answer || true
    if [[ $answer == [yY]* ]]; then delete; fi
  fi
  exit 130
}

command_up() {
  pack
  bring_up
}

command_run() {
  pack
  run_to_the_end
}

command_logs() {
  follow_run
}

command_status() {
  local now
  pretended=ACTIVE
  now=$(state)
  echo "$name is $now"
  if [[ $now == ACTIVE ]]; then on_workers all "$worker_script status"; fi
}

command_ssh() {
  tpus tpu-vm ssh "$name" --worker="$worker" \
    ${run_options[0]:+"--command=$(quoted "${run_options[@]}")"}
}

command_delete() {
  delete
}

main() {
  read_options "$@"
  exec 3>&1
  [[ -n $dry_run ]] || command -v gcloud >/dev/null ||
    fail "no gcloud here; install the Google Cloud CLI, or see commands with --dry-run"
  trap tell_what_stands EXIT
  trap interrupted INT
  "command_$command"
}

main "$@"
