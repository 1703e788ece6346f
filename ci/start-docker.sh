#!/bin/sh
# Start dockerd where no init does it, and wait until it answers. Root only.
set -eu
root=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
# shellcheck source=ci/say.sh
. "$root/ci/say.sh"
sys=${KIT_SYSTEM_ROOT:-} # as in needs.sh
PATH=$PATH:$sys/usr/sbin:$sys/sbin
answers() { docker version >/dev/null 2>&1; }
if answers; then exit 0; fi
[ -z "${DOCKER_HOST:-}" ] ||
  fail "$TOOL_MISSING" "no Docker Engine answers at DOCKER_HOST ($DOCKER_HOST); start it or unset it"
have dockerd || fail "$TOOL_MISSING" "Docker is not installed; run ./inv build as root or with sudo, once"
[ "$(id -u)" = 0 ] || fail "$TOOL_MISSING" "only root may start dockerd; run: sudo sh ci/start-docker.sh"
if [ -d "$sys/run/systemd/system" ]; then
  systemctl start docker >/dev/null 2>&1 || true
  if answers; then exit 0; fi
  fail "$TOOL_MISSING" "systemd can't start docker; see: journalctl -u docker"
fi
if [ "${1:-}" != --locked ]; then
  exec env KIT_ERROR_TO="$error_to" flock -o "$root/ci/start-docker.sh" sh "$root/ci/start-docker.sh" --locked
fi

# A killed dockerd leaves these; another process may have its number by now, or it is a zombie,
# which has no program any more, where nothing reaps it.
forget_stale() {
  for name in docker containerd; do
    case $name in
      docker) file=$sys/var/run/docker.pid program=dockerd ;;
      *) file=$sys/var/run/docker/containerd/containerd.pid program=containerd ;;
    esac
    pid=$(cat "$file" 2>/dev/null || true)
    case $(readlink "$sys/proc/${pid:-none}/exe" || true) in
      */"$program" | */"$program (deleted)") ;;
      *) rm -f "$file" ;;
    esac
  done
}

log=$sys/var/log/dockerd.log
# try OPTION...: start it and wait; fails when it ends or does not answer within 60 s.
try() {
  forget_stale
  : >"$log"
  # In a session of its own it outlives this terminal.
  setsid dockerd "$@" >>"$log" 2>&1 </dev/null &
  pid=$!
  tries=0
  while [ "$tries" -lt 240 ]; do
    if answers; then return 0; fi
    kill -0 "$pid" 2>/dev/null || return 1
    tries=$((tries + 1))
    sleep 0.25
  done
  kill "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  return 1
}

# dockerd does not mount control groups; an init would have.
if ! grep -q " /sys/fs/cgroup" "$sys/proc/mounts"; then
  mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null || true
fi
if try; then exit 0; fi
why=$(last_words "$log")
if grep -qE 'iptables|network controller|bridge|nf_tables' "$log"; then
  if try --iptables=false --ip6tables=false --bridge=none; then
    say "warning: this kernel refuses Docker's network ($why); containers run without one"
    exit 0
  fi
fi
fail "$TOOL_MISSING" "dockerd does not come up: $why; see $log"
