"""Small real wheels, so that what handles wheels is tested without a network."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path


def record_hash(data: bytes) -> str:
    """Return a hash as RECORD writes it."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
    return f"sha256={digest.decode().rstrip('=')}"


def make_wheel(path: Path, files: dict[str, bytes], modes: dict[str, int] | None = None) -> str:
    """Write a wheel of `files` with a RECORD and return the sha256 of its file."""
    name, version, _ = path.name.split("-", 2)
    info = f"{name}-{version}.dist-info"
    record = f"{info}/RECORD"
    named = {file: f'"{file}"' if "," in file else file for file in files}
    rows = [f"{named[file]},{record_hash(data)},{len(data)}" for file, data in files.items()]
    whole = {**files, record: ("\n".join([*rows, f"{record},,"]) + "\n").encode()}
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir(f"{name}/")
        for file, data in whole.items():
            member = zipfile.ZipInfo(file, (2026, 11, 2, 22, 10, 0))
            member.external_attr = (0o100000 | (modes or {}).get(file, 0o644)) << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def plain_wheel(folder: Path, name: str, version: str, files: dict[str, bytes]) -> tuple[Path, str]:
    """Write a pure wheel that uv installs; return its path and sha256."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    tags = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    return path, make_wheel(path, {**files, f"{info}/METADATA": about, f"{info}/WHEEL": tags})
