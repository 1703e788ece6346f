"""Models without the operators that only outputs need which no one reads.

Pose's mask takes 3 of its 8 milliseconds. What is left computes the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mediapipe_jetson.backends.base import ModelError, SubModel
from mediapipe_jetson.solutions.graphs import cut
from mediapipe_jetson.tflite import model as tflite
from mediapipe_jetson.tflite.flat import DamagedError

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array, Backend, Session, TensorSpec

# An engine of TensorRT and a file for ONNX Runtime are of the whole model.
BACKENDS = ("litert",)


def load(backend: Backend, model: SubModel, unused: Sequence[int], threads: int) -> Session:
    """Load a model whose outputs at the positions `unused` are not read: they are zeros.

    Raises as `Backend.load`.
    """
    if not unused or backend.name not in BACKENDS:
        return backend.load(model, threads)
    try:
        every = tflite.specs(model.tflite)[1]
        part = _without(model.tflite, unused)
    except DamagedError as error:
        raise ModelError(f"{model.name} is damaged: {error}") from error
    session = backend.load(SubModel.of(model.name, part), threads)
    return PartSession(session, every, unused)


def _without(data: bytes, unused: Sequence[int]) -> bytes:
    graph = tflite.graph(data)
    tensors = graph.vector(tflite.OUTPUTS).tolist()
    outputs = [tensor for index, tensor in enumerate(tensors) if index not in unused]
    needed, left = set(outputs), []
    operators = graph.tables(tflite.OPERATORS)
    # They are in the order in which they run.
    for index in reversed(range(len(operators))):
        if needed.intersection(operators[index].vector(tflite.GIVES).tolist()):
            needed.update(operators[index].vector(tflite.TAKES).tolist())
            left.append((index, index + 1))
    return cut.part(data, left[::-1], outputs)


class PartSession:
    """A session of a part of a model, with the outputs of the whole."""

    def __init__(
        self, session: Session, every: Sequence[TensorSpec], unused: Sequence[int]
    ) -> None:
        """Take the part's session, and the outputs of the whole."""
        self.session = session
        self.inputs = session.inputs
        self.outputs = tuple(every)
        self.zeros = {index: np.zeros(every[index].shape, np.float32) for index in unused}

    @property
    def buffers(self) -> tuple[Array, ...]:
        """Return the session's own input arrays."""
        return self.session.buffers

    def run(self, arrays: Sequence[Array]) -> tuple[Array, ...]:
        """Run the part; what it leaves out is zeros."""
        result = iter(self.session.run(arrays))
        return tuple(
            self.zeros[index] if index in self.zeros else next(result)
            for index in range(len(self.outputs))
        )

    def close(self) -> None:
        """Free the session."""
        self.session.close()
