#!/bin/sh
# First program of a virtual machine's kernel: mounts the root, puts the device's seed over it at
# the first power-on, and hands over to systemd.
export PATH=/bin
busybox mount -t devtmpfs dev /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
while read -r module; do
  busybox insmod "/modules/$module" || echo "kit: cannot load $module"
done </modules/order

fail() {
  echo "kit: $1"
  busybox sync
  busybox poweroff -f
}

wait_for() {
  tries=0
  until [ -b "$1" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || fail "no disk $1"
    busybox usleep 50000
  done
}

if busybox grep -q kit.probe /proc/cmdline; then
  echo "kit: probe passed"
  busybox poweroff -f
fi

wait_for /dev/vda
wait_for /dev/vdb
busybox mount -t ext4 -o noatime,errors=remount-ro /dev/vda /root || fail "cannot mount the root"
mark=/root/var/lib/mediapipe-jetson/seeded
if [ ! -e "$mark" ]; then
  # Twice synced: the mark must not be on the disk before what it vouches for.
  busybox tar -x -f /dev/vdb -C /root || fail "cannot unpack the seed"
  busybox sync
  busybox mkdir -p "${mark%/*}"
  : >"$mark"
  busybox sync
fi
[ -x /root/usr/lib/systemd/systemd ] || fail "no systemd on the root"
echo "kit: root is ready"
for folder in dev proc sys; do busybox mount --move "/$folder" "/root/$folder"; done
exec busybox switch_root /root /usr/lib/systemd/systemd
