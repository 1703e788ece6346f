"""A start at a limit of file sizes, or on a full disk, spoils no later one."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.core.paths import ROOT


@pytest.mark.parametrize("limit", [4096, 8192, 100_000])
def test_no_modules_bytecode_stays_in_part(tmp_path: Path, limit: int) -> None:
    for name in ("jetson_kit", "wheels"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.pyc", "data", "tests")
        )
    shutil.copy(ROOT / "tasks.py", tmp_path)
    command = [sys.executable, "-c", "import jetson_kit.core.log, jetson_kit.command_line.program"]

    def start(limited: int | None = None) -> subprocess.CompletedProcess[str]:
        def prepare() -> None:
            if limited:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limited, limited))

        return subprocess.run(
            command, cwd=tmp_path, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
            preexec_fn=prepare, capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert (start(limit).returncode, start().stderr) == (0, "")
