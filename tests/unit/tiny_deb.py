"""Tiny Debian packages, made by dpkg-deb itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from jetson_kit.core.files import sha256_file
from jetson_kit.debian.deb_file import Deb
from tests.support.here import needs_parts

needs_dpkg = needs_parts("dpkg")


def make(
    folder: Path,
    name: str,
    files: dict[str, str],
    *,
    arch: str = "arm64",
    extra: str = "",
    conffiles: str = "",
    links: dict[str, str] | None = None,
    modes: dict[str, int] | None = None,
) -> Deb:
    """Build a package; a name in `files` that ends in a slash is a folder."""
    tree = folder / f"{name}-tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1:2.0-1\nArchitecture: {arch}\nMaintainer: x <x@x>\n{extra}"
        "Description: tiny\n more words\n"
    )
    if conffiles:
        (tree / "DEBIAN/conffiles").write_text(conffiles)
    for path, text in files.items():
        place = tree / path
        if path.endswith("/"):
            place.mkdir(parents=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    for path, to in (links or {}).items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).symlink_to(to)
    for place in tree.rglob("*"):
        if not place.is_symlink():
            place.chmod(0o755 if place.is_dir() else 0o644)
        os.utime(place, (99, 99), follow_symlinks=False)
    for path, mode in (modes or {}).items():
        (tree / path).chmod(mode)
    tree.chmod(0o755)
    out = folder / f"{name}_1%3a2.0-1_{arch}.deb"
    subprocess.run(
        ["dpkg-deb", "--build", "--root-owner-group", tree, out], check=True, capture_output=True
    )
    return Deb(name, "1:2.0-1", arch, out, sha256_file(out))
