# shellcheck shell=bash
# shellcheck disable=SC2154 # The options are read by launch/tpu_vm.sh.
# A queued resource and its VM: asked for, waited for, deleted, and whether it costs
# money in the end. Read by launch/tpu_vm.sh, not run.

standing=''      # "asked", "yes" or "no" once it matters.
pretended=ABSENT # The state, in a dry run.

quoted() {
  local word words=()
  for word in "$@"; do
    if [[ ! $word =~ ^[A-Za-z0-9_./:=,@%+-]+$ ]]; then word=${word@Q}; fi
    words+=("$word")
  done
  echo "${words[*]}"
}

# Everything that changes anything, here or there, goes through this.
act() {
  if [[ -z $dry_run ]]; then "$@"; else quoted "$@" >&3; fi
}

# The one place that calls gcloud.
tpus() {
  act gcloud compute tpus "$@" --zone="$zone" ${project:+"--project=$project"} --quiet
}

# Prints the state of the queued resource: ABSENT where there is none, UNKNOWN where
# gcloud could not tell, with its reason on standard error.
state() {
  local answer shown='--format=value(state.state)'
  if answer=$(tpus queued-resources describe "$name" "$shown" 2>&1); then
    if [[ -n $dry_run ]]; then
      echo "$pretended"
    elif ! grep --extended-regexp --line-regexp '[A-Z_]+' <<<"$answer"; then
      echo "launch/tpu_vm.sh: gcloud named no state of $name" >&2
      echo UNKNOWN
    fi
  elif grep --quiet --ignore-case --extended-regexp 'not[_ ]found' <<<"$answer"; then
    echo ABSENT
  else
    echo "$answer" >&2
    echo UNKNOWN
  fi
}

# Whether the VM is gone, or going. For some time it may go unnoticed.
taken_away() {
  case $(state) in
    ACTIVE | UNKNOWN) return 1 ;;
  esac
}

create() {
  local needs=${mount%% *}
  say "asking for $name, $type in $zone"
  if ! tpus queued-resources create "$name" --node-id="$name" \
    --accelerator-type="$type" --runtime-version="$runtime_version" ${tier:+"--$tier"} \
    --metadata-from-file="startup-script=$root/launch/tpu_startup.sh" \
    ${needs:+"--metadata=needs=$needs"} "${create_options[@]}"; then
    # It may have been heard all the same, and the answer lost.
    if [[ $(state) == ABSENT ]]; then standing=no; else standing=asked; fi
    fail "gcloud refused to create $name, its reason stands above; if it is quota," \
      "ask for more of $type in $zone, or name another --zone or --type"
  fi
  standing=asked pretended=ACTIVE
}

wait_until_active() {
  local now
  while true; do
    now=$(state)
    case $now in
      ACTIVE) break ;;
      FAILED | SUSPENDED | SUSPENDING | ABSENT)
        standing=''
        fail "$name is $now and costs nothing; why: gcloud compute tpus" \
          "queued-resources describe $name --zone=$zone; then:" \
          "$(command_for delete), and again"
        ;;
    esac
    say "$name is $now after $((SECONDS / 60)) min; it is waited for"
    sleep "${POLL_SECONDS:-60}"
  done
  standing=yes
}

delete() {
  local try
  for try in 1 2 3; do
    if tpus queued-resources delete "$name" --force || [[ $(state) == ABSENT ]]; then
      standing=no pretended=ABSENT
      return
    fi
    if [[ $try -lt 3 ]]; then sleep "${POLL_SECONDS:-60}"; fi
  done
  fail "$name could not be deleted; gcloud's reason stands above"
}

command_for() {
  quoted launch/tpu_vm.sh "$1" "$name" --zone="$zone" ${project:+"--project=$project"}
}

tell_what_stands() {
  if [[ -n $dry_run ]]; then return; fi
  case $standing in
    asked)
      say "$name is still asked for, and will cost money; to take it back:" \
        "$(command_for delete)"
      ;;
    yes)
      say "$name STILL STANDS and costs money; to delete it: $(command_for delete)"
      ;;
    no) say "$name does not stand; it costs nothing" ;;
  esac
}
