# shellcheck shell=sh disable=SC2034,SC2154 # names are shared with who sources this
# Sourced: what this machine is, and which packages it lacks of what ci/needs.table lists.
# KIT_SYSTEM_ROOT is put before the system's paths, so that tests can describe other machines.
sys=${KIT_SYSTEM_ROOT:-}
PATH=$PATH:$sys/usr/sbin:$sys/sbin # a normal user's PATH on Debian lacks them
table=$root/ci/needs.table

release() { sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" "$sys/etc/os-release" 2>/dev/null || true; }
id=$(release ID)
version=$(release VERSION_ID)
# Debian that is still to come has a name and no number.
case $id-$version-$(release PRETTY_NAME) in debian--*sid) version=sid ;; esac
# Mint, Pop!_OS and their like name the release whose archive they have.
codename=$(release UBUNTU_CODENAME)
codename=${codename:-$(release DEBIAN_CODENAME)}
known=no
# shellcheck disable=SC2013 # words of our own
for pair in $(awk '$1 == "archive" { print $2 ":" $3 }' "$table"); do
  case $id in debian | ubuntu) ;; *) if [ "$codename" = "${pair%:*}" ]; then
    id=${pair#*:}
    version=${id#*-}
    id=${id%-*}
  fi ;; esac
  if [ "$id-$version" = "${pair#*:}" ]; then known=yes; fi
done
machine=$(uname -m)
case $machine in x86_64 | aarch64) ;; *) known=no ;; esac

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

# parts_of KIND NAME WORDS...: the parts that the table lists for it, groups resolved. Of the rows
# with a condition those count that hold by whether WORDS give an option; values are for Python.
parts_of() {
  kind=$1
  name=$2
  shift 2
  awk -v kind="$kind" -v name="$name" -v words=" $* " '
    function holds(conditions,   one, count, i) {
      count = split(conditions, one, ",")
      for (i = 1; i <= count; i++) {
        gsub("_", "-", one[i])
        if (one[i] ~ /=./) return 0
        if (one[i] ~ /=$/) {
          if (index(words, "-" substr(one[i], 1, length(one[i]) - 1))) return 0
        } else if (!index(words, " --" one[i] " ") && !index(words, " --" one[i] "=")) return 0
      }
      return 1
    }
    $1 == kind {
      split($2, key, "[][]")
      if (key[1] == name && holds(key[2])) for (i = 3; i <= NF; i++) list = list " " $i
    }
    $1 == "group" { for (i = 3; i <= NF; i++) group[$2] = group[$2] " " $i }
    END {
      do { # groups of groups
        more = 0
        count = split(list, word, " ")
        list = ""
        for (i = 1; i <= count; i++) {
          if (word[i] in group) more = 1
          list = list " " ((word[i] in group) ? group[word[i]] : word[i])
        }
      } while (more)
      count = split(list, word, " ")
      for (i = 1; i <= count; i++) if (!seen[word[i]]++) print word[i]
    }' "$table"
}

# stages_of WORDS...: the stages of ci/stages.toml that ./inv test with these words runs.
stages_of() {
  size=default only=''
  for word in "$@"; do
    case $word in
      --quick | -q) size=quick ;;
      --all | -a) size=all ;;
      --stage=*) only=${word#*=} ;;
    esac
    case ${before:-} in --stage | -s) only=$word ;; esac
    before=$word
  done
  awk -F '"' -v only="$only" -v size="$size" '
    function close_stage() {
      if (name == "") return
      if (only != "" ? name == only : rank[own] <= rank[size] || part && size == "default")
        print name
      name = ""; part = 0
    }
    BEGIN { rank["quick"] = 1; rank["default"] = 2; rank["all"] = 3; rank["long"] = 4; own = "long" }
    /^\[\[stage/ { close_stage() }
    /^name = / { name = $2 }
    /^size = / { own = $2 }
    /^default = / { part = 1 }
    END { close_stage() }' "$root/ci/stages.toml"
}

# parts_for TASK WORDS...: what a command needs as far as the shell can tell, Python with it.
parts_for() {
  echo python
  if [ "$1" = test ]; then
    for stage in $(stages_of "$@"); do parts_of stage "$stage"; done
  else
    parts_of task "$1" "$@"
  fi
}

# there SIGN|SIGN...: tell whether one of a part's signs is to be seen.
there() {
  signs=$1\|
  while [ -n "$signs" ]; do
    sign=${signs%%|*}
    signs=${signs#*|}
    # shellcheck disable=SC2086 # a star in a sign is for the shell
    case $sign in
      @python) ! find_python >/dev/null || return 0 ;;
      @engine) ! docker version >/dev/null 2>&1 || return 0 ;;
      @buildx) ! docker buildx version >/dev/null 2>&1 || return 0 ;;
      @binfmt) if [ -z "$binfmt" ] || [ -e "$binfmt" ]; then return 0; fi ;;
      @arm64) [ "$machine" != aarch64 ] || return 0 ;;
      @debian) [ "$id" != debian ] || return 0 ;;
      /*) for file in "$sys"$sign; do [ ! -e "$file" ] || return 0; done ;;
      *) ! have "$sign" || return 0 ;;
    esac
  done
  return 1
}

# own_names PACKAGE...: the names that this system has for a part's packages.
own_names() {
  own='' others=''
  for package in "$@"; do
    case $package in
      *@"$id-$version" | *@"$id") own="$own ${package%@*}" ;;
      *@*) ;;
      # Docker's own packages name and own their plugin differently.
      docker-buildx) if installed docker-ce-cli; then others=docker-buildx-plugin; else others=$package; fi ;;
      *) others="$others $package" ;;
    esac
  done
  echo "${own:-$others}"
}

# missing_packages PART...: one line, each name once.
missing_packages() {
  awk -v names=" $* " '$1 == "part" && index(names, " " $2 " ")' "$table" |
    while read -r _ _ signs packages; do
      # shellcheck disable=SC2086
      if ! there "$signs"; then own_names $packages; fi
    done | tr ' ' '\n' | awk 'NF && $0 != "-" && !seen[$0]++' | paste -sd' ' -
}
