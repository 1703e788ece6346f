#!/bin/sh
# Renew the hash-pinned locks of the host environment.
set -eu
cd "$(dirname -- "$0")/.."
for name in uv host; do
  .venv/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
    --no-annotate --no-header --upgrade "requirements/$name.in" -o "requirements/$name.txt"
done
