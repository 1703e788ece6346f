#!/bin/sh
# Renew the hash-pinned locks of the host environment, of the one for JetPack 4's boards, of the one
# that makes ONNX files and judges them, and of those in which landmarkers are timed and tested.
set -eu
cd "$(dirname -- "$0")/.."
lock() {
  .venv/bin/uv pip compile --quiet --generate-hashes --universal --python-version "$2" \
    --no-annotate --no-header --upgrade "requirements/$1.in" -o "requirements/$1.txt"
}
lock uv 3.11
lock host 3.11
lock jetpack4 3.10
lock engines 3.11
lock inference 3.11
lock tensorrt-lean 3.11
lock vision 3.11
lock vision-old 3.11
