"""Hashes as a wheel's RECORD writes them."""

from __future__ import annotations

import base64
import hashlib


def hash_of(data: bytes) -> str:
    """Return the hash of a file: "sha256=" and unpadded base64 for URLs."""
    return f"sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')}"


def hex_of(record_hash: str) -> str:
    """Return a RECORD's sha256 as 64 hex digits."""
    encoded = record_hash.removeprefix("sha256=")
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).hex()
