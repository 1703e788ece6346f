"""A virtual device's own files."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest

from jetson_kit.containers.layers import LayerTar
from jetson_kit.virtual_devices import root


def modes(folder: Path, out: Path) -> dict[str, int]:
    with LayerTar(out) as layer:
        root._own_files(layer, folder, "")
    with tarfile.open(out) as tar:
        return {item.name: item.mode for item in tar if item.isfile()}


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o777])
def test_a_checkout_that_lost_the_modes_gives_the_same_root(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "own"
    shutil.copytree(root.OWN, folder)
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(mode)
    result = modes(folder, tmp_path / "a.tar")
    assert result == modes(root.OWN, tmp_path / "b.tar")
    assert result["usr/lib/mediapipe-jetson/zram-swap"] == 0o755
    assert result["etc/systemd/system/zram-swap.service"] == 0o644
