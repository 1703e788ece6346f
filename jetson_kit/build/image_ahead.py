"""Work on an image while its last parts are still being made: it saves time and nothing else."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from docker.errors import DockerException

from jetson_kit.containers import image_load, oci
from jetson_kit.containers.image_load import PlainLayer
from jetson_kit.containers.oci import Blob
from jetson_kit.core import cached_files
from jetson_kit.core.errors import KitError

# Whatever else runs goes first: what is compressed is needed last.
NICENESS = 10
# What may fail here; where it matters it fails again later, and is reported there.
FAULTS = (KitError, DockerException, OSError)


@dataclass
class Ahead:
    """Compresses each layer that is there, and loads those that were just made."""

    arch: str
    load: bool
    """Whether the engine takes an image in pieces."""
    compress: bool = True
    """Whether compressed layers will be asked for."""
    _compressing: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, initializer=_low_priority)
    )
    _loading: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    _blobs: dict[str, Future[Blob]] = field(default_factory=dict)
    _ready: list[PlainLayer] = field(default_factory=list)
    _there: int | None = None
    """How many of the layers the engine has; None before it was asked."""
    _parts: list[Future[str]] = field(default_factory=list)

    def layer(self, name: str, tar: Path) -> None:
        """Take a finished layer; they come in the order of the image, from the lowest up."""
        layer = PlainLayer(name, f"sha256:{cached_files.sha256(tar)}", tar)
        if self.compress:
            future = self._compressing.submit(oci.compressed, layer.diff_id, tar)
            self._blobs[layer.diff_id] = future
        self._ready.append(layer)
        # The engine has most layers that were made before; the whole load sends what it has not.
        if self.load and cached_files.made_now(tar):
            self._parts.append(self._loading.submit(self._load_ready))

    def _load_ready(self) -> str:
        """Load what has come since, as one image; return its id, "" where there is nothing more."""
        layers = tuple(self._ready)
        if any(part.done() and part.exception() for part in self._parts):
            return ""
        if self._there is None:
            self._there = image_load.shared(layers)
        if self._there == len(layers):
            return ""
        image = image_load.part(self.arch, layers, self._there)
        self._there = len(layers)
        return image

    def blob(self, layer: PlainLayer) -> Blob:
        """Return a layer compressed. Raises as oci.compressed."""
        future = self._blobs.get(layer.diff_id)
        if future is not None:
            # A tar that was damaged then has been made again since.
            with contextlib.suppress(*FAULTS):
                return future.result()
        return oci.compressed(layer.diff_id, layer.tar)

    def wait_for_load(self) -> None:
        """Wait until what is being loaded is there; whatever is wrong shows in the whole load."""
        for part in self._parts:
            with contextlib.suppress(*FAULTS):
                part.result()

    def loaded(self) -> tuple[str, ...]:
        """Return the digests of the layers that the engine has, once nothing more is loaded."""
        return tuple(layer.diff_id for layer in self._ready[: self._there or 0])

    def close(self) -> None:
        """Drop what was not begun, and the images that only hold layers."""
        self._compressing.shutdown(cancel_futures=True)
        self._loading.shutdown(cancel_futures=True)
        for part in self._parts:
            with contextlib.suppress(*FAULTS, CancelledError):
                image_load.forget(part.result())


@contextlib.contextmanager
def ahead(arch: str, *, load: bool, compress: bool = True) -> Iterator[Ahead]:
    """Yield an Ahead that is closed afterwards."""
    result = Ahead(arch, load, compress)
    try:
        yield result
    finally:
        result.close()


def _low_priority() -> None:
    # On Linux a thread has a priority of its own, and those that it starts have it too.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
