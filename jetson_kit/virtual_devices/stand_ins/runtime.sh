#!/bin/sh
# Stand-in for nvidia-container-runtime: runc, after `create` and `run` got the CSV files' entries.
# Only these two cost a start of Python; engines call runc several times for one container.
case $0 in
/*/stand-ins/*) here=${0%/*} ;;
*) here=$(dirname "$(readlink -f "$0")") ;;
esac
case " $* " in
*" --version "* | *" -v "*) echo "nvidia-container-runtime: a stand-in of MediaPipe Jetson Kit before runc" ;;
*" create "* | *" run "*) "$here/inject" "$@" || exit 1 ;;
esac
exec runc "$@"
