#!/bin/sh
# Stand-in for nvidia-ctk: it tells a version, and nothing else.
echo "nvidia-ctk: a stand-in of MediaPipe Jetson Kit"
case " $* " in
*" --version "* | *" -v "*)
  sed 's/^/NVIDIA Container Toolkit CLI version /; s/-1$//' "$(dirname "$(readlink -f "$0")")/toolkit"
  ;;
*)
  echo "nvidia-ctk: this stand-in only knows --version" >&2
  exit 1
  ;;
esac
