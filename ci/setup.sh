#!/bin/sh
# Install what the kit needs: system packages, Docker with buildx, QEMU's binfmt entries, and the
# locked Python environment. Does only what is missing, so it can be run again at any time.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
say() { printf '%s\n' "$*" >&2; }
fail() {
  say "error: $*"
  exit 3
}
have() { command -v "$1" >/dev/null 2>&1; }

release() { sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" /etc/os-release 2>/dev/null; }
id=$(release ID)
version=$(release VERSION_ID)
machine=$(uname -m)
case "$machine" in
  x86_64) foreign=aarch64 ;;
  aarch64) foreign='' ;;
  *) foreign=aarch64 ;;
esac
case "$id-$version-$machine" in
  debian-12-x86_64 | debian-13-x86_64 | ubuntu-22.04-x86_64 | ubuntu-24.04-x86_64) known=yes ;;
  debian-12-aarch64 | debian-13-aarch64 | ubuntu-22.04-aarch64 | ubuntu-24.04-aarch64) known=yes ;;
  *) known=no ;;
esac

# What is missing, as Debian names it.
missing=''
need() { missing="$missing $1"; }
python=''
for candidate in python3.11 python3.12 python3.13 python3.14 python3; do
  if have "$candidate" && "$candidate" - <<'PY' 2>/dev/null; then
import sys
import ensurepip, venv
sys.exit(sys.version_info < (3, 11))
PY
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  case "$version" in
    22.04) need python3.11 && need python3.11-venv ;;
    *) need python3 && need python3-venv ;;
  esac
fi
have apt-get || need apt
have dpkg-deb || need dpkg
have zstd || need zstd
have git || need git
have ssh || need openssh-client
[ -s /etc/ssl/certs/ca-certificates.crt ] || need ca-certificates
[ -f /usr/share/keyrings/debian-archive-keyring.gpg ] || need debian-archive-keyring
if [ "$id" != debian ]; then [ -x /usr/sbin/debootstrap ] || need debootstrap; fi
if ! have dockerd && ! docker version >/dev/null 2>&1; then need docker.io; fi
have docker || case "$id-$version" in debian-13) need docker-cli ;; *) need docker.io ;; esac
if [ -n "$foreign" ]; then
  have qemu-aarch64-static || need qemu-user-static
  if [ ! -e "/proc/sys/fs/binfmt_misc/qemu-$foreign" ]; then
    have update-binfmts || need binfmt-support
  fi
fi
buildx=no
docker buildx version >/dev/null 2>&1 && buildx=yes
if [ "$buildx" = no ]; then need docker-buildx; fi
missing=$(printf '%s\n' "$missing" | tr ' ' '\n' | awk 'NF && !seen[$0]++' | paste -sd' ' -)

if [ -n "$missing" ] && { [ -n "${INV_NO_INSTALL:-}" ] || [ "$known" = no ]; }; then
  say "Missing on this machine, as Debian names the packages: $missing"
  if [ "$known" = no ]; then
    fail "$id $version on $machine is not set up by itself; install these, then run ./inv again"
  fi
  fail "INV_NO_INSTALL is set; install these (or unset it), then run ./inv again"
fi
if [ ! -x "$root/.venv/bin/invoke" ] && [ -n "${INV_NO_INSTALL:-}" ]; then
  fail "INV_NO_INSTALL is set and the Python environment (.venv) is not there; unset it"
fi

as_root=''
if [ "$(id -u)" != 0 ] && { [ -n "$missing" ] || [ ! -e /proc/sys/fs/binfmt_misc/register ]; }; then
  have sudo || fail "not root and no sudo; as root, install: $missing"
  as_root=sudo
fi
apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >/dev/null; }

# Debian 12 has no buildx: take that one package from the next suite, pinned to it alone.
buildx_from_next_suite() {
  scratch=$(mktemp -d)
  chmod 755 "$scratch"
  mkdir -p "$scratch/lists/partial" "$scratch/cache/archives/partial"
  # shellcheck disable=SC2016
  uri=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(IDENTIFIER)' |
    awk '$2 == "bookworm" && $3 == "Packages" {print $1; exit}')
  [ -n "$uri" ] || fail "no Debian archive in apt's sources to take docker-buildx from"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri trixie main" >"$scratch/list"
  next="-o Dir::Etc::sourcelist=$scratch/list -o Dir::Etc::sourceparts=/dev/null"
  next="$next -o Dir::State::lists=$scratch/lists -o Dir::Cache=$scratch/cache"
  # shellcheck disable=SC2086
  (cd "$scratch" && apt-get -qq $next update && apt-get -qq $next download docker-buildx) ||
    fail "docker-buildx can't be fetched; check the network"
  $as_root dpkg -i "$scratch"/docker-buildx_*.deb >/dev/null
  rm -rf "$scratch"
}

if [ -n "$missing" ]; then
  say "Installing: $missing"
  packages=$missing
  if [ "$id-$version" = debian-12 ]; then
    packages=$(printf '%s\n' "$missing" | tr ' ' '\n' | grep -vx docker-buildx | paste -sd' ' - || true)
  fi
  apt update || fail "apt-get update failed; check the network"
  if [ -n "$packages" ]; then
    # shellcheck disable=SC2086
    apt install -y --no-install-recommends $packages ||
      fail "apt-get could not install: $packages"
  fi
  if [ "$buildx" = no ] && [ "$id-$version" = debian-12 ]; then buildx_from_next_suite; fi
fi

if [ -n "$foreign" ] && [ ! -e "/proc/sys/fs/binfmt_misc/qemu-$foreign" ]; then
  if [ -n "${INV_NO_INSTALL:-}" ]; then
    fail "INV_NO_INSTALL is set and binfmt does not know arm64; run: sudo ./inv --list"
  fi
  [ "$(id -u)" = 0 ] || as_root=sudo
  [ -e /proc/sys/fs/binfmt_misc/register ] ||
    $as_root mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc 2>/dev/null || true
  $as_root update-binfmts --enable "qemu-$foreign" >/dev/null 2>&1 || true
  # Where systemd would have registered it, but does not run.
  if [ ! -e "/proc/sys/fs/binfmt_misc/qemu-$foreign" ]; then
    $as_root sh -c "cat /usr/lib/binfmt.d/qemu-$foreign*.conf >/proc/sys/fs/binfmt_misc/register" \
      2>/dev/null || true
  fi
  [ -e "/proc/sys/fs/binfmt_misc/qemu-$foreign" ] ||
    say "warning: this machine can't register QEMU for arm64; images are built but not started"
fi

if [ "$(id -u)" = 0 ] && have dockerd && [ ! -d /run/systemd/system ]; then
  "$root/ci/start-docker.sh" || say "warning: the Docker Engine does not start; builds need it"
fi

if [ ! -x "$root/.venv/bin/uv" ]; then
  rm -rf "$root/.venv" # an interrupted set-up may have left half of it
  if [ -z "$python" ]; then
    for candidate in python3.11 python3.12 python3.13 python3; do
      if have "$candidate" && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        python=$candidate
        break
      fi
    done
  fi
  [ -n "$python" ] || fail "no Python 3.11 or later with venv; install one"
  say "Setting up the Python environment in .venv"
  "$python" -m venv "$root/.venv"
fi
if [ ! -x "$root/.venv/bin/uv" ]; then
  "$root/.venv/bin/python" -m pip --disable-pip-version-check install --quiet \
    --require-hashes -r "$root/requirements/uv.txt" ||
    fail "uv can't be installed; check the network"
fi
VIRTUAL_ENV=$root/.venv "$root/.venv/bin/uv" pip sync --quiet --compile-bytecode --require-hashes \
  "$root/requirements/host.txt" || fail "the locked Python packages can't be installed"
touch "$root/.venv/.system"
cp "$root/requirements/host.txt" "$root/.venv/.locked"
