"""What is installed: Python and the packages that inference stands on."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
import sys
from pathlib import Path
from typing import Optional

NAMES = (
    "mediapipe-jetson",
    "mediapipe",
    "numpy",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
    "opencv-python",
    "opencv-python-headless",
)


@dataclasses.dataclass(frozen=True)
class Packages:
    """Python and the versions of `NAMES`; None is not installed."""

    python: str
    implementation: str
    executable: str
    versions: dict[str, Optional[str]]

    def lines(self) -> tuple[str, ...]:
        """Return what a person reads."""
        result = [f"{self.implementation} {self.python} ({self.executable})"]
        for name, version in self.versions.items():
            if version or not name.startswith("opencv"):
                result.append(f"{name} {version or 'absent'}")
        if not any(self.versions[name] for name in NAMES if name.startswith("opencv")):
            result.append("opencv absent")
        return tuple(result)


def version(name: str) -> Optional[str]:
    """Return an installed distribution's version; None where there is none or it is torn."""
    try:
        value: Optional[str] = importlib.metadata.version(name)
    except (importlib.metadata.PackageNotFoundError, KeyError):
        return None
    return value


def read(_root: Path = Path("/")) -> Packages:
    """Read what this very Python can import."""
    return Packages(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        executable=sys.executable,
        versions={name: version(name) for name in NAMES},
    )
