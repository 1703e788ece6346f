#!/bin/sh
# setup.sh [--look] [--for COMMAND] PART...: install these parts of ci/needs.table, Docker running
# and QEMU's binfmt entry where they are among them, and the locked Python environment. Does only
# what is missing: run again, it goes on where it was stopped. --look installs no package.
set -eu
root=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
here=$root/ci
# shellcheck source=ci/say.sh
. "$here/say.sh"
trap at_exit EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
# shellcheck source=ci/needs.sh
. "$here/needs.sh"
venv=$root/.venv
# One set-up at a time. What is started does not get the lock: daemons outlive this.
# NFS has locks only for a file that is open for writing.
if [ -w "$here/setup.sh" ]; then exec 9<>"$here/setup.sh"; else exec 9<"$here/setup.sh"; fi
code=0
flock -n 9 2>/dev/null || code=$?
case $code in
  0) ;;
  1) # flock(1): another has it
    say "Another ./inv is setting this machine up; waiting for it"
    doing='waiting for another ./inv'
    flock 9
    ;;
  *) say "warning: $here/setup.sh can't be locked here; start no other ./inv until this one has set the machine up" ;;
esac
look='' purpose='./inv'
while [ $# -gt 0 ]; do
  case $1 in
    --look) look=yes ;;
    --for)
      purpose=$2
      shift
      ;;
    *) break ;;
  esac
  shift
done
doing="setting this machine up for $purpose"
parts=" $* "
needs() { case $parts in *" $1 "*) return 0 ;; *) return 1 ;; esac; }
locked() { cmp -s "$root/requirements/host.txt" "$venv/.locked"; }
missing=$(missing_packages "$@")

if [ -n "$missing" ] && [ "$known" = no ]; then
  say "Missing for $purpose, as Debian names the packages: $missing"
  fail "$TOOL_MISSING" "${id:-this system} $version on $machine is not set up by itself; install these, then run it again"
fi
if [ -n "${INV_NO_INSTALL:-}" ]; then
  say "Missing packages for $purpose: ${missing:-none}"
  if needs binfmt && ! there @binfmt; then say "Missing: QEMU for arm64 in binfmt_misc"; fi
  if needs dockerd && ! there @engine; then say "Missing: a Docker Engine that answers"; fi
  locked || say "Missing: the locked Python environment, .venv"
  if [ -n "$missing" ] || ! locked; then
    fail "$TOOL_MISSING" "this machine is not set up for $purpose and INV_NO_INSTALL forbids it; unset it, or install these"
  fi
  exit 0
fi
if [ -n "$missing" ] && [ -n "$look" ]; then
  fail "$TOOL_MISSING" "missing packages: $missing; install them, or run a command that does, such as ./inv build"
fi

locked || [ -w "$root" ] || [ -w "$venv" ] ||
  fail "$STEP_FAILED" "$root can't be written to; copy or clone it to where you may write"
scratch=$(mktemp -d 2>/dev/null) ||
  fail "$DISK_FULL" "no temporary folder can be made in ${TMPDIR:-/tmp}; free some space there"
chmod 755 "$scratch" # apt downloads as a user of its own

# as_root COMMAND...
as_root() { if [ "$(id -u)" = 0 ]; then "$@" 9<&-; else sudo -- "$@" 9<&-; fi; }
may_be_root() { [ "$(id -u)" = 0 ] || { have sudo && { sudo -n true || sudo -v; } 2>/dev/null; }; }
# get_root WHAT_ELSE_TO_DO WORDS...: say the words before a password is asked for.
get_root() {
  otherwise=$1
  shift
  if [ "$(id -u)" = 0 ] || have sudo; then say "$*"; fi
  may_be_root ||
    fail "$TOOL_MISSING" "$(id -un) is not root and sudo is missing or refuses; as root, $otherwise"
}
# sudo keeps no variables of proxies, and apt reads only those in small letters. In a file, as a
# proxy's password must not be seen in the list of processes.
apt_proxies() {
  (
    umask 077
    if [ -n "${APT_CONFIG:-}" ]; then printf '#include "%s";\n' "$APT_CONFIG"; fi
    printf 'Acquire::%s::Proxy "%s";\n' http "${http_proxy-${HTTP_PROXY:-}}" \
      https "${https_proxy-${HTTPS_PROXY:-}}" | grep -v '""' || true
  ) >"$scratch/apt.conf"
  export no_proxy="${no_proxy-${NO_PROXY:-}}" # apt's methods read this one, with proxies of a file too
}
apt() {
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C.UTF-8 \
    APT_CONFIG="$scratch/apt.conf" no_proxy="$no_proxy" apt-get -qq -y \
    -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@"
}

# Debian 12 has no buildx: that one package comes from the next suite, by lists of our own.
buildx_from_next_suite() {
  next=$scratch/next
  mkdir -p "$next/lists/partial" "$next/cache/archives/partial"
  # shellcheck disable=SC2016
  uri=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(IDENTIFIER)' |
    awk '$2 == "bookworm" && $3 == "Packages" {print $1; exit}')
  [ -n "$uri" ] || fail "$TOOL_MISSING" "no Debian archive in apt's sources has docker-buildx; install it"
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  echo "deb [signed-by=$keys] $uri trixie main" >"$next/list"
  (umask 077 && cat - "$scratch/apt.conf" >"$next/conf") <<END
Dir::Etc::sourcelist "$next/list"; Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "$next/lists"; Dir::Cache "$next/cache"; APT::Sandbox::User "root";
END
  (
    cd "$next"
    export APT_CONFIG="$next/conf"
    step "reading the package list that has docker-buildx" apt-get -qq update -o APT::Update::Error-Mode=any
    step "fetching docker-buildx" apt-get -qq download docker-buildx
  ) || exit "$?"
  step "installing docker-buildx" as_root dpkg -i "$next"/docker-buildx_*.deb
}

# Read by a set-up of some minutes ago, which needed other packages.
lists_are_new() { [ -n "$(find "$sys/var/lib/apt/lists" -maxdepth 0 -mmin -5 2>/dev/null)" ]; }
apt_install() { apt install --no-install-recommends --no-remove "$@" >"$scratch/log" 2>&1 </dev/null; }

install_packages() {
  doing="installing $missing"
  otherwise="install: $missing"
  if needs docker && ! have docker && have podman; then
    otherwise="$otherwise; Podman does as well, with podman-docker and catatonit in place of Docker's packages"
  fi
  get_root "$otherwise" "Installing for $purpose (some minutes): $missing"
  # Killed from here on, set-up comes back: programs may be there whose packages are half done.
  if [ -w "$venv" ]; then : >"$venv/.installing"; fi
  packages=$missing
  if [ "$id-$version" = debian-12 ]; then
    packages=$(echo "$missing" | tr ' ' '\n' | grep -vx docker-buildx | paste -sd' ' - || true)
  fi
  # A source of no concern to us may fail; what matters is whether the packages can be had.
  : >"$scratch/update"
  trusted=yes
  if ! lists_are_new; then
    trusted=
    apt update >"$scratch/update" 2>&1 </dev/null || true
  fi
  # shellcheck disable=SC2086
  if [ -n "$packages" ] && ! apt_install $packages; then
    # Lists that are new by their time may be empty.
    if [ -z "$trusted" ] || ! apt update >"$scratch/update" 2>&1 </dev/null || ! apt_install $packages; then
      cat "$scratch/update" "$scratch/log" >"$scratch/both" || true
      explain "installing $packages" "$scratch/both"
    fi
  fi
  if [ "$packages" != "$missing" ]; then buildx_from_next_suite; fi
}

# Finish what a killed apt left half done; programs may be there that were never configured.
finish_dpkg() {
  have dpkg && [ -n "$(dpkg --audit 2>/dev/null)" ] || return 0
  get_root "run: dpkg --configure -a" "Finishing an interrupted installation"
  # shellcheck disable=SC2016
  half=$(dpkg-query -W -f '${db:Status-Eflag} ${binary:Package}\n' | awk '$1 == "reinstreq" {print $2}')
  # Failures show again where the missing packages are installed; others are no concern of ours.
  {
    # shellcheck disable=SC2086
    if [ -n "$half" ]; then
      apt update || true
      apt install --reinstall --no-remove $half || true
    fi
    as_root env DEBIAN_FRONTEND=noninteractive dpkg --force-confold --configure -a || true
    apt install --fix-broken --no-remove || true
  } >"$scratch/log" 2>&1 </dev/null
}

register_binfmt() {
  doing='registering QEMU for arm64'
  folder=$(dirname "$binfmt")
  if [ "$(id -u)" != 0 ] && have sudo; then
    say "Registering QEMU for arm64 with binfmt_misc, for $purpose; that takes root"
  fi
  if ! may_be_root; then
    # The set-up that this ./inv began with has said it.
    case " ${INV_SET_UP:-} " in *" binfmt "*) return 0 ;; esac
    say "warning: arm64 images can't be started until root has run: cat $sys/usr/lib/binfmt.d/qemu-aarch64.conf >$folder/register"
    return 0
  fi
  [ -e "$folder/register" ] || as_root mount -t binfmt_misc binfmt_misc "$folder" 2>/dev/null || true
  # systemd reads this file at boot; now, and where it does not run, it is written by hand.
  as_root sh -c "cat '$sys/usr/lib/binfmt.d/qemu-aarch64.conf' >'$folder/register'" 2>/dev/null ||
    as_root update-binfmts --enable qemu-aarch64 >/dev/null 2>&1 || true
  [ -e "$binfmt" ] ||
    say "warning: QEMU for arm64 can't be registered here; images are built, and start only where the Docker Engine's machine has it"
}

# As jetson_kit/containers/docker_context.py: the user's docker may speak to another engine.
docker_is_elsewhere() {
  [ -z "${DOCKER_HOST:-}" ] || return 0
  case ${DOCKER_CONTEXT:-} in
    default) return 1 ;;
    ?*) return 0 ;;
  esac
  sed -n 's/.*"currentContext": *"\([^"]*\)".*/\1/p' \
    "${DOCKER_CONFIG:-${HOME:-}/.docker}/config.json" 2>/dev/null | grep -qvxE 'default|'
}

# One that this user runs without root; engine.py says how docker is told to speak to it.
engine_without_root() {
  [ "$(id -u)" != 0 ] && [ -w "${XDG_RUNTIME_DIR:-$sys/run/user/$(id -u)}/docker.sock" ]
}

start_docker() {
  docker version >/dev/null 2>&1 && return 0
  if ! have dockerd || docker_is_elsewhere || engine_without_root; then return 0; fi
  doing='starting Docker'
  [ "$(id -u)" = 0 ] || say "Starting Docker, for $purpose; that takes root"
  said=
  if may_be_root && said=$(as_root env KIT_ERROR_TO=1 sh "$here/start-docker.sh"); then return 0; fi
  said=${said#error: }
  say "warning: ${said:-no Docker Engine answers $(id -un)}; builds need an engine"
}

# installer COMMAND...: run it without what the user has said of other environments.
installer() { PYTHONPATH=$root "$venv/bin/python" -P -m jetson_kit.core.uv_environment "$@"; }
works() { "$@" >/dev/null 2>&1 </dev/null 9<&-; }

# A file's mode does not count where its file system is mounted so.
may_run() {
  [ -x "$venv/bin/uv" ] ||
    fail "$STEP_FAILED" "no program may run in $venv: its file system is mounted noexec, or has no modes; put the project on another"
}

python_environment() {
  doing='making .venv'
  # Half made, made for another folder, or by a Python or without a program that is gone: made anew.
  made_for=
  if [ -f "$venv/.root" ]; then read -r made_for <"$venv/.root" || true; fi
  if locked && [ "$made_for" = "$root" ] && [ -e "$venv/bin/python" ] && [ -x "$venv/bin/uv" ]; then return 0; fi
  if ! works "$venv/bin/python" -c '' || ! works "$venv/bin/uv" --version ||
    { [ -f "$venv/.root" ] && [ "$made_for" != "$root" ]; }; then
    { [ -w "$root" ] && { [ ! -e "$venv" ] || [ -w "$venv" ]; }; } ||
      fail "$STEP_FAILED" "$venv does not run for $(id -un), and is another user's; clone the project for yourself"
    rm -rf "$venv"
    python=$(find_python) || fail "$TOOL_MISSING" "no Python 3.11 or later with venv is here; install one"
    say "Setting up the Python environment in .venv"
    step "making .venv" "$python" -m venv "$venv"
    # pip is needed once, for uv; a user's own pip settings on where to install don't count.
    step "fetching uv" installer env PIP_USER=0 PIP_TARGET= PIP_PREFIX= "$venv/bin/python" -m pip \
      --disable-pip-version-check install --quiet --only-binary :all: --require-hashes -r "$root/requirements/uv.txt"
  fi
  may_run
  # Without the mark of a finished run a package may be there in part.
  again=
  if [ ! -f "$venv/.locked" ]; then again=--reinstall; fi
  rm -f "$venv/.locked"
  # shellcheck disable=SC2086
  step "fetching the locked Python packages" installer "$venv/bin/uv" pip sync $again \
    --python "$venv/bin/python" --compile-bytecode --only-binary :all: --require-hashes "$root/requirements/host.txt"
  # The device wheel from source, as an editable install puts it on the path.
  for site in "$venv"/lib/python3*/site-packages; do
    [ -d "$site" ] || continue
    printf '%s\n' "$root/wheels/mediapipe-jetson/src" >"$scratch/path"
    step "finishing .venv" cp "$scratch/path" "$site/mediapipe-jetson.pth"
  done
  # What ./inv looks for from now on.
  printf '%s\n' "$root" >"$scratch/root"
  step "finishing .venv" cp "$scratch/root" "$venv/.root"
  step "finishing .venv" cp "$root/requirements/host.txt" "$venv/.locked.part"
  mv "$venv/.locked.part" "$venv/.locked"
  # Made by root in somebody's checkout, it is that user's to renew.
  if [ "$(id -u)" = 0 ]; then chown -R --reference="$root" "$venv"; fi
}

join_docker_group() {
  user=$(id -un)
  get_root "run: usermod -aG docker $user" \
    "Adding $user to the group docker: it may use Docker, and so act as root, without sudo"
  step "adding $user to the group docker" as_root usermod -aG docker "$user"
}

apt_proxies
finish_dpkg
if [ -n "$missing" ]; then install_packages; fi
case " $missing " in
  *" docker.io "*) [ "$(id -u)" = 0 ] || join_docker_group ;;
esac
if needs binfmt && ! there @binfmt; then register_binfmt; fi
if needs dockerd; then start_docker; fi
python_environment
if [ -w "$venv" ]; then rm -f "$venv/.installing"; fi
