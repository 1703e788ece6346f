"""The seed: a tar of what is put over a device's root before its first boot."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from jetson_kit.containers.layers import LayerTar
from jetson_kit.core.files import written_aside
from jetson_kit.virtual_devices.spec import File


def write(files: Iterable[File], out: Path) -> Path:
    """Write `files`, of which the first of a path counts, as a tar; return its path."""
    with written_aside(out) as aside, LayerTar(aside) as tar:
        for file in files:
            name = file.path.strip("/")
            if file.link:
                tar.link(name, file.link)
            else:
                tar.data(name, file.content, file.mode)
    return out
