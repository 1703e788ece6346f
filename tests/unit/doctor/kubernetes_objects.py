"""Manifests with one pod as tests write them, and how their containers ask for a GPU."""

from __future__ import annotations

from pathlib import Path

from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor_scenes import plant

LIMITS = "resources: {limits: {nvidia.com/gpu: 1}}"
INSTALL = "pip install mediapipe==0.9.0"


def pod(
    spec: str = "", container: str = "", kind: str = "DaemonSet", image: str = "me/app:1"
) -> str:
    """Return a manifest whose pod has these lines of its own."""
    head = f"apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: camera}}\n"
    body = [spec, "containers:", "- name: app", f"  image: {image}", f"  {container}"]
    return f"{head}spec:\n  template:\n    spec:\n" + "".join(
        f"      {row}\n" for row in body if row.strip()
    )


def asks(tmp_path: Path, files: dict[str, str]) -> dict[str, str]:
    """Return how each container asks for a GPU, or what of it is not known."""
    scan = Scan(plant(tmp_path, files))
    assert not scan.unread, scan.unread
    return {item.name: item.asks or item.open for item in scan.services}
