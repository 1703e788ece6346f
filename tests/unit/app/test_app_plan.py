"""A plan with an application: its requirements and wheels are judged before anything is fetched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.core.paths import ROOT

HASH = "a" * 63


@pytest.mark.parametrize(
    ("requirements", "code", "words"),
    [
        ("num py\n", 2, "line 1 is no requirement"),
        ("numpy\nscipy==1.0 --hash=sha256:{HASH}\n", 2, "line 2: the hash"),
        ("./gone\n", 2, "gone is not there"),
        ("-r more.txt\n", 2, "more.txt is not there"),
        ("--upgrade numpy\n", 2, "is no option of a requirements file"),
        ("mine\n", 5, "mine-1.0-py3-none-any.whl is no wheel"),
    ],
)
def test_what_no_build_takes_is_refused(
    tmp_path: Path, requirements: str, code: int, words: str
) -> None:
    (tmp_path / "app.py").touch()
    (tmp_path / "requirements.txt").write_text(requirements.format(HASH=HASH))
    if code == 5:
        (tmp_path / "wheels").mkdir()
        (tmp_path / "wheels" / "mine-1.0-py3-none-any.whl").write_text("nothing")
    # No proxy answers there: what asks the network fails otherwise.
    offline = dict.fromkeys(("http_proxy", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "tasks.py", "build", "--jetson", "--plan", "--app", tmp_path],
        cwd=ROOT,
        env={**os.environ, **offline},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
