"""The table of bench.solutions in docs/solutions.md."""

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
