#!/bin/sh
# First program of a bare machine: opens its own control groups, which the host's engine gives
# read-only, as a machine's own kernel would have them; then waits and reaps.
for group in /sys/fs/cgroup /sys/fs/cgroup/*; do
  if mountpoint -q "$group"; then
    mount -o remount,bind,rw "$group"
  fi
done
# Its engine sets the networks of its own containers up.
mount -o remount,bind,rw /proc/sys 2>/dev/null
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc 2>/dev/null
: >/run/ready
while :; do
  sleep 3600 &
  wait "$!"
done
