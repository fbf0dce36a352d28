# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # Read by launch/tpu_vm.sh, and read there.
# The options of launch/tpu_vm.sh, checked before anything is done. Read by it, not run.

mistaken() {
  echo "launch/tpu_vm.sh: $*; see its first lines" >&2
  exit 2
}

read_options() {
  command=${1:-}
  [[ $command =~ ^(up|run|logs|status|ssh|delete)$ ]] ||
    mistaken "'$command' is no command: up, run, logs, status, ssh or delete"
  shift
  name='' zone='' project='' type='' tier='' runtime_version='' create_options=()
  dirty='' bucket='' mount='' workdir='' fetch='' config='' keep='' dry_run=''
  relaunches=10 worker=0 hosts=1 run_options=()
  worker_script=epik_jax/launch/tpu_worker.sh
  parse "$@"
  [[ $name =~ ^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$ ]] ||
    mistaken "'$name' is no name of a VM: small letters, digits and hyphens"
  [[ -n $zone ]] || mistaken "--zone=ZONE is missing"
  [[ $zone =~ ^[a-z0-9-]+$ ]] || mistaken "--zone=$zone is no zone"
  [[ $worker =~ ^(all|[0-9]+)$ ]] || mistaken "--worker=$worker is no number"
  if [[ -n $type ]]; then check_type; fi
  if [[ $command == up || $command == run ]]; then check_vm; fi
  if [[ $command == run ]]; then check_run; fi
  packed=$root/runs/tpu_vm/$name
}

parse() {
  local value
  while (($#)); do
    value=${1#*=}
    case $1 in
      --) run_options=("${@:2}") && return ;;
      --spot | --reserved)
        [[ -z $tier || --$tier == "$1" ]] || mistaken "--spot or --reserved, not both"
        tier=${1#--}
        ;;
      --dirty) dirty=yes ;;
      --keep) keep=yes ;;
      --dry-run) dry_run=yes ;;
      --zone=?*) zone=$value ;;
      --project=?*) project=$value ;;
      --type=?*) type=$value ;;
      --runtime-version=?*) runtime_version=$value ;;
      --create-option=--?*) create_options+=("$value") ;;
      --bucket=?*) bucket=${value%/} ;;
      --mount=?*) mount=$value ;;
      --workdir=?*) workdir=${value%/} ;;
      --fetch=?*) fetch=$value ;;
      --config=?*) config=$value ;;
      --relaunches=?*) relaunches=$value ;;
      --worker=?*) worker=$value ;;
      -*) mistaken "$1 is no option, or lacks its =VALUE" ;;
      *)
        [[ -z $name ]] || mistaken "'$1' is one word too many"
        name=$1
        ;;
    esac
    shift
  done
}

check_type() {
  hosts=$(hosts_of "$type") ||
    mistaken "'$type' is no known type: v5litepod-N or v6e-N, of 1, 4, 8, 16 ... 256" \
      "chips; v4-N or v5p-N, of 8, 16, 24 ... cores"
  : "${runtime_version:=$(runtime_of "$type")}"
}

check_vm() {
  [[ -n $type ]] || mistaken "--type=TYPE is missing, such as v5litepod-8"
  [[ -z $bucket || $bucket =~ ^gs://[a-z0-9._-]+(/[A-Za-z0-9._=:@+-]+)*$ ]] ||
    mistaken "--bucket=$bucket is no gs://BUCKET/PATH of letters, digits and ._=:@+-"
  [[ -z $mount || $mount =~ ^nfs\ [^\ ]+:/[^\ ]*$ ]] ||
    mistaken "--mount='$mount' is no 'nfs HOST:/SHARE'"
  [[ -z $mount || -z $bucket ]] || mistaken "--mount or --bucket, not both"
  if [[ $hosts -gt 1 && -n $bucket ]]; then mount="gcsfuse $bucket"; fi
  if [[ -z $mount ]]; then mirrored=$bucket; else mirrored=''; fi
}

check_run() {
  [[ -n $config ]] || mistaken "--config=FILE:VARIANT is missing"
  [[ $relaunches =~ ^(0|[1-9][0-9]*)$ ]] ||
    mistaken "--relaunches=$relaunches is no number"
  case $mount in
    gcsfuse*) : "${workdir:=shared}" ;;
    nfs*) : "${workdir:=shared/$name}" ;;
    *) : "${workdir:=runs/$name}" ;;
  esac
  # What the local shell left of it, or made of it.
  workdir=${workdir#'~/'}
  workdir=${workdir#"$HOME/"}
  if [[ -n $mount ]]; then
    [[ $workdir =~ ^shared(/|$) ]] ||
      mistaken "--workdir=$workdir lies outside of ~/shared, where the bucket or the" \
        "share is"
  elif [[ $hosts -gt 1 && $workdir != /* ]]; then
    mistaken "$type has $hosts hosts, which need one folder: --bucket, --mount, or a" \
      "--workdir=/FOLDER that all of them see"
  fi
  [[ -n $bucket$mount$fetch$keep || $workdir == /* ]] ||
    mistaken "nothing of the run would be left: --bucket=gs://BUCKET/PATH," \
      "--fetch=DIR or --keep"
  if [[ $tier == spot && -z $bucket$mount ]]; then
    say "without --bucket a run that is preempted begins again"
  fi
}
