"""TensorRT engines on a device: finding the one that fits, refusing the rest, building."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Run the command `engines`; return its exit code."""
    from mediapipe_jetson.engines import cli  # noqa: PLC0415 # the library needs no command line

    return cli.main(arguments)
