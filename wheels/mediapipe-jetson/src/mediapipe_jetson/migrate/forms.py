"""Expressions as LibCST has them: how one is written, made, and what form it has."""

from __future__ import annotations

from typing import Union

import libcst as cst

BARE = cst.Module([])
# What an attribute, an index or a slice may follow as it is.
PRIMARY = (
    *(cst.Name, cst.Attribute, cst.Subscript, cst.Call, cst.List, cst.Dict, cst.Set),
    *(cst.ListComp, cst.DictComp, cst.SetComp, cst.SimpleString, cst.FormattedString),
)


def code(node: cst.CSTNode) -> str:
    """Return a node as it is written."""
    return BARE.code_for_node(node)


def call(name: str, *arguments: cst.BaseExpression) -> cst.Call:
    """Return a call of a function by its name."""
    return cst.Call(cst.Name(name), [cst.Arg(argument) for argument in arguments])


def attribute(value: cst.BaseExpression, *names: str) -> cst.BaseExpression:
    """Return an attribute of an attribute ... of a value."""
    value = primary(value)
    for name in names:
        value = cst.Attribute(value, cst.Name(name))
    return value


def first(value: cst.BaseExpression) -> cst.Subscript:
    """Return the item 0 of a value."""
    return cst.Subscript(primary(value), [cst.SubscriptElement(cst.Index(cst.Integer("0")))])


def primary(value: cst.BaseExpression) -> cst.BaseExpression:
    """Return an expression with the parentheses it needs before a dot, a bracket or an operator."""
    if value.lpar or isinstance(value, PRIMARY):
        return value
    return value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def simple(node: Union[cst.BaseExpression, cst.BaseAssignTargetExpression]) -> bool:
    """Return whether an expression may be evaluated twice."""
    if isinstance(node, cst.Attribute):
        return simple(node.value)
    if isinstance(node, cst.Subscript):
        plain = all(
            isinstance(item.slice, cst.Index)
            and isinstance(item.slice.value, (cst.Integer, cst.SimpleString, cst.Name))
            for item in node.slice
        )
        return plain and simple(node.value)
    return isinstance(node, cst.Name)


def is_none(node: cst.BaseExpression) -> bool:
    """Return whether an expression is None."""
    return isinstance(node, cst.Name) and node.value == "None"


def compared_with_none(node: cst.Comparison) -> cst.BaseExpression:
    """Return what is compared with None, on either side."""
    return node.comparisons[0].comparator if is_none(node.left) else node.left


def several(target: cst.AssignTarget) -> bool:
    """Return whether an assignment is to several names at once."""
    return isinstance(target.target, (cst.Tuple, cst.List))


def next_of(value: cst.BaseExpression) -> cst.Call:
    """Return an expression for a list's first item, None for an empty list."""
    return call("next", call("iter", value), cst.Name("None"))


def or_none(value: cst.BaseExpression, *, bare: bool) -> cst.BooleanOperation:
    """Return an expression that is None for an empty list; `bare` leaves parentheses out."""
    whole = cst.BooleanOperation(value, cst.Or(), cst.Name("None"))
    if bare:
        return whole
    return whole.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
