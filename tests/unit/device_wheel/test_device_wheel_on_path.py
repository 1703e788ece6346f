"""The host side's Python has the device wheel from source, without any PYTHONPATH."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from jetson_kit.core.paths import ROOT
from jetson_kit.wheels.device_wheel import PACKAGE
from tests.support.here import not_here_if


@not_here_if(
    not Path(sys.prefix).is_relative_to(ROOT), "the environment is not this checkout's own"
)
def test_the_hosts_environment_has_the_source() -> None:
    environment = {name: os.environ[name] for name in os.environ if name != "PYTHONPATH"}
    command = [sys.executable, "-c", "import mediapipe_jetson; print(mediapipe_jetson.__file__)"]
    done = subprocess.run(
        command, cwd="/", env=environment, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).is_relative_to(PACKAGE)
