"""Runs programs beside each other, each with an end."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jetson_kit.ansible_driver.events import shortened


@dataclass(frozen=True)
class ProcessResult:
    """What a program answered; `code` None: it took too long."""

    code: int | None
    out: str
    err: str

    @property
    def reason(self) -> str:
        """Return the last thing that it said of its own failure."""
        lines = [line.strip() for line in (self.err.strip() or self.out).splitlines()]
        return shortened(next((line for line in reversed(lines) if line), "no reason given"))


def unless_stopped(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Print what no task was asked for, as loops do, but for a signal: that is everybody's."""
    if not isinstance(context.get("exception"), KeyboardInterrupt):
        loop.default_exception_handler(context)


async def run(command: Sequence[str], until: float) -> ProcessResult:
    """Run a program that ends with us, until a time of the running event loop."""
    leash = shutil.which("setpriv")
    command = [*([leash, "--pdeathsig", "TERM"] if leash else []), *command]
    # Files, not pipes: a connection that stays for later keeps what it was given.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=err,
            start_new_session=True,
        )  # fmt: skip
        code: int | None = None
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    code = await child.wait()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        out.seek(0)
        err.seek(0)
        text = [stream.read().decode("utf-8", "replace") for stream in (out, err)]
    return ProcessResult(code, *text)
