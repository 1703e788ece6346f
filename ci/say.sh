# shellcheck shell=sh disable=SC2034,SC2154 # names are shared with who sources this
# Sourced: one line per failure, with the exit codes of jetson_kit/core/errors.py.
TOOL_MISSING=3 NETWORK=4 DISK_FULL=6 STEP_FAILED=7

say() { printf '%s\n' "$*" >&2; }
# With 1 in KIT_ERROR_TO whoever calls gets the one line that says why, and says it or another.
# What is started is told nothing of it: a daemon would have it for good.
error_to=${KIT_ERROR_TO:-2}
unset KIT_ERROR_TO
say_error() { printf '%s\n' "error: $*" >&"$error_to"; }

# fail CODE WORDS...
fail() {
  code=$1
  shift
  say_error "$*"
  explained=yes
  # A subshell's variables are lost, a file is not.
  if [ -d "${scratch:-}" ]; then : >"$scratch/explained" || true; fi
  exit "$code"
}

# at_exit: for a trap; every end that nothing else explained is told, and the scratch folder goes.
explained='' doing='setting this machine up'
at_exit() {
  code=$?
  case $code in 129 | 130 | 143) explained=yes ;; esac # a signal: who typed the command is told by inv
  if [ "$code" != 0 ] && [ -z "$explained" ] && [ ! -e "${scratch:-}/explained" ]; then
    say_error "$doing ended with exit code $code and no word why; run ./inv again, or sh -x $0"
    code=$STEP_FAILED
  fi
  if [ -d "${scratch:-}" ]; then rm -rf "$scratch"; fi
  exit "$code"
}

have() { command -v "$1" >/dev/null 2>&1; }

# The last line of the file $1 that tells what went wrong.
last_words() {
  { grep -aE '^E:|rror|not start|denied|refused' "$1" | grep -av 'E: Sub-process' || cat "$1"; } 2>/dev/null |
    grep -a . | tail -n 1 | tr -d '\r' | plain | cut -c 1-300
}

# What pip says of a connection has names of Python's classes and objects around the reason.
plain() {
  sed -e "/after connection broken by/{
s/.*after connection broken by //
s|': /[^ ]*\$||
s/HTTPS\{0,1\}ConnectionPool([^)]*): //
s/ (\(read\|connect\) timeout=[^)]*)//
s/<[^>]*object at 0x[^>]*>[,:]* *//
s/^['\"]*[A-Za-z]*(['\"]*//
s/['\")]*\$//
}" -e 's/<[^>]*object at 0x[^>]*>[,:]* *//g' -e 's/\[Errno -\{0,1\}[0-9]*\] //g'
}

full_disk() {
  for place in "$@"; do
    [ "$(df -Pk "$place" 2>/dev/null | awk 'NR == 2 {print $4}')" != 0 ] || return 0
  done
  return 1
}

# explain WHAT LOG: end with the one line that says why WHAT failed, judged by what it printed.
explain() {
  if grep -aqE "No space left|don't have enough free space|Disk quota exceeded" "$2" || full_disk "$scratch" "$root" /var; then
    fail "$DISK_FULL" "$1: no space left on the disk; free some and run ./inv again"
  fi
  # apt and uv say of it that they failed to fetch.
  if grep -aqiwE 'file too large|file size limit' "$2"; then
    fail "$DISK_FULL" "$1: a file would be larger than a file may be here; raise that limit (ulimit -f) and run ./inv again"
  fi
  if grep -aqiE 'certificate.?verif|self.?signed certificate|UnknownIssuer|unable to get local issuer|invalid peer certificate' "$2"; then
    fail "$NETWORK" "$1: the server's certificate is of no CA that this machine trusts; set PIP_CERT and SSL_CERT_FILE to the file of its CA, or add that to this machine's (update-ca-certificates), and run ./inv again"
  fi
  if grep -aqE 'Could not resolve|failure resolving|resolution|Name or service not known|dns error|failed to lookup|unreachable|Connection (refused|timed out|failed|reset)|Could not connect|Cannot initiate|Failed to fetch|error sending request|Max retries|[Tt]imed out' "$2"; then
    fail "$NETWORK" "$1: the network does not answer ($(last_words "$2")); check it and run ./inv again"
  fi
  if grep -aq 'Packages need to be removed but remove is disabled' "$2"; then
    fail "$STEP_FAILED" "$1 failed: what is installed here stands against it (podman-docker against docker.io, say), and nothing is removed for it; remove that, or install by hand, then run ./inv again"
  fi
  fail "$STEP_FAILED" "$1 failed: $(last_words "$2")$(limited)"
}

# What python -m venv prints of pip's end does not hold pip's reason.
limited() {
  if [ "$(ulimit -f)" != unlimited ]; then
    echo "; files may not grow without limit here, which may be why: see ulimit -f"
  fi
}

# step WHAT COMMAND...: run it silently; where it fails, say why in one line.
step() {
  what=$1
  shift
  # A file and no pipe: a daemon that the command starts would keep a pipe open, and a lock as well.
  if ! LC_ALL=C.UTF-8 "$@" >"$scratch/log" 2>&1 </dev/null 9<&-; then explain "$what" "$scratch/log"; fi
}
