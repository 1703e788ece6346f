"""The little of CUDA that inference needs: device, memory, one stream, graphs.

By the driver's own API (package cuda-bindings), which every JetPack's libcuda.so.1 has; the
primary context is shared with TensorRT, which comes by CUDA's runtime. A handle of the bindings is
passed around as it is; addresses are plain integers.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from mediapipe_jetson.backends.base import BackendUnavailableError, InferenceError, ModelError

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array

PACKAGE = "cuda-bindings"
DEVICE_MAP = 2
"""CU_MEMHOSTALLOC_DEVICEMAP of cuda.h."""


class CudaMissingError(BackendUnavailableError):
    """No CUDA here: no bindings, no driver or no device."""


class CudaError(InferenceError):
    """A call of CUDA's failed."""


class OutOfDeviceMemoryError(CudaError, ModelError):
    """The GPU, whose memory is the board's on a Jetson, has too little left."""


def driver() -> Any:  # noqa: ANN401 # a module without types
    """Return the bindings' module of the driver's API. Raises CudaMissingError."""
    try:
        from cuda.bindings import driver as module  # noqa: PLC0415
    except ImportError as error:
        raise CudaMissingError(
            f"CUDA's Python bindings are not installed ({PACKAGE}): {error}"
        ) from error
    return module


@dataclass(frozen=True)
class Memory:
    """Bytes of the device or, page-locked, of the host, at an address.

    `mapped` is the address by which the device sees the host's; 0 where it does not.
    """

    address: int
    size: int
    free: Callable[[], None]
    mapped: int = 0


class Cuda:
    """The first device, its primary context, and a stream of our own.

    Not for two threads at once; `active` makes the context current in the calling thread.
    """

    def __init__(self) -> None:
        """Take the device. Raises CudaMissingError and OutOfDeviceMemoryError."""
        self._api = driver()
        try:
            self._call("cuInit", 0)
            if not self._call("cuDeviceGetCount"):
                raise CudaMissingError("CUDA's driver finds no device")
            self._device = self._call("cuDeviceGet", 0)
            self._context = self._call("cuDevicePrimaryCtxRetain", self._device)
        except OutOfDeviceMemoryError:
            raise
        except CudaError as error:
            raise CudaMissingError(f"CUDA's driver can't be used: {error}") from error
        # What loads libcuda.so.1 says in an error of its own that there is none.
        except RuntimeError as error:
            if isinstance(error, CudaMissingError):
                raise
            raise CudaMissingError(f"no CUDA driver: {' '.join(str(error).split())}") from error
        self._stream: Any = None
        self._closed = False

    @property
    def sm(self) -> str:
        """Return the compute capability, such as "8.7"."""
        major = self._attribute("COMPUTE_CAPABILITY_MAJOR")
        return f"{major}.{self._attribute('COMPUTE_CAPABILITY_MINOR')}"

    @property
    def integrated(self) -> bool:
        """Tell whether the GPU has no memory of its own, as on every Jetson."""
        return bool(self._attribute("INTEGRATED"))

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Make the context current for a block."""
        self._call("cuCtxPushCurrent", self._context)
        try:
            yield
        finally:
            self._call("cuCtxPopCurrent")

    @property
    def stream(self) -> int:
        """Return the stream, made when it is first asked for (a context must be current)."""
        if self._stream is None:
            flag = self._api.CUstream_flags.CU_STREAM_NON_BLOCKING
            self._stream = self._call("cuStreamCreate", int(flag))
        return int(self._stream)

    def on_device(self, size: int) -> Memory:
        """Return device memory. Raises OutOfDeviceMemoryError."""
        pointer = self._call("cuMemAlloc", size)
        return Memory(int(pointer), size, lambda: self._quiet("cuMemFree", pointer))

    def on_host(self, size: int, *, mapped: bool) -> Memory:
        """Return page-locked memory of the host; `mapped`: the device reads and writes it itself.

        Raises OutOfDeviceMemoryError.
        """
        pointer = self._call("cuMemHostAlloc", size, DEVICE_MAP if mapped else 0)

        def free() -> None:
            self._quiet("cuMemFreeHost", pointer)

        try:
            seen = int(self._call("cuMemHostGetDevicePointer", pointer, 0)) if mapped else 0
        except CudaError:
            free()
            raise
        return Memory(int(pointer), size, free, seen)

    def to_device(self, target: Memory, source: Memory) -> None:
        """Copy host to device, in the stream's order."""
        stream = self._handle()
        self._call("cuMemcpyHtoDAsync", target.address, source.address, target.size, stream)

    def to_host(self, target: Memory, source: Memory) -> None:
        """Copy device to host, in the stream's order."""
        stream = self._handle()
        self._call("cuMemcpyDtoHAsync", target.address, source.address, target.size, stream)

    def wait(self) -> None:
        """Wait until the stream has done all. Raises CudaError for what failed in it."""
        self._call("cuStreamSynchronize", self._handle())

    def record(self, work: Callable[[], None]) -> Graph:
        """Return what `work` puts into the stream as a graph. Raises CudaError if it can't be one.

        The stream is usable afterwards either way.
        """
        stream = self._handle()
        mode = self._api.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        self._call("cuStreamBeginCapture", stream, mode)
        try:
            work()
        except BaseException:
            with contextlib.suppress(CudaError):
                self._quiet("cuGraphDestroy", self._call("cuStreamEndCapture", stream))
            raise
        graph = self._call("cuStreamEndCapture", stream)
        try:
            # CUDA 11's bindings have the call with flags under another name.
            named = hasattr(self._api, "cuGraphInstantiateWithFlags")
            call = "cuGraphInstantiateWithFlags" if named else "cuGraphInstantiate"
            result = self._call(call, graph, 0)
        finally:
            self._quiet("cuGraphDestroy", graph)
        return Graph(
            lambda: self._call("cuGraphLaunch", result, stream),
            lambda: self._quiet("cuGraphExecDestroy", result),
        )

    def close(self) -> None:
        """Give the stream and the context back; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._stream is not None:
            with contextlib.suppress(CudaError), self.active():
                self._quiet("cuStreamDestroy", self._stream)
        self._quiet("cuDevicePrimaryCtxRelease", self._device)

    def _attribute(self, name: str) -> int:
        kind = getattr(self._api.CUdevice_attribute, f"CU_DEVICE_ATTRIBUTE_{name}")
        return int(self._call("cuDeviceGetAttribute", kind, self._device))

    def _handle(self) -> Any:  # noqa: ANN401
        self.stream  # noqa: B018 # makes it
        return self._stream

    def _call(self, name: str, *arguments: Any) -> Any:  # noqa: ANN401
        """Call the driver; return what it returns besides its code."""
        code, *rest = getattr(self._api, name)(*arguments)
        if int(code):
            word = getattr(code, "name", str(code))
            if word == "CUDA_ERROR_OUT_OF_MEMORY":
                raise OutOfDeviceMemoryError(f"{name}: the GPU is out of memory ({word})")
            raise CudaError(f"{name} failed: {word}")
        return rest[0] if rest else None

    def _quiet(self, name: str, *arguments: Any) -> None:  # noqa: ANN401
        """Free something; what fails then is the end of a context that is lost already."""
        with contextlib.suppress(CudaError):
            self._call(name, *arguments)


@dataclass(frozen=True)
class Graph:
    """Work that is put into the stream as a whole."""

    launch: Callable[[], None]
    free: Callable[[], None]


def array(memory: Memory, shape: tuple[int, ...]) -> Array:
    """Return page-locked host memory as a float32 array of this shape, without a copy."""
    import numpy as np  # noqa: PLC0415

    raw = (ctypes.c_float * (memory.size // 4)).from_address(memory.address)
    result: Array = np.frombuffer(raw, dtype=np.float32).reshape(shape)
    return result
