"""Keeps parentheses and blanks around an expression that is replaced."""

from __future__ import annotations

import libcst as cst

from mediapipe_jetson.migrate.forms import code


def fitted(
    original: cst.BaseExpression, new: cst.BaseExpression, before: str, behind: str
) -> cst.BaseExpression:
    """Return what replaces an expression, in the parentheses that it needs there.

    `before` and `behind` are the letters next to the old one: in `return(x)` there is no blank.
    """
    if original.lpar and not new.lpar:
        return new.with_changes(lpar=original.lpar, rpar=original.rpar)
    text = code(new)
    if (_word(before) and _word(text[:1])) or (_word(text[-1:]) and _word(behind)):
        lpar, rpar = [cst.LeftParen(), *new.lpar], [*new.rpar, cst.RightParen()]
        return new.with_changes(lpar=lpar, rpar=rpar)
    return new


def _word(letter: str) -> bool:
    """Return whether a letter may be part of a name, or of a text's prefix or quote."""
    return letter.isalnum() or letter in ("_", '"', "'")
