"""`report`: the devices' reports as one page."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from invoke.context import Context

from jetson_kit.command_line import kinds
from jetson_kit.command_line.options import MEBIBYTE, FileOrFolder, Integer, OutputFile, Text
from jetson_kit.core.text import counted
from jetson_kit.tasks.edge import kit_task


@kit_task(
    variadic="reports",
    options={
        "reports": FileOrFolder(64 * MEBIBYTE),
        "output": OutputFile(),
        "title": Text(),
        "expect": kinds.VERDICT,
        "serve": Integer(0, 65535),
    },
    auto_shortflags=False,
    help={
        "reports": "reports of `verify --json`, or folders of them (default: dist/reports)",
        "output": "the page to write (default: dist/report.html, in place of the one before)",
        "title": "its title",
        "expect": "gpu, software or cpu: what is expected of every device, whatever it says itself",
        "serve": "serve it to this machine's browser at this port (0: any), and write no file",
    },
)
def html(
    c: Context,
    reports: list[Path],
    output: Path | None = None,
    title: str = "Where inference runs",
    expect: str = "",
    serve: int | None = None,
) -> None:
    """Make one HTML page of a fleet's reports. Example: ./inv report.html dist/reports."""
    from jetson_kit import report
    from jetson_kit.core.errors import BadInputError

    del c
    if serve is not None:
        if output:
            raise BadInputError("--serve writes no file", "leave out --output")
        return report.serve_page(reports or [Path("dist/reports")], serve, title, expect)
    page = output or Path("dist/report.html")
    replaced = ", in place of the page before" if output is None and page.exists() else ""
    written = report.write(reports or [Path("dist/reports")], page, title, expect)
    counts = Counter(device.verdict for device in written.devices)
    listed = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    return print(
        f"{written.path}: {counted(len(written.devices), 'device')} ({listed}), "
        f"{written.size / 1e6:.1f} MB{replaced}"
    )
