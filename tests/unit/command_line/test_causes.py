"""A wrong value is named as what it is, not as another fault that it leads to."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from jetson_kit.core.paths import ROOT

CHANNEL = ("fleet.channel", "channel", "--renew", "--collector", "https://collector.invalid:1/")


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "cause"),
    [
        (("sites.down", "-i", "README.md"), {}, 2, "README.md is no file of sites"),
        ((*CHANNEL, "--collector-ca", "README.md"), {}, 2, "README.md is no certificate"),
        (
            ("emulate", "mediapipe-jetson:none", "--", "true"),
            {"DOCKER_HOST": "tcp://127.0.0.1:1"},
            3,
            "no Docker Engine answers at DOCKER_HOST=tcp://127.0.0.1:1",
        ),
    ],
)
def test_the_cause_is_named(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], code: int, cause: str
) -> None:
    (tmp_path / "README.md").write_bytes((ROOT / "README.md").read_bytes())
    own = {"KIT_STATE": str(tmp_path / "state"), "INV_NO_INSTALL": "1", **environment}
    done = subprocess.run(
        [ROOT / "inv", *arguments],
        cwd=tmp_path,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {cause}")
