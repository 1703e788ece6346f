#!/bin/sh
# First program of a container that has all of its root on the disk mounted at $1, as a board has:
# what is not on that disk is lost with the power. Each start is a boot of its own, with an id and an
# uptime of its own. Then it becomes the program $2.
set -e
disk=$1
if ! test -e "$disk/.root-is-whole"; then
  cp --archive --one-file-system /. "$disk/"
  mkdir -p "$disk/var/log/journal"
  sync
  touch "$disk/.root-is-whole"
  sync
fi
for name in dev proc sys run; do
  mount --rbind "/$name" "$disk/$name"
done
cd "$disk"
pivot_root . .
umount --lazy .
cat /proc/sys/kernel/random/uuid >/run/boot-id
mount --bind /run/boot-id /proc/sys/kernel/random/boot_id
uptime=$(cut -d. -f1 /proc/uptime)
# Nobody inside may set the host's clock.
exec unshare --time --boottime "-$uptime" \
  setpriv --bounding-set=-sys_time --inh-caps=-sys_time /bin/sh "$2"
