#!/bin/sh
# join [FOLDER]: make this machine the controller of its site, in FOLDER. See ./join --help.
trap 'echo "error: stopped" >&2; exit 130' INT
trap 'echo "error: stopped" >&2; exit 143' TERM
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
if ! command -v python3 >/dev/null; then
	echo "error: there is no python3; install it" >&2
	exit 3
fi
if ! python3 -S -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
	echo "error: python3 is older than 3.8; have the one of the site's row in the PATH" >&2
	exit 3
fi
exec python3 -S -B "$here/join_program.py" "$here" "$@"
