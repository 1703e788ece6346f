"""The tables of bench.translate in docs/older-boards.md."""

from __future__ import annotations

from bench.tables import Facts


def table(facts: Facts) -> str:
    """Return the tables of bench.translate: what is translated, and what was compared."""
    lines = [
        "| `./inv bench.translate` | for | processor time | growth | in place | branched out | "
        "left to run-time choice |",
        "|---|---|---|---|---|---|---|",
    ]
    for version, cores in facts["versions"]["rows"].items():
        for core, row in cores.items():
            lines.append(
                f"| {version} | {core} | {row['seconds']:.1f} s | {row['growth_percent']:.2f} % "
                f"| {row['in_place']:,} | {row['trampolines']:,} "
                f"| {row['left_to_run_time_choice']:,} |"
            )
    compared = facts["compared"]
    lines += ["", "| compared with the original | number | different |", "|---|---|---|"]
    for name, what in (
        ("found", f"states after each distinct instruction of {compared['version']}"),
        ("possible", "states after others of the same kinds: sizes, orders, aliased registers"),
    ):
        row = compared[name]
        number = f"{row['states']:,} of {row['instructions']:,} instructions"
        lines.append(f"| {what} | {number} | {row['mismatches']} (NaNs alone: {row['nan_only']}) |")
    threads = facts["threads"]
    lines.append(
        f"| counts of {threads['threads']} threads with atomics of all sizes, and unwinding "
        f"through them | {threads['rounds']:,} rounds each | 0 |"
    )
    lines += _inferred(facts["inference"])
    return "\n".join(lines)


def _inferred(facts: Facts) -> list[str]:
    """Return rows of what both libraries inferred, of the parts that were measured."""
    cores = f"{facts['original_core']} against {facts['translated_core']}"
    rows = []
    for part, what in (
        ("photographs", "two photographs on the CPU"),
        ("old_kernel", "two photographs on the CPU, with Linux 4.9's system calls alone"),
        ("video", "{frames} frames of a video on the CPU"),
    ):
        result = list(_parts(facts, part).values())
        numbers = sum(sum(row["numbers_equal"].values()) for row in result)
        tasks = [name.partition("_")[0] for row in result for name in row["numbers_equal"]]
        rows += [(what.format(**row), tasks, numbers, result, "0") for row in result[:1]]
    for part, what in (
        ("graph", "two photographs by the GPU's graph ({opengl})"),
        ("video_graph", "{results} frames of a video by the GPU's graph"),
    ):
        by_task = _parts(facts, part)
        result, tasks = list(by_task.values()), list(by_task)
        far = max((row["largest_difference"] for row in result), default=0)
        different = sum(not row["bit_identical"] for row in result)
        says = f"{different} tasks, by {far:.1g}" if different else "0"
        numbers = sum(row["numbers"] for row in result)
        rows += [(what.format(**row), tasks, numbers, result, says) for row in result[:1]]
    return [
        f"| results of {', '.join(tasks)}: {what}, {cores} "
        f"| {numbers:,} numbers{_sites(measured)} | {says} |"
        for what, tasks, numbers, measured, says in rows
    ]


def _parts(facts: Facts, name: str) -> dict[str, Facts]:
    """Return a part, or one for each task where it is measured task by task."""
    tasks = {task: f"{name}_{task}" for task in ("face", "hand", "pose", "selfie")}
    return {task: facts[part] for task, part in {"": name, **tasks}.items() if part in facts}


def _sites(rows: list[Facts]) -> str:
    counts = [row["sites_run"] for row in rows if "sites_run" in row]
    if not counts:
        return ""
    each = f"{min(counts):,} to {max(counts):,}" if len(counts) > 1 else f"{counts[0]:,}"
    return f", {each} translated sites reached"
