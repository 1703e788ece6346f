"""Damaged and foreign models: a typed error each time, in bounded time and memory.

A longer run: see tests/engines/fuzz.py. 20,000 seeds from 1,000,000 on were run once; what came of
them stands in docs/engines.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from jetson_kit.core.paths import ROOT
from jetson_kit.models import bundles as models
from jetson_kit.wheels import device_wheel
from tests.engines import fuzz

pytestmark = pytest.mark.engines

COUNT = 1500
PARTS = 3
"""Runs of COUNT / PARTS seeds, for as many cores."""


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_but_typed_errors(part: int) -> None:
    paths = models.fetch()
    count = COUNT // PARTS
    command = [sys.executable, "-m", fuzz.__name__, str(count), str(part * count)]
    done = subprocess.run(
        [*command, *(str(path) for path in paths)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, device_wheel.PACKAGE)))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]  # a crash of native code ends here
    facts = json.loads(done.stdout)
    assert facts["broken"] == []
    assert facts["mutations"] == count
    assert facts["peak_mib"] < 1024
