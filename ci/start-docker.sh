#!/bin/sh
# Start dockerd where no init does it, and wait until it answers. Root only.
set -eu
if docker version >/dev/null 2>&1; then exit 0; fi
if [ -d /run/systemd/system ]; then exec systemctl start docker; fi
# A dockerd that was killed leaves these, and the next one refuses to start over them.
for pidfile in /var/run/docker.pid /var/run/docker/containerd/containerd.pid; do
  if [ -s "$pidfile" ] && ! kill -0 "$(cat "$pidfile")" 2>/dev/null; then rm -f "$pidfile"; fi
done
log=/var/log/dockerd.log
setsid dockerd >>"$log" 2>&1 </dev/null &
tries=0
until docker version >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -ge 60 ]; then
    echo "error: dockerd does not come up; its last words in $log:" >&2
    tail -n 5 "$log" >&2
    exit 3
  fi
  sleep 0.5
done
