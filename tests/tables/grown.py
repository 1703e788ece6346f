"""A copy of the tree whose tables have a release of L4T and a MediaPipe that do not exist."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from jetson_kit.audit import planned
from jetson_kit.core.paths import ROOT
from jetson_kit.targets import table as targets
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels import recipes as repack_recipes
from jetson_kit.wheels.device_wheel import PACKAGE

OWN = (".git", ".venv", ".kit", "dist", "__pycache__", ".*_cache", "*.egg-info")


def copy(folder: Path) -> Path:
    """Copy the tree but for what a machine makes in it."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*OWN), dirs_exist_ok=True)
    return folder


def module(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m ARGUMENTS` in the copy."""
    return _python(folder, "-m", *arguments)


def task(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `./inv ARGUMENTS` of the copy, without its set-up."""
    return _python(folder, "tasks.py", *arguments)


def _python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # This environment has the device wheel of the tree that the copy was made of.
    own = {**os.environ, "PYTHONPATH": str(folder / PACKAGE.relative_to(ROOT))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=own,
        capture_output=True,
        text=True,
        check=False,
    )


def add_release(folder: Path, after: str) -> str:
    """Add a row that follows the release `after` in its branch; return its L4T."""
    path = folder / targets.TABLE.relative_to(ROOT)
    text = path.read_text(encoding="utf-8")
    rows = tomllib.loads(text)["targets"]
    old = rows[after]
    major, minor, patch = map(int, after.split("."))
    new = next(
        f"{major}.{minor}.{n}" for n in range(patch + 1, 99) if f"{major}.{minor}.{n}" not in rows
    )
    values = {
        **old,
        "jetpack": f"{old['jetpack'].split()[0]}.9",
        "ngc_base": "",
        "ngc_fallback": old["ngc_base"] or old["ngc_fallback"],
    }
    block = f'\n[targets."{new}"]\n' + "".join(
        f"{k} = {json.dumps(v)}\n" for k, v in values.items()
    )
    start = text.index(f'[targets."{after}"]')
    end = text.find("\n[", start)
    at = len(text) if end < 0 else end
    path.write_text(f"{text[:at]}{block}{text[at:]}", encoding="utf-8")
    return new


def add_mediapipe(folder: Path) -> str:
    """Pin a MediaPipe after the newest, as if its wheels were those; return its version."""
    table = folder / wheels.TABLE.relative_to(ROOT)
    audits = folder / planned.TABLE.relative_to(ROOT)
    rows = tomllib.loads(table.read_text(encoding="utf-8"))["wheel"]
    old = rows[0]["version"]
    new = re.sub(r"\d+$", lambda m: str(int(m[0]) + 7), old)
    text = table.read_text(encoding="utf-8")
    pinned = json.loads(audits.read_text(encoding="utf-8"))
    blocks = ""
    for row in rows:
        if row["version"] == old:
            sha256 = row["sha256"][::-1]
            pinned[sha256] = pinned[row["sha256"]]
            values = {**row, "version": new, "sha256": sha256}
            values["filename"] = row["filename"].replace(f"-{old}-", f"-{new}-")
            lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
            blocks += f"[[wheel]]\n{lines}\n"
    text = text.replace("[[wheel]]\n", f"{blocks}[[wheel]]\n", 1)
    table.write_text(text, encoding="utf-8")
    audits.write_text(json.dumps(pinned, indent=1) + "\n", "utf-8")
    recipe = folder / repack_recipes.TABLE.relative_to(ROOT)
    recipes = recipe.read_text(encoding="utf-8")
    recipes = recipes.replace(f'versions = ["{old}"', f'versions = ["{new}", "{old}"')
    recipe.write_text(recipes, encoding="utf-8")
    for path in audits.with_name("records").glob(f"mediapipe-{old}-*.json"):
        body = json.loads(path.read_text(encoding="utf-8"))
        body["wheel"] = body["wheel"].replace(f"-{old}-", f"-{new}-")
        body["key"] = body["key"][::-1]
        name = path.name.replace(f"-{old}-", f"-{new}-")
        path.with_name(name).write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
    return str(new)
