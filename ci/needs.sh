# shellcheck shell=sh disable=SC2034 # names are shared with who sources this
# Sourced: what this machine is, and which packages it lacks, as Debian names them.
# KIT_SYSTEM_ROOT is put before the system's paths, so that tests can describe other machines.
sys=${KIT_SYSTEM_ROOT:-}
PATH=$PATH:$sys/usr/sbin:$sys/sbin # a normal user's PATH on Debian lacks them

release() { sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" "$sys/etc/os-release" 2>/dev/null; }
id=$(release ID)
version=$(release VERSION_ID)
machine=$(uname -m)
case "$id-$version-$machine" in
  debian-12-x86_64 | debian-13-x86_64 | ubuntu-22.04-x86_64 | ubuntu-24.04-x86_64) known=yes ;;
  debian-12-aarch64 | debian-13-aarch64 | ubuntu-22.04-aarch64 | ubuntu-24.04-aarch64) known=yes ;;
  *) known=no ;;
esac

# The file by which binfmt_misc says that arm64 programs run here; none is needed on arm64.
binfmt=$sys/proc/sys/fs/binfmt_misc/qemu-aarch64
if [ "$machine" = aarch64 ]; then binfmt=; fi

# Print the first Python that can make the environment: 3.11 or later, with venv and pip's wheel.
find_python() {
  for candidate in python3.11 python3.12 python3.13 python3.14 python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
      >/dev/null 2>&1; then
      command -v "$candidate"
      return 0
    fi
  done
  return 1
}

installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

missing_packages() {
  if ! find_python >/dev/null; then
    case "$version" in
      22.04) echo python3.11 python3.11-venv ;; # its python3 is 3.10
      *) echo python3 python3-venv ;;
    esac
  fi
  have apt-get || echo apt
  have dpkg-deb || echo dpkg
  have zstd || echo zstd
  have git || echo git
  have ssh || echo openssh-client
  [ -s "$sys/etc/ssl/certs/ca-certificates.crt" ] || echo ca-certificates
  # Images are made of Debian's packages, whatever runs here.
  [ -f "$sys/usr/share/keyrings/debian-archive-keyring.gpg" ] || echo debian-archive-keyring
  [ "$id" = debian ] || [ -x "$sys/usr/sbin/debootstrap" ] || echo debootstrap
  if ! have dockerd && ! docker version >/dev/null 2>&1; then echo docker.io; fi
  if ! have docker; then
    case "$id-$version" in debian-13) echo docker-cli ;; *) echo docker.io ;; esac
  fi
  if ! docker buildx version >/dev/null 2>&1; then
    # Docker's own packages name and own their plugin differently.
    if installed docker-ce-cli; then echo docker-buildx-plugin; else echo docker-buildx; fi
  fi
  if [ -n "$binfmt" ]; then
    have qemu-aarch64-static || echo qemu-user-static
    if [ "$version" = 22.04 ] && [ ! -e "$binfmt" ]; then
      have update-binfmts || echo binfmt-support # later ones bring a binfmt.d file
    fi
  fi
}

# One line, each name once.
missing=$(missing_packages | tr ' ' '\n' | awk 'NF && !seen[$0]++' | paste -sd' ' -)
