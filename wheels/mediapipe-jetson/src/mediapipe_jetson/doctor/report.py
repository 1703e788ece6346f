"""The doctor's report: a JSON document and a text."""

from __future__ import annotations

import dataclasses
from typing import Any

from mediapipe_jetson import __version__
from mediapipe_jetson.doctor.causes import Answer
from mediapipe_jetson.doctor.finding import Finding
from mediapipe_jetson.doctor.result import OK, UNKNOWN
from mediapipe_jetson.doctor.scene import Scene
from mediapipe_jetson.observe.l4t import L4t
from mediapipe_jetson.observe.module import Module

SCHEMA = "mediapipe-jetson/doctor/1"
EVIDENCE_MOST, FINDINGS_MOST = 4, 20


def document(scene: Scene, answers: list[Answer]) -> dict[str, Any]:
    """Return the document of the schema in data/doctor.schema.json."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "place": scene.place,
        "project_only": all(answer.cause.project for answer in answers),
        "model": scene.module.model if isinstance(scene.module, Module) else None,
        "l4t": scene.l4t.release if isinstance(scene.l4t, L4t) else None,
        "emulated": scene.emulated,
        "python": ".".join(map(str, scene.python)),
        "mediapipe": scene.mediapipe,
        "exit_code": exit_code(answers),
        "causes": [_entry(answer) for answer in answers],
    }


def _entry(answer: Answer) -> dict[str, Any]:
    return {
        "id": answer.cause.id,
        "title": answer.title,
        "status": answer.result.status,
        "evidence": list(answer.result.evidence),
        "why": answer.why if answer.bad else None,
        "cure": answer.cure if answer.bad else None,
        "source": answer.cause.source,
        "findings": [dataclasses.asdict(item) for item in answer.result.findings],
    }


def exit_code(answers: list[Answer]) -> int:
    """Return 1 if any cause is at work, else 0."""
    return int(any(answer.bad for answer in answers))


def text(document: dict[str, Any]) -> str:
    """Return what a person reads: what to mend first on top."""
    model, l4t = document["model"], document["l4t"]
    where = {"container": "in a container", "board": "on the board"}.get(document["place"], "here")
    unseen = "board not to be seen" if document["place"] == "container" else "no Jetson"
    about = [model or unseen, "emulated" if document["emulated"] else ""]
    about.append(f"L4T {l4t}" if l4t else "")
    about.append(f"Python {document['python'] or 'none'}")
    about.append(f"mediapipe {document['mediapipe'] or 'not installed'}")
    lines = [f"{where}: {', '.join(item for item in about if item)}"]
    if document.get("project_only"):
        lines = ["the project alone; this machine has no NVIDIA GPU: add --local to judge it too"]
    causes = document["causes"]
    result = [item for item in causes if item["cure"]]
    for number, item in enumerate(result, 1):
        lines += ["", f"{number}. {item['title']} [{item['id']}]"]
        lines += [f"   cure: {item['cure']}", f"   why:  {item['why']}"]
        lines += [f"   seen: {text}" for text in item["evidence"][:EVIDENCE_MOST]]
        lines += [f"   - {line}" for line in _findings(item)]
    unknown = [item for item in causes if item["status"] == UNKNOWN]
    if unknown:
        lines += ["", "not known here:"]
        # By reason: one that hides a board's programs hides several causes.
        for reason in dict.fromkeys(item["evidence"][0] for item in unknown):
            lines.append(f"   {reason}:")
            for item in (cause for cause in unknown if cause["evidence"][0] == reason):
                lines.append(f"   - {item['title']}")
                more = item["evidence"][1:]
                lines += [f"     {text}" for text in more[:EVIDENCE_MOST]]
                if len(more) > EVIDENCE_MOST:
                    lines.append(
                        f"     ... and {len(more) - EVIDENCE_MOST} more (--json lists all)"
                    )
    ruled_out = sum(item["status"] == OK for item in causes)
    summary = f"{len(result)} found, {ruled_out} ruled out, {len(unknown)} not known"
    return "\n".join([*lines, "", summary])


def _findings(cause: dict[str, Any]) -> list[str]:
    """Return the places, without what the lines above them already have."""
    findings = [Finding(**item) for item in cause["findings"]]
    above = "\n".join([cause["cure"], *cause["evidence"][:EVIDENCE_MOST]])
    lines = []
    for item in findings[:FINDINGS_MOST]:
        cured = item.place() in cause["cure"] and item.instead in cause["cure"]
        if not (cured and len(findings) == 1 and item.what in above):
            lines.append(f"{item.place()}: {item.what}" if cured else item.text())
    if len(findings) > FINDINGS_MOST:
        lines.append(f"... and {len(findings) - FINDINGS_MOST} more (--json lists all)")
    return lines
