"""Addresses of sources: without their passwords, and with the login that settings have."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlsplit, urlunsplit

from jetson_kit.app import resolve

# Variables that hold addresses of indexes, with passwords or without.
INDEXES = re.compile(r"(UV|PIP)_.*(INDEX|FIND_LINKS).*")
ADDRESS = re.compile(r"https?://[^\s\"']+")


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
    """Return an address with the user and password that settings have for its host, if any."""
    parts = urlsplit(address)
    if "@" in parts.netloc:
        return address
    for known in (*_addresses(options), *_named_indexes()):
        other = urlsplit(known)
        if "@" in other.netloc and other.netloc.rpartition("@")[2] == parts.netloc:
            return urlunsplit(parts._replace(netloc=other.netloc))
    return address


def _addresses(options: Sequence[str]) -> Iterator[str]:
    values = [value for name, value in os.environ.items() if INDEXES.fullmatch(name)]
    for text in (*options, *values, resolve.own_settings()):
        yield from ADDRESS.findall(text)


def _named_indexes() -> Iterator[str]:
    """Yield the addresses of uv's own settings, with the login that variables have for them."""
    try:
        rows = tomllib.loads(resolve.own_settings()).get("index", [])
    except ValueError:
        return
    for row in rows if isinstance(rows, list) else ():
        prefix = f"UV_INDEX_{re.sub(r'[^A-Z0-9]', '_', str(row.get('name', '')).upper())}"
        user, password = (os.environ.get(f"{prefix}_{key}", "") for key in ("USERNAME", "PASSWORD"))
        parts = urlsplit(str(row.get("url", "")))
        if user or password:
            login = f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"
            yield urlunsplit(parts._replace(netloc=login))
