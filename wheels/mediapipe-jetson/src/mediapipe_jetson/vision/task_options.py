"""MediaPipe's options of a task: made of fields by name, and refused as MediaPipe refuses them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from mediapipe_jetson.vision.errors import (
    OptionError,
    OptionRangeError,
    OptionTooLargeError,
    OptionTypeError,
)
from mediapipe_jetson.vision.results import Types

# MediaPipe's graphs count in 32 bits.
MOST = (1 << 31) - 1
MOST_WORDS = 60
BASE_FIELDS = ("model_asset_path", "model_asset_buffer", "delegate")


def make(types: Types, task: str, options: Any, fields: dict[str, Any]) -> Any:  # noqa: ANN401
    """Return MediaPipe's options object of a task, of another one or None and of fields by name.

    Raises OptionError.
    """
    kind = getattr(types.vision, f"{task}Options")
    try:
        if options is not None:
            return dataclasses.replace(options, **fields)
        given = {name: fields.pop(name) for name in BASE_FIELDS if name in fields}
        if given or "base_options" not in fields:
            fields["base_options"] = types.base_options(**given)
        return kind(**fields)
    except TypeError as error:
        raise OptionTypeError(f"{task}: {error}") from error


def check(types: Types, options: Any, count_field: str, score_fields: Sequence[str]) -> None:  # noqa: ANN401
    """Raise OptionError for options that MediaPipe refuses, or would misunderstand."""
    if not isinstance(options.running_mode, types.vision.RunningMode):
        raise OptionTypeError(f"running_mode is a RunningMode, not {_short(options.running_mode)}")
    live = options.running_mode == types.vision.RunningMode.LIVE_STREAM
    if live and options.result_callback is None:
        raise OptionError(
            "The vision task is in live stream mode, a user-defined result callback must be "
            "provided."
        )
    if not live and options.result_callback:
        raise OptionError(
            "The vision task is in image or video mode, a user-defined result callback should "
            "not be provided."
        )
    count = getattr(options, count_field)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST:
        kind = OptionRangeError if isinstance(count, int) else OptionTypeError
        raise kind(f"{count_field} is a whole number from 1 to {MOST}, not {_short(count)}")
    for name in score_fields:
        value = getattr(options, name)
        number = isinstance(value, (int, float))
        if not number or not 0 <= value <= 1:
            error = _score_error(value) if number else OptionTypeError
            raise error(f"{name} is a number from 0 to 1, not {_short(value)}")


def _score_error(value: float) -> type[OptionError]:
    try:
        float(value)
    except OverflowError:
        return OptionTooLargeError
    return OptionError


def _short(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes no whole number of thousands of digits
        return "that many"
    return text if len(text) <= MOST_WORDS else f"{text[:MOST_WORDS]}..."
