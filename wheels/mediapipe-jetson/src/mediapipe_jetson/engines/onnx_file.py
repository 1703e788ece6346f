"""Reads an ONNX file by the format itself (onnx/onnx.proto3), without the package onnx.

It tells what the graph takes and gives and which operators it is made of, and refuses what is no
whole graph: a truncated message, a tensor that nothing makes. It knows nothing else of this
package, as a virtual device's stand-in uses it alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Union

Value = Union[int, bytes]
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FLOAT = 1
MOST_NODES = 100_000


class NoOnnxError(ValueError):
    """The bytes are no ONNX model, or not a whole one."""


@dataclass(frozen=True)
class Tensor:
    """An input or output of the graph; a length that is not fixed is 0. `kind` is ONNX's number."""

    name: str
    kind: int
    shape: tuple[int, ...]


@dataclass
class Model:
    """What a file holds."""

    ir_version: int = 0
    opset: int = 0
    name: str = ""
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    operators: dict[str, int] = field(default_factory=dict)
    """Operator to the number of its nodes."""
    metadata: dict[str, str] = field(default_factory=dict)


def parse(raw: bytes) -> Model:
    """Return what an ONNX file holds. Raises NoOnnxError."""
    model = Model()
    graph = None
    for number, value in _fields(raw):
        if number == 1:
            model.ir_version = _int(value)
        elif number == 7:
            graph = _bytes(value)
        elif number == 8:
            result = dict(_fields(_bytes(value)))
            if not result.get(1):  # ONNX's own domain
                model.opset = _int(result.get(2, 0))
        elif number == 14:
            pair = dict(_fields(_bytes(value)))
            model.metadata[_text(pair.get(1, b""))] = _text(pair.get(2, b""))
    if graph is None or not model.ir_version:
        raise NoOnnxError("there is no ONNX graph in it")
    _graph(model, graph)
    return model


def _graph(model: Model, raw: bytes) -> None:
    """Read a graph and check that each tensor is made before it is used."""
    nodes: list[bytes] = []
    defined = {""}
    for number, value in _fields(raw):
        if number == 1:
            nodes.append(_bytes(value))
        elif number == 2:
            model.name = _text(value)
        elif number == 5:
            defined.add(_name(_bytes(value), 8))
        elif number == 11:
            model.inputs.append(_tensor(_bytes(value)))
        elif number == 12:
            model.outputs.append(_tensor(_bytes(value)))
    if len(nodes) > MOST_NODES:
        raise NoOnnxError(f"it has {len(nodes)} nodes")
    _nodes(model, nodes, defined | {tensor.name for tensor in model.inputs})
    if not nodes or not model.outputs:
        raise NoOnnxError("its graph is empty")


def _nodes(model: Model, nodes: list[bytes], defined: set[str]) -> None:
    """Count operators in order; `defined` are the tensors that exist before the first."""
    for node in nodes:
        taken, given, kind = _node(node)
        missing = [name for name in taken if name not in defined]
        if missing:
            raise NoOnnxError(f"nothing makes {missing[0]!r}, which a {kind} takes")
        defined |= set(given)
        model.operators[kind] = model.operators.get(kind, 0) + 1
    for output in model.outputs:
        if output.name not in defined:
            raise NoOnnxError(f"nothing makes the output {output.name!r}")


def _node(raw: bytes) -> tuple[list[str], list[str], str]:
    taken, given, kind = [], [], ""
    for number, value in _fields(raw):
        if number == 1:
            taken.append(_text(value))
        elif number == 2:
            given.append(_text(value))
        elif number == 4:
            kind = _text(value)
    return taken, given, kind


def _tensor(raw: bytes) -> Tensor:
    result = dict(_fields(raw))
    kind, shape = 0, []
    of = dict(_fields(_bytes(result.get(2, b""))))
    for number, value in _fields(_bytes(of.get(1, b""))):
        if number == 1:
            kind = _int(value)
        elif number == 2:
            for _, dimension in _fields(_bytes(value)):
                shape.append(_int(dict(_fields(_bytes(dimension))).get(1, 0)))
    return Tensor(_text(result.get(1, b"")), kind, tuple(shape))


def _name(raw: bytes, number: int) -> str:
    return next((_text(value) for field, value in _fields(raw) if field == number), "")


def _fields(raw: bytes) -> Iterator[tuple[int, Value]]:
    """Yield the fields of a protobuf message: number, and its integer or bytes."""
    at = 0
    while at < len(raw):
        key, at = _varint(raw, at)
        kind = key & 7
        value: Value
        if kind == VARINT:
            value, at = _varint(raw, at)
        elif kind == BYTES:
            size, at = _varint(raw, at)
            value = raw[at : at + size]
            if len(value) != size:
                raise NoOnnxError("it ends in the middle of a field")
            at += size
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
            value = raw[at : at + size]
            if len(value) != size:
                raise NoOnnxError("it ends in the middle of a number")
            at += size
        else:
            raise NoOnnxError(f"a field of the kind {kind} is in no ONNX file")
        yield key >> 3, value


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(raw) or shift > 63:
            raise NoOnnxError("a number in it has no end")
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _int(value: Value) -> int:
    if isinstance(value, int):
        return value
    raise NoOnnxError("a number is wanted where it has text")


def _bytes(value: Value) -> bytes:
    if isinstance(value, bytes):
        return value
    raise NoOnnxError("a message is wanted where it has a number")


def _text(value: Value) -> str:
    return _bytes(value).decode("utf-8", "replace")
