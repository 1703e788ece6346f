"""The kit's files are the same bytes however they came here: by git's settings or an archive."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from jetson_kit.core.paths import ROOT
from tests.support.here import needs_parts

pytestmark = needs_parts("git")


def test_git_changes_no_end_of_line(tmp_path: Path) -> None:
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    origin.mkdir()
    for name in (".gitattributes", "inv", "LICENSE"):
        shutil.copyfile(ROOT / name, origin / name)
    who = ("-c", "user.name=x", "-c", "user.email=x@example.invalid")
    for arguments in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(origin), *arguments], check=True)
    eol = ("-c", "core.autocrlf=true", "-c", "core.eol=crlf")
    subprocess.run(["git", *eol, "clone", "-q", *eol, str(origin), str(clone)], check=True)
    for name in ("inv", "LICENSE"):
        assert (clone / name).read_bytes() == (ROOT / name).read_bytes()


def test_no_file_is_a_link() -> None:
    """Archives, and file systems without links, have its target's name in its place."""
    links = [
        Path(place, name)
        for top in ("ansible", "ci", "docker", "docs", "examples", "jetson_kit", "wheels")
        for place, folders, files in os.walk(ROOT / top)
        for name in (*folders, *files)
        if Path(place, name).is_symlink()
    ]
    assert not links
