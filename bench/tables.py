"""The tables that show bench/*.json to a reader, one function each.

A package of a benchmark has its own: bench.translate.page and the like.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]
# What bench.build does after the first build.
AGAIN = {
    "one_file": "the whole command after one Python file changed",
    "one_file_no_start": "the same without the inference",
    "one_file_image": "the same without archive and bill of materials: the image in the engine",
    "nothing_changed": "when nothing changed",
}
# What bench.live serves, beside nothing.
LIVE = {
    "scraped_every_15_s": "metrics, scraped every 15 s",
    "scraped_every_second": "metrics, scraped every second",
    "nobody_looks": "the page, nobody looks",
    "one_looks": "the page, one looks",
}


def _table(rows: list[tuple[str, str]], head: tuple[str, str]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|"]
    return "\n".join(lines + [f"| {name} | {value} |" for name, value in rows])


def build(facts: Facts) -> str:
    """Return the table of bench.build: medians, and from the least to the most."""
    seconds = facts["seconds"]

    def spread(name: str, digits: int = 1) -> str:
        values = sorted(seconds[name])
        middle = f"{statistics.median(values):.{digits}f} s"
        if len(values) == 1:
            return middle
        return f"{middle} ({values[0]:.{digits}f} to {values[-1]:.{digits}f})"

    low, high = facts["ratio_spread"]
    rows = [
        ("from nothing to the image in the engine", spread("image")),
        (
            "the plain Dockerfile under emulation, its base there already",
            spread("rival_dockerfile", 0),
        ),
        ("ratio", f"**{facts['ratio']:.0f}x** ({low:.0f}x to {high:.0f}x)"),
        ("that base, by mmdebstrap under emulation", spread("rival_base", 0)),
        (
            "the whole command from nothing: image, archive, bill of materials, one inference",
            spread("command"),
        ),
        *((label, spread(name)) for name, label in AGAIN.items() if name in seconds),
        ("image unpacked", f"{facts['unpacked_mb']:.0f} MB"),
        ("OCI archive, zstd", f"{facts['archive_mb']:.0f} MB"),
    ]
    busy = "" if facts["quiet"] else f" busy with other work (load {facts['load_at_start']:.1f})"
    head = f"on {facts['cores']} x86 cores{busy}, median of {len(seconds['command'])} runs"
    return _table(rows, ("`./inv bench.build`", head))


def import_time(facts: Facts) -> str:
    """Return the table of bench.import."""
    official, ours = facts["official"], facts["jetson"]
    rows = [
        ("`import mediapipe`, official wheel", f"{official['import_ms']:.0f} ms"),
        ("`import mediapipe`, MediaPipe-Jetson wheel", f"{ours['import_ms']:.0f} ms"),
        ("ratio", f"**{facts['time_ratio']:.1f}x**"),
        (
            "installed with what it asks for",
            f"{official['installed_mb']:.0f} MB in {official['packages']} packages, ours "
            f"{ours['installed_mb']:.0f} MB in {ours['packages']}",
        ),
    ]
    return _table(rows, ("`./inv bench.import`", f"{facts['version']} on x86"))


def devices(facts: Facts) -> str:
    """Return the table of bench.devices."""
    names = {
        "container": "container",
        "vm_amd64": "QEMU machine, amd64",
        "vm_arm64": "QEMU machine, arm64",
    }
    busy = "" if facts["quiet"] else f" busy with other work (load {facts['load_at_start']:.1f})"
    head = f"`./inv bench.devices`, on {facts['cores']} x86 cores{busy}"
    lines = [f"| {head} | ssh after | all services after | memory |", "|---|---|---|---|"]
    for kind, name in names.items():
        times = f"{facts[f'{kind}_s']:.1f} s | {facts[f'{kind}_running_s']:.1f} s"
        lines.append(f"| {name} | {times} | {facts[f'{kind}_memory_mib']:.0f} MiB |")
    return "\n".join(lines)


def rollout(facts: Facts) -> str:
    """Return the table of bench.rollout."""
    rows = {int(count): row for count, row in facts["hosts"].items()}
    quiet = all(row["quiet"] for row in rows.values())
    loads = [cost["load_at_start"] for row in rows.values() for cost in row["costs"].values()]
    busy = "" if quiet else f" busy with other work (load {min(loads):.0f} to {max(loads):.0f})"
    head = f"`./inv bench.rollout`, on {facts['cores']} x86 cores{busy}"
    names = ("ours", "plain Ansible, whole image", "faster", "bytes", "plain Ansible, our layers")
    lines = [f"| {head} | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|"]
    for count, row in sorted(rows.items()):
        ours, rival, layered = (row["costs"][name] for name in ("ours", "rival", "rival_layers"))
        moved = f"{row['update_bytes'] / 1e6:.2f} MB ({row['update_percent']:.2f} %)"
        other = rival["bytes_both_ways_worst"] / 1e6
        lines.append(
            f"| {count} devices, {row['engines']} engines | {ours['wall_s']:.0f} s, {moved} "
            f"| {rival['wall_s']:.0f} s, {other:.0f} MB "
            f"| **{row['speedup']:.1f}x** | **{row['bytes_ratio']:.0f}x** "
            f"| {layered['wall_s']:.0f} s, {layered['bytes_both_ways_worst'] / 1e6:.2f} MB |"
        )
    return "\n".join(lines)


def export(facts: Facts) -> str:
    """Return the table of bench.export."""
    busy = (
        ""
        if facts["quiet"]
        else f", on a machine busy with other work (load {facts['load_at_start']})"
    )
    head = f"`./inv bench.export`, ms of one x86 core, least of many runs{busy}"
    lines = [
        f"| {head} | ours | tf2onnx {facts['tf2onnx']} | TFLite | our file | tf2onnx's |",
        "|---|---|---|---|---|---|",
    ]
    for row in facts["sub_models"]:
        name = row["sub_model"]
        if sum(sub_model["sub_model"] == name for sub_model in facts["sub_models"]) > 1:
            name += f" {row['source_sha256'][:6]}"
        failed = row["tf2onnx_failed"]
        theirs = "fails" if failed else f"{row['tf2onnx_min_ms']:.2f}"
        size = "" if failed else f"{row['tf2onnx_bytes'] / 1e3:.0f} kB"
        lines.append(
            f"| {name} | {row['ours_min_ms']:.2f} | {theirs} | {row['tflite_min_ms']:.2f} "
            f"| {row['ours_bytes'] / 1e3:.0f} kB | {size} |"
        )
    return "\n".join(lines)


def inference(facts: Facts) -> str:
    """Return a table of bench.inference for each device that was measured, and what bounds it."""
    lines = []
    for device in facts["devices"]:
        busy = (
            "" if device["quiet"] else f" busy with other work (load {device['load_at_start']:.1f})"
        )
        if device["priority"] != "normal":
            busy += f", at {device['priority']} priority"
        what = device["device"]["model"] or f"{device['cores']} x86 cores"
        tasks = list(dict.fromkeys(row["task"] for row in device["trials"]))
        size = "x".join(map(str, device["summary_size"]))
        lines += [
            f"| `./inv bench.inference`, {what}{busy}, {size} | {' | '.join(tasks)} |",
            f"|---|{'---|' * len(tasks)}",
        ]
        for backend, by_task in device["backends"].items():
            cells = [
                f"{by_task[task]['median_ms']:.1f} / {by_task[task]['p99_ms']:.1f} ms"
                if task in by_task
                else "-"
                for task in tasks
            ]
            lines.append(f"| {backend} | {' | '.join(cells)} |")
        if device["pipeline"]:
            took = device["pipeline"]
            name = f"{took['backend']} pipelined"
            turn = took["pipeline"]["best_turn"]
            lines += [
                "",
                f"Over {took['video']} ({took['frames']} frames, face): {name} "
                f"{took['pipeline']['fps']:.0f} frames a second, MediaPipe in a loop "
                f"{took['loop']['fps']:.0f}: **{took['speedup']:.2f}x** (median of the "
                f"ratios of {took['turns']} turns). Landmarks are at most "
                f"{took['results']['worst']:.1%} of the face apart. What bounds it: "
                f"`{turn['bound']}`, with {turn['cores']:.1f} cores busy.",
            ]
        lines.append("")
    return "\n".join(lines).rstrip()


def live(facts: Facts) -> str:
    """Return the table of bench.live: what is used beyond the same pipeline that serves nothing."""
    beyond, age = facts["percent_beyond_bare"], facts["capture_to_reader_ms"]
    rows = [(label, f"{beyond[name]:.2f} % of a core") for name, label in LIVE.items()]
    ages = f"{age['median']:.0f} ms, 95 of 100 within {age['p95']:.0f} ms"
    rows.append(("capture to a picture's last byte at a reader here, with MediaPipe", ages))
    width, height = facts["size"]
    head = f"{width}x{height}, {facts['frames_per_second']} a second, {facts['cores']} x86 cores"
    return _table(rows, ("`./inv bench.live`", f"{head}, load {facts['load']:.0f}"))


def app(facts: Facts) -> str:
    """Return the table of bench.app."""
    speed, age = facts["speed"], facts["camera_to_browser_ms"]
    ratios = speed["ratios"]
    rows = [
        (
            f"{speed['video']}, {speed['task']}: frames a second, MediaPipe's own loop",
            f"{speed['loop']['fps']:.0f}",
        ),
        (
            f"the pipeline of `run` ({speed['backend']}, {speed['threads']} threads)",
            f"{speed['pipeline']['fps']:.0f}",
        ),
        (
            "ratio, turn by turn",
            f"**{speed['ratio']:.2f}x** ({min(ratios):.2f} to {max(ratios):.2f})",
        ),
        ("processor time a frame, the loop's to ours", f"{speed['ratio_of_cpu']:.2f}x"),
        ("the worst landmark apart", f"{speed['results']['worst']:.1%} of the face"),
        (
            "capture to the canvas of a page in headless Chromium, on this machine",
            f"{age['median']:.0f} ms, 95 of 100 within {age['p95']:.0f} ms",
        ),
        (
            "metrics, scraped every 15 s",
            f"{facts['metrics_percent_of_a_core']['beyond']:.2f} % of a core",
        ),
    ]
    place = f"{facts['cores']} x86 cores, {facts['priority']} priority"
    head = f"{place}, load {facts['load_at_start']:.0f}"
    return _table(rows, ("`./inv bench.app`", head))


def report(facts: Facts) -> str:
    """Return the table of bench.report: the page with all evidence against the index."""
    lines = [
        "| boards | all evidence in it: usable after, size | index: usable after, size | ratio |",
        "|---|---|---|---|",
    ]
    for count, row in facts["pages"].items():
        cells = [
            f"{row[name]['usable_s']:.2f} s, {row[name]['megabytes']:.1f} MB"
            for name in ("whole", "index")
        ]
        ratio = row["whole"]["usable_s"] / row["index"]["usable_s"]
        lines.append(f"| {int(count):,} | {' | '.join(cells)} | {ratio:.0f} |")
    judging = facts["judging"]
    lines += [
        "",
        f"`./inv bench.report` on {facts['cores']} x86 cores (load {facts['load']:.0f}), headless "
        f"Chromium, medians of {facts['rounds']}. Judging {judging['boards']:,} reports takes "
        f"{judging['first_cpu_s']:.1f} s of processor time the first time and "
        f"{judging['again_cpu_s']:.1f} s after that ({judging['whole_cpu_s']:.1f} s each time for "
        "the page with all evidence).",
    ]
    return "\n".join(lines)
