"""`verify.bundle`: what proves a PC or a board, offline, before anything is installed there."""

from __future__ import annotations

import json as json_format
from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import Choice, Integer, OutputFolder
from jetson_kit.tasks.edge import kit_task


@kit_task(
    auto_shortflags=False,
    iterable=["python"],
    options={
        "arch": Choice("x86_64", "aarch64"),
        "output": OutputFolder(),
        "python": kinds.PYTHON,
        "part_size": Integer(0, 100_000),
    },
    help={
        "arch": "x86_64 or aarch64 (default: this machine's)",
        "output": "folder to write (default: dist/verify-ARCH)",
        "python": "only for this Python, such as 3.10; may be repeated (default: 3.9 to 3.14)",
        "part-size": "most MB of a file (default: 60); 0 writes one file",
        "tensorrt": "with TensorRT-RTX for a PC's card, in parts of its own (x86_64)",
        "json": "print what was written as JSON",
    },
)
def bundle(
    c: Context,
    arch: str = "",
    output: Path | None = None,
    python: list[str] | None = None,
    part_size: int = 60,
    tensorrt: bool = False,
    json: bool = False,
) -> None:
    """Write what proves a PC or board offline. Example: ./inv verify.bundle --arch aarch64."""
    from jetson_kit.bundle import build, view
    from jetson_kit.core.progress import Progress

    del c
    request = build.Request(arch, str(output or ""), tuple(python or ()), part_size, tensorrt)
    written = build.build(request, Progress())
    if json:
        print(json_format.dumps(view.as_json(written), indent=1))
    else:
        view.show(written)
