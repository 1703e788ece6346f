"""The user's settings of uv, as far as they say where indexes are and how to reach them."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.reasons import why

REACHES = re.compile(
    "INDEX|FIND_LINKS|CONFIG_FILE|CACHE_DIR|TLS|CERT|HOST|HTTP|PROXY|MIRROR|TIMEOUT|RETRIES|OFFLINE"
    "|KEYRING|CREDENTIAL|LINK_MODE|CONCURRENT|USE_FEATURE"
)
SYSTEM = Path("/etc/uv/uv.toml")
# Of these kinds, and yet about what `uv pip compile` prints.
PRINTED = "emit-"
BESIDE = ("./", "../")


def text(environ: Mapping[str, str]) -> str:
    """Return them in TOML; the user's own count before the machine's.

    What else uv would find there, and all that a project in the current folder says, chooses
    packages, versions or places; these are the kit's to choose. Raises BadInputError.
    """
    rows: dict[str, Any] = {}
    pip: dict[str, Any] = {}
    for path in _files(environ):
        document = _read(path)
        rows |= _reaching(document, path.parent)
        pip |= _reaching(document.get("pip"), path.parent)
    return "".join([*_lines(rows), *(["[pip]\n", *_lines(pip)] if pip else [])])


def _files(environ: Mapping[str, str]) -> list[Path]:
    """Return the files, what counts most as the last."""
    if named := environ.get("UV_CONFIG_FILE"):
        return [Path(named)]
    if environ.get("UV_NO_CONFIG"):
        return []
    given = environ.get("XDG_CONFIG_HOME", "")
    base = given if given.startswith("/") else os.path.expanduser("~/.config")  # noqa: PTH111 # never fails
    return [path for path in (SYSTEM, Path(base, "uv", "uv.toml")) if os.access(path, os.F_OK)]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(
            f"{path} can't be read: {why(error)}", "correct uv's settings"
        ) from error


def _reaching(table: object, folder: Path) -> dict[str, Any]:
    if not isinstance(table, dict):
        return {}
    return {
        key: _placed(value, folder)
        for key, value in table.items()
        if REACHES.search(key.upper().replace("-", "_")) and not key.startswith(PRINTED)
    }


def _placed(value: object, folder: Path) -> object:
    """Return a value whose paths beside its file hold in another folder, too."""
    if isinstance(value, dict):
        return {key: _placed(item, folder) for key, item in value.items()}
    if isinstance(value, list):
        return [_placed(item, folder) for item in value]
    if isinstance(value, str) and value.startswith(BESIDE):
        return str(folder.absolute() / value)
    return value


def _lines(rows: Mapping[str, Any]) -> list[str]:
    return [f"{_word(key)} = {_value(value)}\n" for key, value in rows.items()]


def _value(value: object) -> str:
    """Return a value as TOML has it."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_word(key)} = {_value(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else str(value)


def _word(key: str) -> str:
    return json.dumps(key, ensure_ascii=False)
