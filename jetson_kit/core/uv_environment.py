"""The environment of uv's and pip's processes: what of the user's goes on to them, their folders.

As a program it runs its arguments in it: ci/setup.sh does, with no package installed yet.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from jetson_kit.core import uv_settings
from jetson_kit.core.errors import KitError
from jetson_kit.core.paths import cache_dir, writable

TOOLS = ("UV_", "PIP_")
# By which uv finds an environment to work in, and what only this module's caller needs.
OTHERS = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH")


@contextlib.contextmanager
def create(environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the environment, in the place of the user's; its files go afterwards.

    Raises BadInputError for settings of uv that can't be read.
    """
    # Killed, they would leave temporary folders of their own.
    with tempfile.TemporaryDirectory(prefix="kit-installer-") as scratch:
        settings = Path(scratch, "uv.toml")
        settings.touch(0o600)  # it may hold a password
        settings.write_text(uv_settings.text(environ), encoding="utf-8")
        yield {**_of(environ), "UV_CONFIG_FILE": str(settings), "TMPDIR": scratch}


def _of(environ: Mapping[str, str]) -> dict[str, str]:
    environment = {name: value for name, value in environ.items() if _passed_on(name)}
    environment |= {"UV_NO_PROGRESS": "1", "UV_PYTHON": sys.executable}
    # Without downloads unasked, uv resolves for a Python that is not here by the one that is.
    environment["UV_PYTHON_DOWNLOADS"] = "manual"
    return environment | _folders(environment)


def _passed_on(name: str) -> bool:
    """Tell whether a variable of the user's goes on: where indexes are and how to reach them.

    What is chosen and how it is unpacked is the kit's to say.
    """
    own = name.startswith(TOOLS)
    return name not in OTHERS and (not own or bool(uv_settings.REACHES.search(name)))


def _folders(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the kit's own folders for uv where the user's can't be used: service users' homes."""
    result = {}
    if "UV_CACHE_DIR" not in environment and not writable(
        _user_folder(environment, "XDG_CACHE_HOME", ".cache") / "uv"
    ):
        result["UV_CACHE_DIR"] = str(cache_dir("uv"))
    # uv looks for Pythons of its own there, and fails where it can't look.
    pythons = _user_folder(environment, "XDG_DATA_HOME", ".local/share") / "uv" / "python"
    if "UV_PYTHON_INSTALL_DIR" not in environment and not _readable(pythons):
        result["UV_PYTHON_INSTALL_DIR"] = str(cache_dir("uv", "pythons"))
    return result


def _user_folder(environment: Mapping[str, str], variable: str, default: str) -> Path:
    given = environment.get(variable, "")
    # A user without a home has what no folder can be below.
    home = environment.get("HOME") or os.devnull
    return Path(given) if given.startswith("/") else Path(home, default)


def _readable(folder: Path) -> bool:
    """Tell whether a folder can be looked into, or could be if it were there."""
    with contextlib.suppress(OSError):
        there = next(place for place in (folder, *folder.parents) if place.exists())
        return there.is_dir() and os.access(there, os.R_OK | os.X_OK)
    return False


def main(command: list[str]) -> int:
    """Run a command; return its exit code, or this module's own after a line that says why."""
    try:
        with create(os.environ) as environment:
            return subprocess.run(command, env=environment, check=False).returncode
    except KitError as error:
        print(error.line(), file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
