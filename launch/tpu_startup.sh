#!/usr/bin/env bash
# What a TPU VM runs as root at each boot, given to it by launch/tpu_vm.sh: installs
# what its image lacks. `launch/tpu_worker.sh install` waits until it is there.
#
# The VM's attribute `needs` says what a shared folder wants: gcsfuse or nfs.
set -euo pipefail

gcsfuse=3.11.1
attribute=http://metadata.google.internal/computeMetadata/v1/instance/attributes/needs
needs=$(curl --silent --fail --header 'Metadata-Flavor: Google' "$attribute" || true)

# The image may be upgrading itself.
apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 --yes --quiet "$@"
}

if ! python3.11 -c 'import ensurepip' 2>/dev/null; then
  apt update
  apt install software-properties-common git
  # The python3.11 of Ubuntu 22.04 itself is a release candidate.
  add-apt-repository --yes ppa:deadsnakes/ppa
  apt update
  apt install python3.11 python3.11-venv
fi
if [[ $needs == gcsfuse ]] && ! command -v gcsfuse >/dev/null; then
  releases=https://github.com/GoogleCloudPlatform/gcsfuse/releases/download
  package=gcsfuse_${gcsfuse}_amd64.deb
  curl --silent --show-error --fail --location --output "/tmp/$package" \
    "$releases/v$gcsfuse/$package"
  apt install "/tmp/$package"
fi
if [[ $needs == nfs ]] && ! command -v mount.nfs >/dev/null; then
  apt update
  apt install nfs-common
fi
