"""Which handler writes which operator."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache

from jetson_kit.onnx_export.builder import Builder
from jetson_kit.onnx_export.graph import Operator

Handler = Callable[[Builder, Operator], None]
FAMILIES = (
    "activation",
    "conv",
    "dense",
    "elementwise",
    "movement",
    "pool",
    "reduce",
    "resize",
    "unpack",
)
_handlers: dict[str, Handler] = {}


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Register a handler for operators, by the schema's names or a custom operator's own."""

    def keep(handler: Handler) -> Handler:
        for name in names:
            assert name not in _handlers, name  # noqa: S101
            _handlers[name] = handler
        return handler

    return keep


@cache
def handlers() -> dict[str, Handler]:
    """Return every operator's handler."""
    for family in FAMILIES:
        importlib.import_module(f"jetson_kit.onnx_export.ops.{family}")
    return dict(sorted(_handlers.items()))


def write(builder: Builder, operator: Operator) -> None:
    """Write one operator. Raises ModelUnsupportedError where it has no handler."""
    builder.operator = operator
    handler = handlers().get(operator.name)
    if handler is None:
        raise builder.unsupported("no handler knows this operator")
    handler(builder, operator)
    _follow_batch(builder, operator)


def _follow_batch(builder: Builder, operator: Operator) -> None:
    """Mark what still has the batch for its first axis."""
    if not builder.batched.intersection(operator.inputs):
        return
    for index in operator.outputs:
        if builder.is_constant(index) or index in builder.kept_batch:
            continue
        if builder.shape(index)[:1] == (1,):
            builder.batched.add(index)
        elif builder.options.dynamic:
            raise builder.unsupported("it loses the batch, which can't be left open")
