"""What runs MediaPipe's sub-models: a backend loads one, a session runs it.

Nothing here imports numpy or a runtime: a device wheel without them still imports.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy as np

    Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class BackendError(RuntimeError):
    """A backend can't do what was asked; RuntimeError, as MediaPipe's own tasks raise."""


class BackendUnavailableError(BackendError):
    """The backend's libraries or device are not here, or not usable."""


class ModelError(BackendError):
    """The backend can't load this sub-model: damaged, foreign, or without a fitting file."""


class InferenceError(BackendError):
    """A loaded sub-model failed while it ran; the session is not to be used again."""


class InputError(ValueError):
    """What was passed to a session doesn't fit its inputs; the session lives on."""


class UnknownBackendError(ValueError):
    """There is no backend of this name."""


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a sub-model: NHWC as in TFLite, `dtype` by numpy's name."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class SubModel:
    """One .tflite of a bundle; its identity is the hash of its bytes, not its name.

    `twins` are the hashes of files with the same operators and weights: an ONNX file or an engine
    of one of them serves as well.
    """

    name: str
    sha256: str
    tflite: bytes
    twins: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, tflite: bytes) -> SubModel:
        """Return the sub-model with the hash (64 hex digits) of its bytes."""
        return cls(name, hashlib.sha256(tflite).hexdigest(), tflite)

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the hashes of the files that this one can be served by, its own first."""
        return (self.sha256, *self.twins)


class Session(Protocol):
    """A loaded sub-model. Not for two threads at once; sessions of one backend may run at once."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Return what `run` takes, in TFLite's order."""
        ...

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Return what `run` returns, in TFLite's order."""
        ...

    @property
    def buffers(self) -> tuple[Array, ...]:
        """Return the session's own input arrays, C-contiguous, of the shapes of `inputs`.

        Who writes into these and passes them to `run` saves a copy. They end with `close`.
        """
        ...

    def run(self, arrays: Sequence[Array]) -> tuple[Array, ...]:
        """Run the sub-model; take float32 arrays of the inputs' shapes, return the outputs.

        The outputs may be the session's own memory: the next `run` or `close` overwrites them.
        Raises InputError (the session lives on) and InferenceError.
        """
        ...

    def close(self) -> None:
        """Free what the session holds; a second call does nothing."""
        ...


class Backend(Protocol):
    """Loads sub-models. Making one is cheap and imports no runtime."""

    @property
    def name(self) -> str:
        """Return the name by which `backend=` asks for it."""
        ...

    def available(self) -> str:
        """Return "" if it can be used here, else in one line why not; never raise."""
        ...

    def load(self, sub_model: SubModel, threads: int) -> Session:
        """Load a sub-model for `threads` CPU threads (0: the backend's own choice).

        Raises BackendUnavailableError and ModelError.
        """
        ...


def check_inputs(inputs: Sequence[TensorSpec], arrays: Sequence[Array]) -> None:
    """Raise InputError unless arrays have the inputs' number, shapes and types."""
    if len(arrays) != len(inputs):
        raise InputError(f"{len(inputs)} inputs are wanted, {len(arrays)} were given")
    for spec, array in zip(inputs, arrays):  # noqa: B905 # Python 3.9
        if array.shape != spec.shape or array.dtype != spec.dtype:
            raise InputError(
                f"input {spec.name!r} is {spec.dtype} of shape {spec.shape}, "
                f"not {array.dtype} of shape {array.shape}"
            )
