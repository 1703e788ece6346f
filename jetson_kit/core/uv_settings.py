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
    "|KEYRING|CREDENTIAL|CONCURRENT|USE_FEATURE"
)
SYSTEM = Path("/etc/uv/uv.toml")
TRUE = ("1", "true", "t", "yes", "y", "on")
# Of these kinds, and yet about what `uv pip compile` prints.
PRINTED = "emit-"
# Places that uv looks for beside the file; of all others it does so in the current folder.
PLACES = ("find-links", "index-url", "extra-index-url", "url")
ADDRESS = re.compile("[a-zA-Z][a-zA-Z0-9+.-]*:|/")
# Of an index's row: it chooses versions.
CHOOSES = "exclude-newer"
PREVIEWS, LOGINS = "preview-features", "native-auth"


def text(environ: Mapping[str, str]) -> str:
    """Return them in TOML; the user's own count before the machine's.

    What else uv would find there, and all that a project in the current folder says, chooses
    packages, versions or places; these are the kit's to choose. Raises BadInputError.
    """
    rows: dict[str, Any] = {}
    pip: dict[str, Any] = {}
    for path in _files(environ):
        document = _read(path)
        _take(rows, _reaching(document, path.parent))
        _take(pip, _reaching(document.get("pip"), path.parent))
    return "".join([*_lines(rows), *(["[pip]\n", *_lines(pip)] if pip else [])])


def _take(rows: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add what counts for more; of lists both count, as for uv."""
    for key, value in more.items():
        before = rows.get(key)
        if isinstance(value, list) and isinstance(before, list):
            rows[key] = value + before
        else:
            rows[key] = value


def _files(environ: Mapping[str, str]) -> list[Path]:
    """Return the files, what counts most as the last."""
    if named := environ.get("UV_CONFIG_FILE"):
        return [Path(named)]
    if environ.get("UV_NO_CONFIG", "").lower() in TRUE:
        return []
    given = environ.get("XDG_CONFIG_HOME", "")
    base = given if given.startswith("/") else os.path.expanduser("~/.config")  # noqa: PTH111 # never fails
    folders = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
    systems = [*(Path(name, "uv", "uv.toml") for name in folders if name), SYSTEM]
    system = next((path for path in systems if os.access(path, os.F_OK)), None)
    own = Path(base, "uv", "uv.toml")
    # What this user may not read does not count for uv, either.
    return [*([system] if system else []), *([own] if os.access(own, os.R_OK) else [])]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise BadInputError(
            f"{path} can't be read: {why(error)}", "correct uv's settings; they are TOML 1.0 here"
        ) from error


def _reaching(table: object, folder: Path) -> dict[str, Any]:
    if not isinstance(table, dict):
        return {}
    rows = {
        key: _placed(key, value, folder)
        for key, value in table.items()
        if REACHES.search(key.upper().replace("-", "_")) and not key.startswith(PRINTED)
    }
    features = table.get(PREVIEWS)
    if isinstance(features, list) and LOGINS in features:
        rows[PREVIEWS] = [LOGINS]
    return rows


def _placed(key: str, value: object, folder: Path) -> object:
    """Return a value whose paths beside its file hold in another folder, too."""
    if isinstance(value, dict):
        return {
            name: _placed(name, item, folder) for name, item in value.items() if name != CHOOSES
        }
    if isinstance(value, list):
        return [_placed(key, item, folder) for item in value]
    if isinstance(value, str) and key in PLACES and not ADDRESS.match(value):
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
    return _word(value) if isinstance(value, str | bool) else str(value)


def _word(value: str | bool) -> str:
    """Return a word as JSON and TOML both have it: TOML wants DEL escaped, too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
