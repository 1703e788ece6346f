"""TensorRT on the fake GPU of fake_cuda.py, as far as we call it.

An "engine" is JSON: its tensors, and that every output is the sum of its inputs plus its number.
The names of all that is called are held against the real module by test_tensorrt_lean.py.
"""

from __future__ import annotations

import json
import sys
import types
from enum import IntEnum
from typing import Any

import numpy as np

from tests.engines.fake_cuda import Gpu, driver


def plan(inputs: dict[str, list[int]], outputs: dict[str, list[int]], kind: str = "FLOAT") -> bytes:
    """Return an engine that the fake TensorRT takes."""
    return json.dumps({"inputs": inputs, "outputs": outputs, "kind": kind}).encode()


class LogSeverity(IntEnum):
    INTERNAL_ERROR = 0
    ERROR = 1
    WARNING = 2


class ILogger:
    """What a logger must come from, and whose constructor it must call."""

    Severity = LogSeverity

    def __init__(self) -> None:
        self.ready = True

    def log(self, severity: LogSeverity, message: str) -> None:
        raise NotImplementedError


class DataType(IntEnum):
    FLOAT = 0
    HALF = 1


class TensorIOMode(IntEnum):
    NONE = 0
    INPUT = 1
    OUTPUT = 2


class _Context:
    def __init__(self, gpu: Gpu, engine: Any) -> None:
        self._gpu, self._engine = gpu, engine
        self.addresses: dict[str, int] = {}

    def _run(self) -> bool:
        body = self._engine.body
        given = dict(self.addresses)

        def work() -> None:
            total = sum(
                float(self._gpu.numbers(given[name], int(np.prod(shape))).sum())
                for name, shape in body["inputs"].items()
            )
            for number, (name, shape) in enumerate(body["outputs"].items()):
                self._gpu.numbers(given[name], int(np.prod(shape)))[:] = total + number

        self._gpu.put(work)
        return self._gpu.runs


class NamedContext(_Context):
    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return name in self._engine.names

    def execute_async_v3(self, stream_handle: int) -> bool:
        return self._run()


class NumberedContext(_Context):
    def execute_async_v2(self, bindings: list[int], stream_handle: int) -> bool:
        self.addresses = dict(zip(self._engine.names, bindings, strict=True))
        return self._run()


class _Engine:
    def __init__(self, gpu: Gpu, body: dict[str, Any]) -> None:
        self._gpu, self.body = gpu, body
        self.names = [*body["inputs"], *body["outputs"]]

    def _shape(self, name: str) -> list[int]:
        result: list[int] = {**self.body["inputs"], **self.body["outputs"]}[name]
        return result

    def _kind(self) -> DataType:
        return DataType[self.body["kind"]]


class NamedEngine(_Engine):
    @property
    def num_io_tensors(self) -> int:
        return len(self.names)

    def get_tensor_name(self, number: int) -> str:
        return str(self.names[number])

    def get_tensor_shape(self, name: str) -> list[int]:
        return self._shape(name)

    def get_tensor_dtype(self, name: str) -> DataType:
        return self._kind()

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        return TensorIOMode.INPUT if name in self.body["inputs"] else TensorIOMode.OUTPUT

    def create_execution_context(self) -> NamedContext:
        return NamedContext(self._gpu, self)


class NumberedEngine(_Engine):
    @property
    def num_bindings(self) -> int:
        return len(self.names)

    def get_binding_name(self, number: int) -> str:
        return str(self.names[number])

    def get_binding_shape(self, number: int) -> list[int]:
        return self._shape(self.names[number])

    def get_binding_dtype(self, number: int) -> DataType:
        return self._kind()

    def binding_is_input(self, number: int) -> bool:
        return self.names[number] in self.body["inputs"]

    def create_execution_context(self) -> NumberedContext:
        return NumberedContext(self._gpu, self)


def tensorrt(gpu: Gpu, version: str) -> types.ModuleType:
    """Return TensorRT's module; before 8.5 it has bindings by number."""
    module_type = types.ModuleType("tensorrt")
    numbered = [int(part) for part in version.split(".")[:2]] < [8, 5]

    class Runtime:
        engine_host_code_allowed = False

        def __init__(self, logger: ILogger) -> None:
            assert logger.ready, "the logger's own constructor was not called"
            self._logger = logger

        def deserialize_cuda_engine(self, raw: bytes) -> Any:
            try:
                body = json.loads(raw)
            except ValueError:
                self._logger.log(LogSeverity.ERROR, "the plan file is\ndamaged")
                return None
            if body.get("large"):
                self._logger.log(LogSeverity.ERROR, "Requested amount of GPU memory: out of memory")
                return None
            return (NumberedEngine if numbered else NamedEngine)(gpu, body)

    for item in (Runtime, ILogger, DataType, *(() if numbered else (TensorIOMode,))):
        setattr(module_type, item.__name__, item)
    module_type.__dict__["__version__"] = version
    return module_type


MODULES = ("tensorrt", "tensorrt_bindings", "tensorrt_lean", "tensorrt_lean_bindings")


def install(monkeypatch: Any, gpu: Gpu, version: str = "10.3.0", name: str = "tensorrt") -> None:
    """Put the fake modules where imports find them, and no real ones."""
    bindings = types.ModuleType("cuda.bindings")
    bindings.driver = driver(gpu)  # type: ignore[attr-defined]
    package = types.ModuleType("cuda")
    for key, value in {
        "cuda": package, "cuda.bindings": bindings, "cuda.bindings.driver": bindings.driver,
        **dict.fromkeys(MODULES),
        name: tensorrt(gpu, version),
    }.items():  # fmt: skip
        monkeypatch.setitem(sys.modules, key, value)
