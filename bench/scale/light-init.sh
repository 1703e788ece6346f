#!/bin/sh
# First process of a light endpoint, in namespaces of its own: overlay root, one address, sshd.
# Arguments: lower folders of the overlay, own folder, address with its prefix length, name.
set -eu
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
cd "$2/root"
mount -t proc proc proc
mount --bind /dev dev
mount -t tmpfs -o mode=755,size=4m tmpfs run
mount -t tmpfs -o mode=1777,size=64m tmpfs tmp
mkdir -m 755 run/sshd
hostname "$4"
echo ready
# Its interface comes from outside.
read -r _
# What IPv6 says by itself would be counted.
echo 1 >proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null || true
ip link set lo up
ip address add "$3" dev eth0
ip link set eth0 up
exec chroot . /usr/sbin/sshd -D -e -f /etc/ssh/light.conf
