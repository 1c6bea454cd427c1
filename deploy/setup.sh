#!/usr/bin/env bash
# Installs what Downpour needs and this machine lacks. Says nothing when there is nothing to do.
#
#   deploy/setup.sh                 install all that is missing (as root, or through sudo)
#   deploy/setup.sh --for=build     only what building needs; --for=build,data what the quick start needs
#   deploy/setup.sh --check         install nothing; name what is missing, exit 1 if anything is
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() { sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

check=0
groups=build,data,check
for argument in "$@"; do
  case $argument in
    --check) check=1 ;;
    --for=*) groups=${argument#--for=} ;;
    -h | --help) usage && exit 0 ;;
    *) printf 'deploy/setup.sh: unknown argument %s\n\n' "$argument" >&2 && usage >&2 && exit 2 ;;
  esac
done
for group in ${groups//,/ }; do
  case $group in
    build | data | check) ;;
    *) printf 'deploy/setup.sh: --for takes build, data, check; not "%s"\n' "$group" >&2 && exit 2 ;;
  esac
done

packages() { awk -v groups=",$groups," '$1 !~ /^#/ && NF && index(groups, "," $1 ",") { print $2 }' "$repo/deploy/packages.txt"; }

if ! command -v dpkg-query >/dev/null; then
  # Not Debian: what counts is whether the programs are there; the libraries are named by the build when it misses one.
  absent=()
  for program in bazel g++ pkg-config protoc grpc_cpp_plugin python3; do
    command -v "$program" >/dev/null || absent+=("$program")
  done
  [ ${#absent[@]} -gt 0 ] || exit 0
  printf 'Missing: %s. This is not Debian or Ubuntu: install, by your own means, the equivalents of\n  %s\n' \
    "${absent[*]}" "$(packages | tr '\n' ' ')" >&2
  exit 1
fi

installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null | awk '$1 == "installed" { print $2 }')
missing=()
for package in $(packages); do
  grep -qx -- "$package" <<<"$installed" || missing+=("$package")
done

# A Bazel that did not come from the package may be in front of it on the PATH; Debian's own states no number.
check_bazel() {
  local version
  version=$(cd / && bazel --version 2>/dev/null | awk '{ print $2 }')
  case $version in
    '' | no_version | 4.2.* | 5.* | 6.*) ;;
    [0-9]*) die "Bazel $version ($(command -v bazel)) cannot build this tree; use Debian's 4.2.3: apt-get install bazel-bootstrap, and remove the other from the PATH" ;;
  esac
}

if [ ${#missing[@]} -eq 0 ]; then
  check_bazel
  exit 0
fi
if [ "$check" = 1 ]; then
  printf 'Missing: %s\nInstall with: deploy/setup.sh, or apt-get install %s\n' "${missing[*]}" "${missing[*]}"
  exit 1
fi

apt() { env --default-signal=INT DEBIAN_FRONTEND=noninteractive apt-get "$@"; }
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null ||
    die "Missing, and installing needs root. Ask for:  apt-get install ${missing[*]}"
  apt() { sudo env DEBIAN_FRONTEND=noninteractive apt-get "$@"; }
  sudo -v || die "Missing, and sudo was refused. Ask for:  apt-get install ${missing[*]}"
fi

install_packages() {
  # The lists may be fresh; asking again costs seconds and spares a failure on a new machine, which has none.
  apt update -qq || echo "apt-get update failed; trying with the lists there are"
  apt install -y -qq --no-install-recommends "${missing[@]}" && return
  echo
  echo "apt-get could not install: ${missing[*]}"
  echo "On Debian 12 all of them are in the main archive; on another release, install its equivalents by hand."
  return 1
}
stage "install ${#missing[@]} packages" install_packages
check_bazel
