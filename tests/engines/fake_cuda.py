"""A GPU of ctypes memory behind the API of cuda.bindings.driver, as far as we call it.

Work put into a stream is done when one waits for it, not before, as on a GPU. Device memory is
limited, contexts must be current, freed memory may not be used. The names of all that is called are
held against the real module by test_tensorrt_lean.py.
"""

from __future__ import annotations

import ctypes
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np

GIVES = {
    "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetAttribute", "cuDevicePrimaryCtxRetain",
    "cuCtxPopCurrent", "cuMemAlloc", "cuMemHostAlloc", "cuMemHostGetDevicePointer",
    "cuStreamCreate", "cuStreamEndCapture", "cuGraphInstantiate",
}  # fmt: skip


class CUresult(IntEnum):
    CUDA_SUCCESS = 0
    CUDA_ERROR_INVALID_VALUE = 1
    CUDA_ERROR_OUT_OF_MEMORY = 2
    CUDA_ERROR_NO_DEVICE = 100
    CUDA_ERROR_INVALID_CONTEXT = 201
    CUDA_ERROR_ILLEGAL_ADDRESS = 700
    CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED = 900


class CUdevice_attribute(IntEnum):  # noqa: N801 # its real name
    CU_DEVICE_ATTRIBUTE_INTEGRATED = 18
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76


class CUstream_flags(IntEnum):  # noqa: N801
    CU_STREAM_DEFAULT = 0
    CU_STREAM_NON_BLOCKING = 1


class CUstreamCaptureMode(IntEnum):
    CU_STREAM_CAPTURE_MODE_GLOBAL = 0
    CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1


@dataclass
class Gpu:
    """What the fake modules work on, and what a test looks at."""

    integrated: bool = False
    capability: tuple[int, int] = (8, 7)
    devices: int = 1
    room: int = 1 << 30
    captures: bool = True
    runs: bool = True
    memory: dict[int, Any] = field(default_factory=dict)
    mapped: set[int] = field(default_factory=set)
    contexts: list[int] = field(default_factory=list)
    retained: int = 0
    queue: list[Callable[[], None]] = field(default_factory=list)
    capturing: list[Callable[[], None]] | None = None
    streams: int = 0
    graphs: int = 0
    calls: list[str] = field(default_factory=list)

    def put(self, work: Callable[[], None]) -> None:
        (self.queue if self.capturing is None else self.capturing).append(work)

    def numbers(self, address: int, count: int) -> Any:
        """Return memory as float32; an address that is not allocated is an error."""
        block = self.memory[address]
        return np.frombuffer(block, dtype=np.float32, count=count)


def driver(gpu: Gpu) -> types.ModuleType:  # noqa: PLR0915 # one function a call
    """Return the module cuda.bindings.driver."""
    module = types.ModuleType("cuda.bindings.driver")
    ok = CUresult.CUDA_SUCCESS

    def void(_: object) -> None:
        """Drop what a call returns."""

    def call(body: Callable[..., Any]) -> None:
        def inner(*arguments: Any) -> tuple[Any, ...]:
            gpu.calls.append(body.__name__)
            answer = body(*arguments)
            if isinstance(answer, CUresult):
                return (answer, None) if body.__name__ in GIVES else (answer,)
            return (ok, answer) if body.__name__ in GIVES else (ok,)

        setattr(module, body.__name__, inner)

    def current(body: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*arguments: Any) -> Any:
            return body(*arguments) if gpu.contexts else CUresult.CUDA_ERROR_INVALID_CONTEXT

        inner.__name__ = body.__name__
        return inner

    def cuInit(flags: int) -> Any:  # noqa: N802
        return CUresult.CUDA_ERROR_NO_DEVICE if gpu.devices < 0 else None

    def cuDeviceGetCount() -> Any:  # noqa: N802
        return gpu.devices

    def cuDeviceGet(number: int) -> Any:  # noqa: N802
        return number

    def cuDeviceGetAttribute(kind: Any, device: int) -> Any:  # noqa: N802
        names = {18: int(gpu.integrated), 75: gpu.capability[0], 76: gpu.capability[1]}
        return names[int(kind)]

    def cuDevicePrimaryCtxRetain(device: int) -> Any:  # noqa: N802
        gpu.retained += 1
        return 7

    def cuDevicePrimaryCtxRelease(device: int) -> Any:  # noqa: N802
        gpu.retained -= 1

    def cuCtxPushCurrent(context: int) -> Any:  # noqa: N802
        gpu.contexts.append(context)

    def cuCtxPopCurrent() -> Any:  # noqa: N802
        return gpu.contexts.pop()

    def allocate(size: int) -> Any:
        if size <= 0:
            return CUresult.CUDA_ERROR_INVALID_VALUE
        if sum(len(item) for item in gpu.memory.values()) + size > gpu.room:
            return CUresult.CUDA_ERROR_OUT_OF_MEMORY
        block = (ctypes.c_char * size)()
        gpu.memory[ctypes.addressof(block)] = block
        return ctypes.addressof(block)

    @current
    def cuMemAlloc(size: int) -> Any:  # noqa: N802
        return allocate(size)

    @current
    def cuMemHostAlloc(size: int, flags: int) -> Any:  # noqa: N802
        answer = allocate(size)
        if not isinstance(answer, CUresult) and flags & 2:
            gpu.mapped.add(answer)
        return answer

    @current
    def cuMemHostGetDevicePointer(pointer: int, flags: int) -> Any:  # noqa: N802
        return pointer if pointer in gpu.mapped else CUresult.CUDA_ERROR_INVALID_VALUE

    def cuMemFree(pointer: int) -> Any:  # noqa: N802
        del gpu.memory[pointer]

    def cuMemFreeHost(pointer: int) -> Any:  # noqa: N802
        del gpu.memory[pointer]

    def copy(target: int, source: int, size: int) -> Any:
        if not {target, source} <= set(gpu.memory):
            return CUresult.CUDA_ERROR_ILLEGAL_ADDRESS
        gpu.put(lambda: void(ctypes.memmove(target, source, size)))
        return None

    @current
    def cuMemcpyHtoDAsync(target: int, source: int, size: int, stream: Any) -> Any:  # noqa: N802
        return copy(target, source, size)

    @current
    def cuMemcpyDtoHAsync(target: int, source: int, size: int, stream: Any) -> Any:  # noqa: N802
        return copy(target, source, size)

    @current
    def cuStreamCreate(flags: int) -> Any:  # noqa: N802
        gpu.streams += 1
        return 99

    def cuStreamDestroy(stream: Any) -> Any:  # noqa: N802
        gpu.streams -= 1

    @current
    def cuStreamSynchronize(stream: Any) -> Any:  # noqa: N802
        if gpu.capturing is not None:
            return CUresult.CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED
        while gpu.queue:
            gpu.queue.pop(0)()
        return None

    def cuStreamBeginCapture(stream: Any, mode: Any) -> Any:  # noqa: N802
        if not gpu.captures:
            return CUresult.CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED
        gpu.capturing = []
        return None

    def cuStreamEndCapture(stream: Any) -> Any:  # noqa: N802
        result, gpu.capturing = gpu.capturing, None
        return result

    def cuGraphInstantiate(graph: Any, flags: int) -> Any:  # noqa: N802
        gpu.graphs += 1
        return list(graph)

    def cuGraphDestroy(graph: Any) -> Any:  # noqa: N802
        graph.clear()

    def cuGraphLaunch(graph: Any, stream: Any) -> Any:  # noqa: N802
        gpu.queue += graph

    def cuGraphExecDestroy(graph: Any) -> Any:  # noqa: N802
        gpu.graphs -= 1

    for body in [
        item for item in locals().values() if callable(item) and item.__name__[:2] == "cu"
    ]:
        if body is not current:
            call(body)
    for cuda_type in (CUresult, CUdevice_attribute, CUstream_flags, CUstreamCaptureMode):
        setattr(module, cuda_type.__name__, cuda_type)
    return module
