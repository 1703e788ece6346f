"""`migrate`: old Face Mesh code, rewritten to MediaPipe Tasks."""

from __future__ import annotations

from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line.options import FileOrFolder
from jetson_kit.tasks.edge import kit_task


@kit_task(
    options={"folder": FileOrFolder()},
    positional=["folder"],
    help={
        "folder": "a folder with mp.solutions code, or one program",
        "write": "write the files; without it a diff is printed and nothing is changed",
        "gpu": "let the new code ask for the GPU; mp.solutions ran on the CPU",
    },
)
def migrate(c: Context, folder: Path, write: bool = False, gpu: bool = False) -> None:
    """Rewrite mp.solutions code to MediaPipe Tasks. Example: ./inv migrate app/ --write."""
    from jetson_kit.app import migrate as rewriting

    del c
    done = rewriting.run(folder, write, gpu)
    print(done.text, end="")
    return done.check()
