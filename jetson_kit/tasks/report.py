"""`report`: the devices' reports as one page."""

from __future__ import annotations

from collections import Counter

from invoke.context import Context

from jetson_kit.tasks.edge import kit_task


@kit_task(
    variadic="reports",
    auto_shortflags=False,
    help={
        "reports": "reports of `verify --json`, or folders of them (default: dist/reports)",
        "output": "the page to write",
        "title": "its title",
        "expect": "gpu, software or cpu: what is expected of every device, whatever it says itself",
    },
)
def html(
    c: Context,
    reports: list[str],
    output: str = "dist/report.html",
    title: str = "Where inference runs",
    expect: str = "",
) -> None:
    """Make one HTML page of a fleet's reports. Example: ./inv report.html dist/reports."""
    from pathlib import Path

    from jetson_kit import report

    del c
    places = [Path(word) for word in reports] or [Path("dist/reports")]
    made = report.write(places, Path(output), title, expect)
    counts = Counter(one.verdict for one in made.devices)
    listed = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    print(f"{made.path}: {len(made.devices)} devices ({listed}), {made.size / 1e6:.1f} MB")
