"""One file of HTML: templates beside this module, a budget of bytes, and no way to the network."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import re
import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from jetson_kit.report import pictures, rows, values
from jetson_kit.report.head import Head

HERE = Path(__file__).parent
# Evidence beyond this is left out; the rows of a large fleet alone can take more.
BUDGET = 4_600_000
BRIEF, FULL, RAW = "brief", "full", "raw"
MISSES = 5


def environment() -> Environment:
    """Return the templates of pages, which take no value for markup."""
    result = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=values.shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    result.filters["spaced"] = lambda name: re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return result


def _report_command(device: rows.Device) -> str:
    return shlex.join(("./inv", "report.html", str(device.report.path)))


def page(
    devices: Sequence[rows.Device],
    title: str,
    now_s: float,
    *,
    alone: bool = False,
    head: Head | None = None,
    rest: Callable[[rows.Device], str] = _report_command,
) -> str:
    """Return the page; evidence that has no room in it is left out, and the page says so.

    `alone` is for the evidence of one board: it is open, and there is nothing to filter. `head` is
    the rollout that the devices were verified in; it may have verified none. `rest`
    returns the command or the place by which one has all that was left out of a device.
    """
    ordered = sorted(devices, key=lambda device: device.order)
    templates = environment()
    style = (HERE / "templates" / "page.css").read_text(encoding="utf-8")
    script = (HERE / "templates" / "page.js").read_text(encoding="utf-8")
    tasks = [name for name in rows.known_tasks() if any(name in device.tasks for device in ordered)]
    parts: Any = templates.get_template("device.html.j2").module
    heads = [ours(str(parts.device(device, tasks))) for device in ordered]
    frame = functools.partial(
        templates.get_template("page.html.j2").render,
        title=title,
        alone=alone,
        head=head,
        rest=rest,
        style=ours(style),
        script=ours(script),
        policy=policy(style, script),
        made=values.moment(now_s),
        made_s=round(now_s),
        counts=Counter(device.verdict for device in ordered),
        expected=sum(device.as_expected for device in ordered),
        unsound=sum(device.state != "sound" for device in ordered),
        verdicts=rows.VERDICTS,
        tasks=tasks,
        photos=pictures.photographs().values(),
    )
    tiers = {
        BRIEF: lambda item: str(parts.brief(item)),
        FULL: lambda item: str(parts.full(item)),
        RAW: lambda item: str(parts.raw(packed(item.raw))) if item.raw else "",
    }
    bare = [(device, head, "", "") for device, head in zip(ordered, heads, strict=True)]
    room = BUDGET - size(frame(rows=bare, left_out=len(ordered)))
    bodies, whole = _filled(ordered, tiers, room)
    filled = [
        (device, head, ours(evidence), ours(raw))
        for device, head, (evidence, raw) in zip(ordered, heads, bodies, strict=True)
    ]
    return frame(rows=filled, left_out=len(ordered) - len(whole))


def _filled(
    devices: Sequence[rows.Device], tiers: Mapping[str, Callable[[rows.Device], str]], room: int
) -> tuple[list[list[str]], set[int]]:
    """Return [evidence, raw] of each device, as much as there is room for, and which have all.

    First all get their judgements; then those that need a look most get what was observed and
    their documents whole.
    """
    result = [["", ""] for _ in devices]
    whole: set[int] = set()
    for steps in (((0, BRIEF),), ((0, FULL), (1, RAW))):
        misses = 0
        for number, device in enumerate(devices):
            for place, name in steps:
                text = tiers[name](device)
                more = size(text) - size(result[number][place])
                if more > room:
                    misses += 1
                    break
                result[number][place], room = text, room - more
                whole |= {number} if name == FULL else set()
            # What comes now is hardly shorter, and rendering it takes time.
            if misses >= MISSES:
                break
    return result, whole


def ours(text: str) -> Markup:
    """Return a text that is markup already."""
    return Markup(text)  # noqa: S704 # a file or an escaped template of this package


def size(text: str) -> int:
    """Return a text's bytes in the file."""
    return len(text.encode("utf-8", "replace"))


def policy(style: str, script: str) -> str:
    """Return the Content-Security-Policy: this page's own style and script, and nothing else."""
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, script)
    ]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def packed(text: str) -> str:
    """Return a text as base64 of gzip, the same for the same text."""
    content = text.encode("utf-8", "replace")
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()
