"""Draw what a command really prints as an SVG: python ci/picture.py docs/build.svg ./inv ..."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text


def main(out: Path, command: list[str]) -> int:
    """Run the command, keep its output in order, and draw it; return its exit code."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True
    )
    console = Console(record=True, width=88, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ {' '.join(command)}", style="bold green"))
    for line in done.stdout.splitlines():
        # An SVG viewer may drop leading spaces, but not these.
        body = line.rstrip()
        text = body.lstrip()
        console.print(Text("\u00a0" * (len(body) - len(text)) + text))
    out.write_text(console.export_svg(title=" ".join(command)), encoding="utf-8")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
