"""Versions of NVIDIA's container toolkit that are known to be broken, from the doctor's table."""

from __future__ import annotations

import json
import re

from packaging.version import Version

from jetson_kit.service.contract import CAUSES

SAID = re.compile(r"version v?(\d+(?:\.\d+)+)")


def version_of(output: str) -> Version | None:
    """Return the version in what `nvidia-ctk --version` prints."""
    match = SAID.search(output)
    return Version(match[1]) if match else None


def why_broken(version: Version, soc: str) -> tuple[str, str]:
    """Return why a version does not work on a SoC (its id, "" if unknown), and what to do.

    Both are empty for one that is not known to be broken.
    """
    for row in json.loads(CAUSES.read_text(encoding="utf-8"))["facts"]["toolkit"]:
        concerned = not row["socs"] or soc in row["socs"]
        if concerned and Version(row["from"]) <= version < Version(row["below"]):
            return row["why"], f"upgrade nvidia-container-toolkit to {row['below']} or later"
    return "", ""
