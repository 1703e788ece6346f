"""The tables of bench.solutions and bench.nearness in docs/solutions.md."""

from __future__ import annotations

from bench.tables import Facts

CASES = {
    "face": "Face Mesh",
    "face_refined": "Face Mesh, `refine_landmarks`",
    "face_detection": "Face Detection",
    "hands": "Hands, one hand",
    "pose": "Pose",
    "holistic": "Holistic",
    "holistic_refined": "Holistic, `refine_face_landmarks`",
    "selfie": "Selfie Segmentation",
}
# Of bench.nearness, by the programs' words.
NEAR = {
    "face_still": "Face Mesh",
    "face_refined_still": "Face Mesh, `refine_landmarks`",
    "hands_still": "Hands",
    "pose_mask_still": "Pose",
    "holistic_still.pose": "Holistic, pose",
    "holistic_still.face": "Holistic, refined face",
    "holistic_still.hands": "Holistic, hands",
    "detection": "Face Detection",
    "detection_far": "Face Detection, far",
}
STREAMS = {
    "face@video": "Face Mesh, a video",
    "face_refined@video": "Face Mesh, `refine_landmarks`, the video",
    "face_refined@two": "the same, two faces",
    "hands@right04": "Hands, one that is partly hidden",
    "hands_one@messi5": "Hands, `max_num_hands=1`",
    "hands@two": "Hands, two",
    "pose@basketball1": "Pose",
    "holistic@messi5.pose": "Holistic, pose",
    "holistic@messi5.face": "Holistic, refined face",
    "holistic@messi5.hands": "Holistic, hands",
}


def table(facts: Facts) -> str:
    """Return the table of bench.solutions: milliseconds a frame, and ratios."""
    lines = [
        "| `./inv bench.solutions`, a frame | kit, LiteRT | MediaPipe 0.10.21 | "
        "Tasks of 1.2.2, CPU | processor time: kit, 0.10.21, Tasks |",
        "|---|---|---|---|---|",
    ]
    for case, row in facts["cases"].items():
        cells = [f"{row['kit_wall_ms']:.1f} ms"]
        work = [f"{row['kit_ms']:.1f}"]
        for side in ("legacy", "tasks"):
            there = f"{side}_ms" in row
            cells.append(
                f"{row[f'{side}_wall_ms']:.1f} ms ({row[f'{side}_wall_ratio']:.2f}x)"
                if there
                else "none"
            )
            if there:
                work.append(f"{row[f'{side}_ms']:.1f} ({row[f'{side}_ratio']:.2f}x)")
        lines.append(f"| {CASES[case]} | {' | '.join(cells)} | {', '.join(work)} |")
    lines += [
        "",
        f"Least of {facts['rounds']} rounds of {facts['frames']} frames on {facts['cores']} x86 "
        f"cores (load {facts['load_at_start']:.1f} at the start); in brackets how many times the "
        "kit's time that is.",
    ]
    return "\n".join(lines)


def nearness(facts: Facts) -> str:
    """Return the tables of bench.nearness: pictures by their kind, and streams."""
    pictures, streams = facts["pictures"], facts["streams"]
    kinds = [kind for kind in next(iter(pictures.values())) if kind != "missing"]
    head = " | ".join(kinds)
    lines = [f"| `./inv bench.nearness`, pictures | {head} |", f"|---|{'---|' * len(kinds)}"]
    for case, name in NEAR.items():
        cells = [_cell(pictures[case][kind]) for kind in kinds]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    landmarks = [row for case in NEAR for row in pictures[case].values()]
    same, frames = (sum(row[name] for row in landmarks) for name in ("same", "frames"))
    missing = [row for case in NEAR for kind, row in pictures[case].items() if kind == "missing"]
    nothing = sum(row["same"] for row in missing if not row["objects"])
    mask = max(row.get("mask_mean", 0.0) for rows in pictures.values() for row in rows.values())
    lines += [
        "",
        "Per cent of the object's longer side: the kit's worst landmark, in brackets the worst of "
        f"MediaPipe 0.10.21 from itself, in {facts['draws']} draws with one grey level changed in "
        "each pixel; then how many objects both found, in how many pictures. The same objects with "
        f"the same labels in {same} of {frames} results; nothing in {nothing} of "
        f"{sum(row['frames'] for row in missing)} where it is missing. Masks: at most {mask:.1g} "
        "apart in the mean of a picture.",
        "",
        "| streams | frames with the same objects | median | worst |",
        "|---|---|---|---|",
    ]
    for case, name in STREAMS.items():
        row = streams[case]
        middle = f"{row['median']:.2g} ({row['legacy_median']:.2g})"
        worst = f"{row['worst']:.2g} ({row['legacy_worst']:.2g})"
        lines.append(f"| {name} | {row['same']} of {row['frames']} | {middle} | {worst} |")
    return "\n".join(lines)


def _cell(row: Facts) -> str:
    there = f"{row['objects']} in {row['frames']}"
    if not row["objects"]:
        return there
    return f"{row['worst']:.2g} ({row['legacy_worst']:.2g}), {there}"
