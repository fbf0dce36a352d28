# shellcheck shell=bash
# What follows from an accelerator type, such as v5litepod-8 or v4-16: its hosts, and
# the software that its VMs boot. Read by launch/tpu_vm.sh, not run.
#
# v5litepod-N and v6e-N count chips: up to 8 on one host, else 4 a host. v4-N and v5p-N
# count cores: 2 a chip, 4 chips a host.

# Prints the number of hosts; fails for a type that there is not.
hosts_of() {
  local family=${1%-*} size=${1##*-}
  [[ $1 == *-* && $size =~ ^[1-9][0-9]*$ ]] || return 1
  case $family in
    v5litepod | v6e)
      [[ $size =~ ^(1|4|8|16|32|64|128|256)$ ]] || return 1
      echo $((size <= 8 ? 1 : size / 4))
      ;;
    v4 | v5p)
      ((size % 8 == 0)) || return 1
      echo $((size / 8))
      ;;
    *) return 1 ;;
  esac
}

# Prints the runtime version that Google names for JAX on a known type.
runtime_of() {
  case ${1%-*} in
    v4) echo tpu-ubuntu2204-base ;;
    v5litepod) echo v2-alpha-tpuv5-lite ;;
    v5p) echo v2-alpha-tpuv5 ;;
    v6e) echo v2-alpha-tpuv6e ;;
  esac
}
