#!/usr/bin/env bash
# Keeps a copy of a run's folder in a bucket from which the run can go on elsewhere.
#
#   launch/mirror.sh restore FOLDER gs://BUCKET/PATH
#       the bucket's copy into an empty folder, and whether the bucket can be written
#   launch/mirror.sh once FOLDER gs://BUCKET/PATH
#       what has changed into the bucket
#   launch/mirror.sh follow PID FOLDER gs://BUCKET/PATH
#       so each minute while that process lives, and once more when it has ended
#
# Whatever says that other files are whole (a seal, a manifest) is set aside first, and
# uploaded last, as it was then: the bucket never holds one whose files are not there.
# One that has changed is taken out of the bucket before its files are replaced. A
# checkpoint that the run has dropped is deleted when all else is there, its seal first.
#
# FOLDER.mirror, beside the folder, holds what is being sent and the seals that are in
# the bucket. MIRROR_SECONDS is the time between two copies, 60 unless given.
set -euo pipefail

# In the order in which they are uploaded: the last say that a stage or a run is done.
seals=(SEAL.json MANIFEST.json digests.json finished.json report.json)
unfinished=(.lock '*.tmp' '.*.epik-*' '*.orbax-checkpoint-tmp*')

fail() {
  echo "launch/mirror.sh: $*" >&2
  exit 1
}

storage() {
  gcloud storage "$@" --quiet </dev/null
}

# The words by which find picks files or folders of these names.
named() {
  local name
  printf '%s\n' '(' -false
  for name in "$@"; do printf '%s\n' -o -name "$name"; done
  printf '%s\n' ')'
}

find_files() {
  find . "${skip[@]}" -prune -o -type f "$@" -print0
}

# Seals before all else: what they name was there before them. Links, not copies, but of
# logs, which grow in place.
set_aside() {
  rm -rf "$aside/files" "$aside/seals"
  mkdir -p "$aside/files" "$aside/seals" && cd "$folder" || return 1
  find_files "${sealing[@]}" |
    xargs -0 -r cp --preserve=timestamps --parents -t "$aside/seals" 2>/dev/null || true
  find_files ! "${sealing[@]}" ! -name '*.jsonl' |
    xargs -0 -r cp --link --parents -t "$aside/files" 2>/dev/null || true
  find_files -name '*.jsonl' |
    xargs -0 -r cp --preserve=timestamps --parents -t "$aside/files" 2>/dev/null || true
}

# The files, beside a seal, that it says are whole.
named_in() {
  case $1 in
    */SEAL.json | */digests.json)
      grep -oE '"[^"]+": *"[0-9a-f]{64}"' "$1" | cut -d'"' -f2
      ;;
    */MANIFEST.json) grep -oE 'signals-[0-9]+-of-[0-9]+\.tfrecord' "$1" ;;
  esac | sort -u
}

# What was dropped while it was being set aside is not sent, nor is a checkpoint that
# has no seal yet.
leave_out_the_torn() {
  local seal step missing
  while read -r -d '' seal; do
    missing=$(first_missing "$seal")
    if [[ -z $missing ]]; then continue; fi
    if [[ -e $folder/$missing ]]; then
      echo "launch/mirror.sh: $missing could not be set aside in $aside" >&2
      return 1
    fi
    rm "$aside/seals/$seal"
  done < <(cd "$aside/seals" && find . -type f -print0)
  while read -r -d '' step; do
    if [[ ! -e $aside/seals/$step/SEAL.json ]]; then rm -rf "$aside/files/${step:?}"; fi
  done < <(steps_in "$aside/files")
}

first_missing() {
  local name
  while read -r name; do
    if [[ ! -e $aside/files/${1%/*}/$name ]]; then
      echo "${1%/*}/$name"
      return
    fi
  done < <(named_in "$aside/seals/$1")
}

steps_in() {
  (cd "$1" && find . -type d -path '*/checkpoints/*' -name '[0-9]*' ! -name '*[!0-9]*' \
    -prune -print0)
}

# Whether a seal in the bucket still holds when its files are those that are set aside.
# A manifest only grows: an old one holds where the new one has all digests of it.
holds() {
  local old=$aside/sent/$1 new=$aside/seals/$1
  if [[ ! -e $new ]]; then
    [[ ! -e $aside/files/${1%/*} ]]
  elif [[ $1 == */MANIFEST.json ]]; then
    [[ -z $(comm -23 <(digests_in "$old") <(digests_in "$new")) ]]
  else
    cmp -s "$old" "$new"
  fi
}

digests_in() {
  grep -oE '[0-9a-f]{64}' "$1" | sort -u
}

take_out_the_changed() {
  local seal
  while read -r -d '' seal; do
    if holds "$seal"; then continue; fi
    storage rm "$url/${seal#./}" || return 1
    rm "$aside/sent/$seal"
  done < <(cd "$aside/sent" && find . -type f -print0)
}

send() {
  storage rsync --recursive "$aside/files" "$url" || return 1
  local name seal
  for name in "${seals[@]}"; do
    while read -r -d '' seal; do
      if cmp -s "$aside/sent/$seal" "$aside/seals/$seal"; then continue; fi
      storage cp "$aside/seals/$seal" "$url/${seal#./}" || return 1
      mkdir -p "$aside/sent/${seal%/*}"
      cp "$aside/seals/$seal" "$aside/sent/$seal"
    done < <(cd "$aside/seals" && find . -type f -name "$name" -print0)
  done
}

delete_the_dropped() {
  local step
  while read -r -d '' step; do
    if [[ -e $folder/$step ]]; then continue; fi
    # Not the last of a stage, whatever became of its folder.
    compgen -G "$aside/seals/${step%/*}/*/SEAL.json" >/dev/null || continue
    storage rm "$url/${step#./}/SEAL.json" || return 1
    rm -rf "$aside/sent/${step:?}"
    storage rm "$url/${step#./}/**" || return 1
  done < <(steps_in "$aside/sent")
}

once() {
  [[ -d $aside/sent && $(<"$aside/url") == "$url" ]] ||
    fail "$folder is no copy of $url yet: restore it first"
  set_aside && leave_out_the_torn && take_out_the_changed && send && delete_the_dropped
}

# A run's end often comes with a signal to every process; this one stays until it has
# sent the end.
follow() {
  local pid=$1 tries second
  trap : TERM INT HUP
  while kill -0 "$pid" 2>/dev/null; do
    once || echo "launch/mirror.sh: not copied, tried again in a while" >&2
    for ((second = 0; second < ${MIRROR_SECONDS:-60}; second++)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 1 || true
    done
  done
  for tries in 1 2 3; do
    if once; then return; fi
  done
  fail "$folder could not be copied to $url after $tries tries; its end is here alone"
}

# Nothing is written into the bucket but a line that shows that it can be.
restore() {
  local found step
  if [[ -d $aside/sent ]]; then
    [[ $(<"$aside/url") == "$url" ]] || fail "$folder is a copy of $(<"$aside/url")"
    return
  fi
  # Of a restoration that broke off it holds what will be there again.
  if [[ ! -d $aside/restored && -d $folder && -n $(ls -A "$folder") ]]; then
    fail "$folder holds files and is no copy of $url; name another folder, or empty it"
  fi
  rm -rf "$aside"
  mkdir -p "$folder" "$aside/restored"
  hostname >"$aside/from"
  storage cp "$aside/from" "$url/.mirrored-from" ||
    fail "$url cannot be written from here; its bucket must exist, and the VM's" \
      "service account needs the role Storage Object User on it"
  storage rsync --recursive "$url" "$folder" || fail "$url cannot be read; see above"
  rm -f "$folder/.mirrored-from"
  while read -r -d '' step; do
    if [[ -e $folder/$step/SEAL.json ]]; then continue; fi
    # Cut off while it was being sent.
    storage rm "$url/${step#./}/**" || return 1
    rm -rf "${folder:?}/$step"
  done < <(steps_in "$folder")
  echo "$url" >"$aside/url"
  (cd "$folder" && find . -type f "${sealing[@]}" -print0 |
    xargs -0 -r cp --parents -t "$aside/restored")
  mv "$aside/restored" "$aside/sent"
  found=$(find "$folder" -type f | wc -l)
  echo "launch/mirror.sh: $found files restored from $url" >&2
}

main() {
  local command=${1:-} pid=()
  if [[ $command == follow ]]; then
    pid=("${2:-}")
    shift
  fi
  if [[ ! $command =~ ^(restore|once|follow)$ || $# -ne 3 || $3 != gs://?* ]]; then
    echo "usage: launch/mirror.sh restore|once|follow PID FOLDER gs://BUCKET/PATH" >&2
    exit 2
  fi
  folder=$(realpath -m "$2") url=${3%/}
  aside=$folder.mirror
  mapfile -t sealing < <(named "${seals[@]}")
  mapfile -t skip < <(named "${unfinished[@]}" '*.damaged')
  "$command" "${pid[@]}"
}

main "$@"
