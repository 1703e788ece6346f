#!/bin/sh
# First program of a container that stands for a Jetson: opens its own control groups (a namespace
# of their own, so nothing of the host is in sight), cuts the way out, and becomes systemd.
set -e
for group in /sys/fs/cgroup /sys/fs/cgroup/*; do
  if mountpoint -q "$group"; then
    mount -o remount,bind,rw "$group"
  fi
done
# containerd can't keep images on the container's own layers: they lie beside the engine's.
mkdir -p /var/lib/docker/mediapipe-jetson-containerd /var/lib/containerd
mount --bind /var/lib/docker/mediapipe-jetson-containerd /var/lib/containerd
# Engines from 26 on set up a container's network there. What is not of this network namespace can't
# be written there either; the rest of /proc/sys stays read-only.
mount --bind /proc/sys/net /proc/sys/net
mount -o remount,bind,rw /proc/sys/net
# Neighbours and the host stay in reach, the world does not.
ip route del default 2>/dev/null || :
exec /sbin/init
