"""An ONNX graph while it is written: values in the orders and types that were asked for so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import helper

from jetson_kit.onnx_export import layout
from jetson_kit.onnx_export.errors import ModelDamagedError, ModelUnsupportedError
from jetson_kit.onnx_export.graph import Graph, Operator
from jetson_kit.onnx_export.layout import Order
from jetson_kit.onnx_export.options import Options
from jetson_kit.onnx_export.weights import HALF, ONNX_TYPES, Weights

FLOAT = "float32"


@dataclass(frozen=True)
class Form:
    """How a tensor lies in the ONNX graph."""

    order: Order
    dtype: str


@dataclass(frozen=True)
class Padded:
    """A tensor that is another one with zeros around it, not written unless someone needs it."""

    source: int
    pads: tuple[tuple[int, int], ...]
    """For each axis of TFLite: zeros before and behind."""


class Builder:
    """Collects nodes and initializers; handlers name tensors by their TFLite index."""

    def __init__(self, graph: Graph, options: Options) -> None:
        self.graph = graph
        self.options = options
        self.work = HALF if options.precision == "fp16" else FLOAT
        """The type in which convolutions and the like are computed."""
        self.nodes: list[Any] = []
        self.weights = Weights(self.unsupported)
        self.constants: dict[int, Any] = {
            tensor.index: tensor.data
            for tensor in graph.tensors
            if tensor.data is not None and tensor.sparsity is None
        }
        self.batched: set[int] = set()
        """Tensors whose first axis is the batch."""
        self.kept_batch: set[int] = set()
        """Tensors that TFLite has without the batch axis, and an open batch with it."""
        self.padded: dict[int, Padded] = {}
        self.operator: Operator | None = None
        self._forms: dict[int, dict[Form, str]] = {}
        self._count = 0

    # What handlers ask about tensors.

    def shape(self, index: int) -> tuple[int, ...]:
        """Return TFLite's shape of a tensor."""
        return self.graph.tensors[index].shape

    def is_constant(self, index: int) -> bool:
        """Return whether a tensor's values are known."""
        return index in self.constants

    def constant(self, index: int, what: str) -> Any:  # noqa: ANN401
        """Return a constant's values in TFLite's order; `what` names it where it is none."""
        if index not in self.constants:
            raise self.unsupported(f"its {what} is not constant")
        return self.constants[index]

    def integers(self, index: int, what: str) -> tuple[int, ...]:
        """Return a constant's whole numbers, flat."""
        constant = self.constant(index, what)
        if constant.dtype.kind not in "iu" or constant.size > 64:
            raise self.damaged(f"its {what} is no short list of whole numbers")
        return tuple(int(item) for item in constant.ravel())

    def form(self, index: int) -> Form:
        """Return the form in which a computed tensor lies there first."""
        if index in self.padded:
            return self.form(self.padded[index].source)
        if index not in self._forms:  # a constant that no DENSIFY has spread out
            raise self.unsupported("it reads a sparse constant as it is stored")
        return next(iter(self._forms[index]))

    def own(self, index: int) -> Order:
        """Return TFLite's order of a tensor, an open batch that TFLite has not before it."""
        return layout.same(len(self.shape(index)) + (index in self.kept_batch))

    def order(self, index: int) -> Order:
        """Return the order of axes in which a computed tensor lies there first."""
        return self.form(index).order

    # Values.

    def get(self, index: int, order: Order | None = None, dtype: str = "") -> str:
        """Return a value's name in an order (TFLite's own) and a type (the one that is there)."""
        if self.is_constant(index):
            array = self.constants[index]
            kind = dtype or (self.work if array.dtype.kind == "f" else str(array.dtype))
            return self.weight(np.transpose(array, order), kind)
        if index in self.padded:
            self._write_padding(index)
        requested = Form(order or self.own(index), dtype or self.form(index).dtype)
        forms = self._forms[index]
        if requested not in forms:
            there = next(
                (form for form in forms if form.order == requested.order), self.form(index)
            )
            name = forms[there]
            # Narrow before, widen after the move: fewer bytes to move.
            steps = ["cast", "move"] if requested.dtype == HALF else ["move", "cast"]
            for step in steps:
                if step == "cast" and there.dtype != requested.dtype:
                    name = self.node("Cast", [name], to=ONNX_TYPES[requested.dtype])
                    there = Form(there.order, requested.dtype)
                elif step == "move" and there.order != requested.order:
                    perm = layout.between(there.order, requested.order)
                    name = self.node("Transpose", [name], perm=perm)
                    there = Form(requested.order, there.dtype)
                forms.setdefault(there, name)
        return forms[requested]

    def flat(self, index: int, dtype: str = "") -> str:
        """Return a value whose elements lie in TFLite's sequence, its axes maybe in another."""
        there = self.form(index)
        own = self.own(index)
        still = layout.moves_nothing(
            self.shape(index), there.order, own, self.options.dynamic and index in self.batched
        )
        return self.get(index, there.order if still else own, dtype or there.dtype)

    def put(self, index: int, name: str, order: Order | None = None, dtype: str = "") -> None:
        """Say which value a tensor of TFLite is."""
        form = Form(order or self.own(index), dtype or self.work)
        self._forms[index] = {form: name}

    def put_constant(self, index: int, array: Any) -> None:  # noqa: ANN401
        """Say that a tensor is known; its shape must be the one that TFLite has for it."""
        if tuple(array.shape) != self.shape(index):
            raise self.damaged(f"it gives {list(array.shape)}, not {list(self.shape(index))}")
        self.constants[index] = array

    def alias(self, index: int, of: int, order: Order | None = None) -> None:
        """Say that a tensor is another one, maybe in an order of its own."""
        if self.is_constant(of):
            self.constants[index] = self.constants[of].reshape(self.shape(index))
            return
        name = self.get(of, self.order(of))
        self.put(index, name, order or self.order(of), self.form(of).dtype)

    def unpadded(self, index: int) -> tuple[int, tuple[tuple[int, int], ...]]:
        """Return what lies under zeros put around height and width, and how many there are."""
        if index not in self.padded:
            return index, ((0, 0),) * len(self.shape(index))
        return self.padded[index].source, self.padded[index].pads

    def _write_padding(self, index: int) -> None:
        padded = self.padded.pop(index)
        order, dtype = self.order(padded.source), self.form(padded.source).dtype
        name = self.pad(self.get(padded.source, order), padded.pads, order)
        self.put(index, name, order, dtype)

    def pad(self, name: str, pads: Sequence[tuple[int, int]], order: Order) -> str:
        """Write a Pad with zeros; `pads` has TFLite's axes."""
        begins = [pads[axis][0] for axis in order]
        ends = [pads[axis][1] for axis in order]
        return self.node("Pad", [name, self.whole([*begins, *ends])], mode="constant")

    # Nodes.

    def node(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:  # noqa: ANN401
        """Write a node of one output; return the output's name."""
        return self.nodes_out(kind, inputs, 1, **attributes)[0]

    def nodes_out(
        self,
        kind: str,
        inputs: Sequence[str],
        count: int,
        **attributes: Any,  # noqa: ANN401
    ) -> list[str]:
        """Write a node of several outputs; return their names."""
        names = [self.fresh() for _ in range(count)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names

    def rename(self, name: str, to: str) -> None:
        """Give a value another name, where it is made and wherever it is read."""
        for node in self.nodes:
            for names in (node.input, node.output):
                for place, item in enumerate(names):
                    if item == name:
                        names[place] = to
        for forms in self._forms.values():
            for form, item in forms.items():
                if item == name:
                    forms[form] = to

    def fresh(self) -> str:
        """Return a name that nothing has yet."""
        self._count += 1
        return f"v{self._count}"

    def weight(self, array: Any, dtype: str = "") -> str:  # noqa: ANN401
        """Write an initializer, by default in the type of the work; return its name."""
        return self.weights.add(array, dtype or self.work)

    def whole(self, numbers: Sequence[int]) -> str:
        """Write a list of whole numbers, as shapes and axes are."""
        return self.weight(np.asarray(numbers, dtype=np.int64), "int64")

    def reshape(self, name: str, index: int, to: Sequence[int] | None = None) -> str:
        """Write a Reshape to a tensor's own or another shape; an open batch stays open."""
        shape = list(self.shape(index) if to is None else to)
        if self.options.dynamic and index in self.batched:
            shape[0] = -1
        return self.node("Reshape", [name, self.whole(shape)])

    # Checks.

    def expect(self, index: int, shape: Sequence[int]) -> None:
        """Raise ModelDamagedError unless an operator gives what its output tensor says."""
        if tuple(shape) != self.shape(index):
            raise self.damaged(f"it gives {list(shape)}, not {list(self.shape(index))}")

    def arity(self, least: int, most: int | None = None, outputs: int = 1) -> None:
        """Raise ModelDamagedError unless the operator has so many inputs (and outputs)."""
        operator = self.operator
        assert operator is not None  # noqa: S101
        most = least if most is None else most
        given = operator.inputs
        if not least <= len(given) <= most or min(given[:least], default=0) < 0:
            raise self.damaged(f"it has {len(given)} inputs")
        if len(operator.outputs) != outputs:
            raise self.damaged(f"it has {len(operator.outputs)} outputs")

    def rank(self, index: int, axes: int) -> tuple[int, ...]:
        """Return a tensor's shape. Raises ModelDamagedError unless it has so many axes."""
        shape = self.shape(index)
        if len(shape) != axes:
            raise self.damaged(f"it has {list(shape)} where {axes} axes belong")
        return shape

    def axis(self, axis: int, rank: int) -> int:
        """Return an axis counted from the front. Raises ModelDamagedError."""
        if not -rank <= axis < rank:
            raise self.damaged(f"it names axis {axis} of {rank}")
        return axis % rank

    def damaged(self, what: str) -> ModelDamagedError:
        """Return an error that names the operator at hand, its tensor and the model."""
        return ModelDamagedError(self.graph.model, self._describe(what))

    def unsupported(self, what: str) -> ModelUnsupportedError:
        """Return an error that names the operator at hand, its tensor and the model."""
        return ModelUnsupportedError(self.graph.model, self._describe(what))

    def _describe(self, what: str) -> str:
        return f"{self.graph.label(self.operator)}: {what}" if self.operator else what


def count(shape: Sequence[int]) -> int:
    """Return how many elements a shape has."""
    return math.prod(shape)
