#!/bin/sh
# Makes at each boot what no file put over the root can be: device nodes, a device tree where the
# machine has none, a record of dpkg, a runtime of Docker. Run a second time it changes nothing.
set -eu
echo "face: stand-ins of MediaPipe Jetson Kit are put on"
here=${0%/*}
status=/var/lib/dpkg/status
daemon=/etc/docker/daemon.json

# A name that is there keeps its members and gets the board's number, unless that is taken.
while read -r group number; do
  found="" taken=""
  while IFS=: read -r name _ gid _; do
    [ "$name" != "$group" ] || found=$gid
    [ "$gid" != "$number" ] || taken=$name
  done </etc/group
  if [ -z "$found" ]; then
    echo "$group:x:$number:" >>/etc/group
  elif [ -z "$taken" ]; then
    sed -i "s/^\($group:[^:]*\):[0-9]*:/\1:$number:/" /etc/group
  fi
done <"$here/groups"

# Major 120 is kept for local use: no driver answers there, so no node leads to a real device.
minor=0 folders="" numbered="" video="" render=""
while read -r path group; do
  if [ ! -e "$path" ]; then
    folders="$folders ${path%/*}"
    numbered="$numbered $path:$minor"
    if [ "$group" = render ]; then render="$render $path"; else video="$video $path"; fi
  fi
  minor=$((minor + 1))
done <"$here/nodes"
# Paths of our own, without blanks; one program for many of them, as each costs time under TCG.
# shellcheck disable=SC2086
{
  [ -z "$folders" ] || mkdir -p $folders
  for node in $numbered; do mknod -m 660 "${node%:*}" c 120 "${node##*:}"; done
  [ -z "$video" ] || chown root:video $video
  [ -z "$render" ] || chown root:render $render
}

# /proc/device-tree leads here where it exists; sysfs itself takes no folder, so it is hidden.
if [ -d "$here/device-tree" ] && [ ! -e /sys/firmware/devicetree/base/mediapipe-jetson,stand-in ]; then
  mount -t tmpfs -o mode=755,size=64k,nosuid,nodev,noexec device-tree /sys/firmware
  mkdir -p /sys/firmware/devicetree/base
  cp "$here"/device-tree/* /sys/firmware/devicetree/base/
fi

[ -e "$status" ] || { mkdir -p "${status%/*}" && : >"$status"; }
grep -q '^Package: nvidia-l4t-core$' "$status" || {
  # A stanza ends with an empty line, which the file may lack at its end.
  { cat "$status"; echo; cat "$here/dpkg-status"; } >"$status.aside"
  mv "$status.aside" "$status"
}

if [ ! -e "$daemon" ]; then
  mkdir -p "${daemon%/*}"
  cp "$here/daemon.json" "$daemon"
elif ! grep -q '"nvidia"' "$daemon"; then
  /usr/bin/python3 -ESs - "$daemon" "$here/daemon.json" <<'END'
import json
import pathlib
import sys

file, more = (pathlib.Path(word) for word in sys.argv[1:])
known = json.loads(file.read_text() or "{}")
known.setdefault("runtimes", {}).update(json.loads(more.read_text())["runtimes"])
aside = file.with_name("daemon.json.aside")
aside.write_text(json.dumps(known, indent=1) + "\n")
aside.replace(file)
END
fi
