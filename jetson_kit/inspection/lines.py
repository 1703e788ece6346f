"""From what verify, doctor and status return for a board to its one line."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from jetson_kit import report
from jetson_kit.core.errors import KitError
from jetson_kit.core.text import plain
from jetson_kit.doctor.fleet import Examined
from jetson_kit.fleet import controller
from jetson_kit.fleet.rollout import journal, status
from jetson_kit.report import summary
from jetson_kit.report.summary import MOST_NAME, MOST_REASONS, Summary
from jetson_kit.verify.host_results import HostResult

WELL, ILL, DRIFTED = "well", "ill", "drifted"


def releases(inventory: Path) -> dict[str, str]:
    """Return the releases that this controller rolled out, by image id; damaged journals aside."""
    result = {}
    folder = controller.rollouts(controller.state_dir())
    for path in sorted(folder.glob("*.jsonl")):
        try:
            header = journal.read(path).header
        except KitError:
            continue
        if header["inventory"] == str(inventory.absolute()):
            row = header["release"]
            result[str(row["image_id"])] = plain(row.get("name"), MOST_NAME)
    return result


def verified(site: str, result: HostResult, folder: Path, names: Mapping[str, str]) -> Summary:
    """Return a board's line of verify: its report judged once, and what the tests found."""
    tests = tuple(plain(f"{case.test}: {case.why}") for case in result.failed)
    if result.report is None:
        reasons = tests or (plain(result.reason),)
        return Summary(
            summary.VERIFY, site, result.host, expected=result.expected,
            reasons=reasons[:MOST_REASONS], time_s=time.time(),
        )  # fmt: skip
    (device,) = report.devices([folder / result.report], expect=result.expected)
    line = summary.of_device(device, site)
    return replace(
        line,
        host=result.host,
        good=line.good and result.as_expected,
        reasons=tuple(dict.fromkeys((*line.reasons, *tests)))[:MOST_REASONS],
        release=names.get(line.image, ""),
    )


def examined(site: str, result: Examined, sha256: str, size: int) -> Summary:
    """Return a board's line of doctor: its causes and the first one's cure."""
    document = result.diagnosis.document if result.diagnosis else {}
    causes = tuple(map(plain, result.causes[:MOST_REASONS]))
    why = causes or ((plain(result.error),) if result.error else ())
    l4t = plain(document.get("l4t"), 60)
    return Summary(
        kind=summary.DOCTOR,
        site=site,
        host=result.host,
        verdict=summary.NONE if result.diagnosis is None else WELL if result.well else ILL,
        expected=WELL,
        good=result.well,
        state=summary.ABSENT if result.diagnosis is None else summary.SOUND,
        reasons=why,
        remedy=plain(result.cure) if result.diagnosis else "",
        versions={"l4t": l4t} if l4t else {},
        time_s=time.time(),
        evidence=sha256,
        bytes=size,
    )


def looked_at(
    site: str, row: status.Row, names: Mapping[str, str], now_s: float, sha256: str, size: int
) -> Summary:
    """Return a board's line of status: its image, and where the two views differ."""
    image = row.device.image_id if row.device else ""
    silent = row.device is None
    same = f"the same machine as {', '.join(row.same_machine)}" if row.same_machine else ""
    return Summary(
        kind=summary.STATUS,
        site=site,
        host=row.host,
        verdict=summary.NONE if silent else DRIFTED if row.drift else WELL,
        expected=WELL,
        good=not silent and not row.drift,
        state=summary.ABSENT if silent else summary.SOUND,
        reasons=tuple(plain(text) for text in (*row.drift, row.answer, same) if text)[
            :MOST_REASONS
        ],
        image=plain(image, MOST_NAME),
        release=names.get(image, ""),
        time_s=now_s,
        evidence=sha256,
        bytes=size,
        machine=row.device.machine if row.device else "",
    )
