"""Work on an image while its last parts are still being made: it saves time and nothing else."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from docker.errors import DockerException

from jetson_kit.build import image_config
from jetson_kit.containers import image_load, oci
from jetson_kit.containers.image_load import PlainLayer
from jetson_kit.containers.oci import Blob
from jetson_kit.core import cached_files
from jetson_kit.core.errors import KitError

# Whatever else runs goes first: what is compressed is needed last.
NICENESS = 10
TOP = "rootfs.tar"
# What may go wrong here; where it matters it goes wrong again later, and is told there.
FAULTS = (KitError, DockerException, OSError)


@dataclass
class Ahead:
    """Compresses each layer that is there, and loads the lowest ones once all of them are."""

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
    _lower: list[PlainLayer] = field(default_factory=list)
    _loaded: Future[str] | None = None

    def layer(self, name: str, tar: Path) -> None:
        """Take a finished layer."""
        layer = PlainLayer(name, f"sha256:{cached_files.sha256(tar)}", tar)
        if self.compress:
            future = self._compressing.submit(oci.compressed, layer.diff_id, tar)
            self._blobs[layer.diff_id] = future
        order = image_config.order()
        if self.load and order.index(name) < order.index(TOP):
            self._lower.append(layer)
            self._lower.sort(key=lambda plain_layer: order.index(plain_layer.name))

    def lower_complete(self) -> None:
        """Begin to load: no more layers come below the system's."""
        if self._lower and self._loaded is None:
            self._loaded = self._loading.submit(image_load.part, self.arch, tuple(self._lower))

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
        if self._loaded is not None:
            with contextlib.suppress(*FAULTS):
                self._loaded.result()

    def close(self) -> None:
        """Drop what was not begun, and the image that only holds layers."""
        self._compressing.shutdown(cancel_futures=True)
        self._loading.shutdown(cancel_futures=True)
        if self._loaded is not None and not self._loaded.cancelled():
            with contextlib.suppress(*FAULTS):
                image_load.forget(self._loaded.result())


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
