"""One engine in TensorRT: its memory, its runs, its end.

TensorRT 8.2 knows bindings by number, from 8.5 on tensors have names, and from 10 on there is
nothing else; both ways are here.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional, Union

from mediapipe_jetson.backends import cuda
from mediapipe_jetson.backends.base import (
    BackendError,
    BackendUnavailableError,
    InferenceError,
    TensorSpec,
    check_inputs,
)
from mediapipe_jetson.backends.cuda import Cuda, CudaError, Memory, OutOfDeviceMemoryError
from mediapipe_jetson.engines.errors import RefusedEngineError
from mediapipe_jetson.engines.identity import VERSION_COMPATIBLE
from mediapipe_jetson.engines.manifest import Engine

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array

Messages = Union["deque[str]", "list[str]"]
EXCLUDE_LEAN_RUNTIME = "exclude-lean-runtime"
LAST_MESSAGES = 3
MEMORY_WORDS = ("out of memory", "outofmemory", "cudaerrormemoryallocation")


class Tried(NamedTuple):
    """What a session needs to know of an engine that is in no manifest yet."""

    path: str
    file: str
    flags: tuple[str, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True)
class _Tensor:
    """An input or output: what it is, and where it lies on the host and the device."""

    spec: TensorSpec
    host: Memory
    device: Memory
    array: Array

    @property
    def address(self) -> int:
        """Return the address that the GPU works on."""
        return self.host.mapped or self.device.address


class EngineSession:
    """An engine with its memory, allocated once.

    On a GPU with memory of its own the inputs go there and the outputs come back by page-locked
    memory; on a Jetson, whose GPU has the board's memory, it works on that memory itself.
    """

    def __init__(
        self,
        trt: Any,  # noqa: ANN401
        device: Cuda,
        engine: Union[Engine, Tried],
        plan: bytes,
    ) -> None:
        """Load a plan with TensorRT's module; the device is the session's from now on.

        Raises RefusedEngineError, BackendUnavailableError and OutOfDeviceMemoryError.
        """
        self._cuda = device
        self._messages: deque[str] = deque(maxlen=LAST_MESSAGES)
        self._held = contextlib.ExitStack()
        self._graph: Optional[cuda.Graph] = None
        self._closed = False
        self._runtime: Any = None
        self._engine: Any = None
        self._context: Any = None
        self._inputs: tuple[_Tensor, ...] = ()
        self._outputs: tuple[_Tensor, ...] = ()
        try:
            with device.active():
                self._open(trt, engine, plan)
        except InferenceError as error:
            self.close()
            if isinstance(error, OutOfDeviceMemoryError):
                raise
            if isinstance(error, CudaError):
                raise BackendUnavailableError(f"{engine.file}: {error}") from error
            raise RefusedEngineError(f"{engine.path}: {error}") from error
        except BaseException:
            self.close()
            raise

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Return what `run` takes."""
        return tuple(tensor.spec for tensor in self._inputs)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Return what `run` returns."""
        return tuple(output.spec for output in self._outputs)

    @property
    def buffers(self) -> tuple[Array, ...]:
        """Return page-locked arrays of the inputs."""
        return tuple(tensor.array for tensor in self._inputs)

    @property
    def graph(self) -> bool:
        """Tell whether a run is one launch of a CUDA graph."""
        return self._graph is not None

    def run(self, arrays: Sequence[Array]) -> tuple[Array, ...]:
        """Infer; see backends.base.Session. The outputs are overwritten by the next run."""
        if self._closed:
            raise InferenceError("the session is closed")
        check_inputs(self.inputs, arrays)
        for tensor, given in zip(self._inputs, arrays):  # noqa: B905 # Python 3.9
            if given is not tensor.array:
                tensor.array[...] = given
        with self._cuda.active():
            if self._graph:
                self._graph.launch()
            else:
                self._work()
            self._cuda.wait()
        return tuple(output.array for output in self._outputs)

    def close(self) -> None:
        """Free all; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._inputs = self._outputs = ()
        with contextlib.suppress(CudaError), self._cuda.active():
            if self._graph:
                self._graph.free()
            self._graph = None
            # TensorRT frees its own when the last reference goes: the context before the engine.
            self._enqueue: Callable[[], bool] = lambda: False
            self._context = self._engine = self._runtime = None
            self._held.close()
        self._cuda.close()

    def _open(self, trt: Any, engine: Union[Engine, Tried], plan: bytes) -> None:  # noqa: ANN401
        self._logger = logger(trt, self._messages)
        self._runtime = trt.Runtime(self._logger)
        if VERSION_COMPATIBLE in engine.flags and EXCLUDE_LEAN_RUNTIME not in engine.flags:
            # The engine brings code of its own; its hash is its manifest's.
            self._runtime.engine_host_code_allowed = True
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise self._refused(engine, "TensorRT does not take the engine")
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise self._refused(engine, "TensorRT can't make a context for it")
        names = _Named if hasattr(self._engine, "num_io_tensors") else _Numbered
        tensors = names(trt, self._engine)
        _agree(engine, tensors)
        # In the order of the manifest, which is TFLite's. What TensorRT found to be of no effect
        # is no input of its own; it is taken all the same.
        self._inputs = tuple(self._place(spec) for spec in engine.inputs)
        self._outputs = tuple(self._place(spec) for spec in engine.outputs)
        every = {tensor.spec.name: tensor.address for tensor in (*self._inputs, *self._outputs)}
        self._enqueue = tensors.enqueue(self._context, every, self._cuda.stream)
        # TensorRT wants one run before a graph is taken: what it does once must not be in it.
        self._work()
        self._cuda.wait()
        # Some engines can't be put into a graph; they run without.
        with contextlib.suppress(CudaError, InferenceError):
            self._graph = self._cuda.record(self._work)

    def _place(self, spec: TensorSpec) -> _Tensor:
        size = 4
        for length in spec.shape:
            size *= length
        own = not self._cuda.integrated
        host = self._keep(self._cuda.on_host(size, mapped=not own))
        device = self._keep(self._cuda.on_device(size)) if own else host
        return _Tensor(spec, host, device, cuda.array(host, spec.shape))

    def _keep(self, memory: Memory) -> Memory:
        self._held.callback(memory.free)
        return memory

    def _work(self) -> None:
        """Put one inference into the stream."""
        for tensor in self._inputs:
            if not tensor.host.mapped:
                self._cuda.to_device(tensor.device, tensor.host)
        if not self._enqueue():
            raise InferenceError(f"TensorRT did not run the engine: {self._describe_messages()}")
        for output in self._outputs:
            if not output.host.mapped:
                self._cuda.to_host(output.host, output.device)

    def _refused(self, engine: Union[Engine, Tried], what: str) -> BackendError:
        message = f"{engine.path}: {what}: {self._describe_messages()}"
        if any(word in message.lower() for word in MEMORY_WORDS):
            return OutOfDeviceMemoryError(message)
        return RefusedEngineError(message)

    def _describe_messages(self) -> str:
        return "; ".join(self._messages) or "it gives no reason"


def logger(trt: Any, messages: Messages) -> Any:  # noqa: ANN401
    """Return a logger that keeps TensorRT's last errors and prints nothing."""
    errors = (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR)

    def begin(self: Any) -> None:  # noqa: ANN401
        trt.ILogger.__init__(self)

    def log(_self: Any, severity: Any, message: str) -> None:  # noqa: ANN401
        if severity in errors:
            messages.append(" ".join(str(message).split()))

    return type("Logger", (trt.ILogger,), {"__init__": begin, "log": log})()


def _agree(engine: Union[Engine, Tried], tensors: Union[_Named, _Numbered]) -> None:
    """Raise RefusedEngineError unless an engine has the tensors that its manifest lists."""
    inputs = {tensor_spec.name: tensor_spec for tensor_spec in engine.inputs}
    outputs = {output.name: output for output in engine.outputs}
    strange = [
        tensor_spec for tensor_spec in tensors.inputs if inputs.get(tensor_spec.name) != tensor_spec
    ]
    strange += [output for output in tensors.outputs if outputs.get(output.name) != output]
    lacking = set(outputs) - {output.name for output in tensors.outputs}
    if strange or lacking:
        named = ", ".join(
            [
                *(f"{tensor_spec.name} of shape {tensor_spec.shape}" for tensor_spec in strange),
                *lacking,
            ]
        )
        raise RefusedEngineError(f"{engine.path}: its manifest and TensorRT disagree on {named}")


class _Named:
    """Tensors by name, as TensorRT has them from 8.5 on."""

    def __init__(self, trt: Any, engine: Any) -> None:  # noqa: ANN401
        names = [engine.get_tensor_name(number) for number in range(engine.num_io_tensors)]
        specs = [
            _spec(trt, name, engine.get_tensor_shape(name), engine.get_tensor_dtype(name))
            for name in names
        ]
        taken = trt.TensorIOMode.INPUT
        self.inputs = [spec for spec in specs if engine.get_tensor_mode(spec.name) == taken]
        self.outputs = [spec for spec in specs if engine.get_tensor_mode(spec.name) != taken]

    def enqueue(self, context: Any, addresses: dict[str, int], stream: int) -> Callable[[], bool]:  # noqa: ANN401
        """Return what puts a run into the stream; False if TensorRT will not."""
        for tensor_spec in (*self.inputs, *self.outputs):
            if not context.set_tensor_address(tensor_spec.name, addresses[tensor_spec.name]):
                raise InferenceError(f"TensorRT does not take an address for {tensor_spec.name}")
        return lambda: bool(context.execute_async_v3(stream))


class _Numbered:
    """Bindings by number, as TensorRT had them before 8.5."""

    def __init__(self, trt: Any, engine: Any) -> None:  # noqa: ANN401
        numbers = range(engine.num_bindings)
        specs = [
            _spec(
                trt,
                engine.get_binding_name(number),
                engine.get_binding_shape(number),
                engine.get_binding_dtype(number),
            )
            for number in numbers
        ]
        self._names = [spec.name for spec in specs]
        self.inputs = [specs[number] for number in numbers if engine.binding_is_input(number)]
        self.outputs = [specs[number] for number in numbers if not engine.binding_is_input(number)]

    def enqueue(self, context: Any, addresses: dict[str, int], stream: int) -> Callable[[], bool]:  # noqa: ANN401
        """Return what puts a run into the stream; False if TensorRT will not."""
        bindings = [addresses[name] for name in self._names]
        return lambda: bool(context.execute_async_v2(bindings, stream))


def _spec(trt: Any, name: str, shape: Any, kind: Any) -> TensorSpec:  # noqa: ANN401
    sizes = tuple(int(length) for length in shape)
    if kind != trt.DataType.FLOAT or any(length <= 0 for length in sizes):
        raise RefusedEngineError(
            f"tensor {name} is {kind} of shape {sizes}, not float32 of a fixed shape"
        )
    return TensorSpec(name, sizes)
