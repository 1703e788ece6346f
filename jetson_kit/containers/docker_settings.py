"""The user's settings of Docker's client, config.json: what its SDK takes from there, and logins.

Format: Docker's command line, cli/config/configfile.
"""

from __future__ import annotations

import json
import os
import re
import warnings
from pathlib import Path
from typing import Any

from docker.auth import decode_auth
from docker.errors import DockerException

from jetson_kit.core.errors import BadInputError, ToolMissingError

CONFIG = "DOCKER_CONFIG"
# What the SDK takes for an object there, and what its values must be.
OBJECTS = {"auths": dict, "credHelpers": str, "HttpHeaders": str, "proxies": dict}
CURE = f"correct it, or name the folder of another by {CONFIG}"
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
STORE = re.compile(r"Credentials store error: \w+\((['\"])(.*)\1\)", re.DOTALL)
# Of a program for logins that is missing: `refused_login` says that.
warnings.filterwarnings("ignore", module=r"docker\.credentials")


def folder() -> Path:
    """Return the folder of the settings, whether it is there or not."""
    if named := os.environ.get(CONFIG):
        return Path(named)
    try:
        return Path.home() / ".docker"
    except RuntimeError:
        return Path("/nonexistent")


def file() -> Path:
    """Return the file of the settings."""
    return folder() / "config.json"


def read() -> Any:  # noqa: ANN401 # JSON
    """Return what the file holds; {} where it can't be read, as Docker's own client does."""
    try:
        return json.loads(file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def check() -> None:
    """Raise BadInputError for values of which the SDK would make a fault, or a silent engine."""
    document = read()
    if not isinstance(document, dict):
        raise BadInputError(f"{file()} is no object of JSON", CURE)
    for key, kind in OBJECTS.items():
        # The SDK takes null for no value, except for this one.
        if key not in document or (document[key] is None and key != "proxies"):
            continue
        table = document[key]
        # Nor does it look at a helper or a header that is null.
        kinds = (kind, type(None)) if kind is str else kind
        if not isinstance(table, dict) or not all(
            isinstance(item, kinds) for item in table.values()
        ):
            what = "texts" if kind is str else "objects"
            raise BadInputError(f"{file()}: {key} is no object of {what}", CURE)
    for name, value in (document.get("HttpHeaders") or {}).items():
        if CONTROL.search(f"{name}{value}"):
            raise BadInputError(f"{file()}: HttpHeaders has a line end or its like", CURE)
    for name, row in (document.get("auths") or {}).items():
        try:
            if "auth" in row and "identitytoken" not in row:
                decode_auth(row["auth"])
        except (AttributeError, TypeError, ValueError) as error:
            raise BadInputError(
                f"{file()}: the login of {name} is none", f"write it anew: docker login {name}"
            ) from error


def refused_login(error: DockerException) -> ToolMissingError | None:
    """Return the error for a program that keeps logins and gives none; None for any other."""
    if match := STORE.search(str(error)):
        return ToolMissingError(
            f"no login for the registry can be had: {match[2]}",
            f"correct credsStore and credHelpers in {file()}, or remove them",
        )
    return None
