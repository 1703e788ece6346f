"""Addresses of sources: without their passwords, and with the login that settings have."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlsplit, urlunsplit

from jetson_kit.core import uv_settings

# Variables that hold addresses of indexes, with passwords or without.
INDEXES = re.compile(r"(UV|PIP)_.*(INDEX|FIND_LINKS).*")
ADDRESS = re.compile(r"https?://[^\s\"']+")

PORTS = {"http": 80, "https": 443}


def bare(address: str) -> str:
    """Return an address without user, password and fragment."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def without_password(address: str) -> str:
    """Return an address without a password; of ssh the user stays."""
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    user = user.partition(":")[0] if parts.scheme == "ssh" else ""
    return urlunsplit(parts._replace(netloc=f"{user}{at}{host}" if user else host, fragment=""))


def with_login(address: str, options: Sequence[str]) -> str:
    """Return an address with the user and password that settings have for its host, if any.

    A login for HTTPS is for HTTPS alone, that of a port for that port alone.
    """
    parts = urlsplit(address)
    place = _server(address)
    if "@" in parts.netloc or place is None:
        return address
    for known in (*_addresses(options), *_named_indexes()):
        if _server(known) == place and "@" in (netloc := urlsplit(known).netloc):
            login = netloc.rpartition("@")[0]
            return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))
    return address


def _server(address: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port that an address names; None for none of HTTP."""
    try:
        parts = urlsplit(address)
        port = parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    return parts.scheme, parts.hostname or "", port


def _addresses(options: Sequence[str]) -> Iterator[str]:
    values = [value for name, value in os.environ.items() if INDEXES.fullmatch(name)]
    for text in (*options, *values, uv_settings.text(os.environ)):
        yield from ADDRESS.findall(text)


def _named_indexes() -> Iterator[str]:
    """Yield the addresses of uv's own settings, with the login that variables have for them."""
    rows = tomllib.loads(uv_settings.text(os.environ)).get("index", [])
    for row in rows if isinstance(rows, list) else ():
        prefix = f"UV_INDEX_{re.sub(r'[^A-Z0-9]', '_', str(row.get('name', '')).upper())}"
        user, password = (os.environ.get(f"{prefix}_{key}", "") for key in ("USERNAME", "PASSWORD"))
        address = str(row.get("url", ""))
        if (user or password) and _server(address):
            parts = urlsplit(address)
            login = f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"
            yield urlunsplit(parts._replace(netloc=login))
