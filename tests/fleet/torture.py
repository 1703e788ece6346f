"""Kills mediapipe-image at random moments, runs it again and looks; runs on the device itself.

Usage: torture.py FOLDER COUNT SEED. FOLDER holds, for each release, a folder with release.json,
its signature and the layers. Prints one JSON object; `problems` must be empty.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LIB = Path("/var/lib/mediapipe-jetson")
BLOBS = LIB / "blobs" / "sha256"
SETTLE_S = 90.0
MANIFESTS: dict[str, str] = {}


def output(command: list[str]) -> str:
    """Return what a program prints; it must succeed."""
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()


def status() -> dict[str, Any]:
    """Return the device's own status."""
    document: dict[str, Any] = json.loads(output(["mediapipe-image", "status", "--json"]))
    return document


def manifests(home: Path) -> dict[str, str]:
    """Return the releases' images by what they are called where images are in containerd."""
    bodies = [json.loads(path.read_text()) for path in home.glob("*/release.json")]
    # What the device is on already was sent by the test.
    bodies += [json.loads(path.read_text())["release"] for path in LIB.glob("releases/*.json")]
    return {body["image"]["manifest_digest"]: body["image"]["id"] for body in bodies}


def running() -> str:
    """Return the image that docker runs, asked without the program."""
    command = ["docker", "container", "inspect", "-f", "{{.Image}} {{.State.Running}}", "mediapipe"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    image_id, _, up = done.stdout.decode().strip().partition(" ")
    return MANIFESTS.get(image_id, image_id) if up == "true" else ""


def killed(command: list[str], chance: float) -> bool:
    """Run a command and kill it, with all that it started, after a random while; was it killed?"""
    child = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        child.wait(chance)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        return True
    return False


def look(allowed: list[str], problems: list[str], doing: str) -> None:
    """Note whatever is neither old nor new, right after a kill."""
    try:
        body = json.loads((LIB / "state.json").read_text())
    except (OSError, ValueError) as error:
        problems.append(f"{doing}: state.json: {error}")
        return
    current = body["current"]["image_id"] if body["current"] else None
    if current not in allowed:
        problems.append(f"{doing}: state says {current}")
    up = running()
    # Between the stop of one and the start of the other nothing runs.
    if up not in [*allowed, ""]:
        problems.append(f"{doing}: {up} runs")


def settled(problems: list[str], doing: str) -> str:
    """Wait until the device runs what it says; return that."""
    end = time.monotonic() + SETTLE_S
    while True:
        body = status()
        current = body["current"]["image_id"]
        if running() == current and (body["settled"] or body["current"]["state"] == "trial"):
            return str(current)
        if time.monotonic() > end:
            problems.append(f"{doing}: not settled: {json.dumps(body)}")
            return str(current)
        time.sleep(0.3)


def send(folder: Path) -> None:
    """Stand for rsync: put the layers where they are received."""
    shutil.copy(str(folder / "release.json.sig"), str(LIB / "incoming" / "release.json.sig"))
    shutil.copy(str(folder / "release.json"), str(LIB / "incoming" / "release.json"))
    for part in folder.glob("*.part"):
        shutil.copy(str(part), str(BLOBS / part.name))


def main() -> None:
    """Go through fetch, switch, confirm, rollback and prune until enough was killed."""
    home, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    rand = random.Random(seed)  # noqa: S311 # not for secrets
    MANIFESTS.update(manifests(home))
    folders = sorted(path for path in home.iterdir() if path.is_dir())
    release = str(LIB / "incoming" / "release.json")
    problems: list[str] = []
    by_command: dict[str, int] = {}
    longest: dict[str, float] = {}
    kills, turn = 0, 0
    first = time.monotonic()
    while kills < count and not problems:
        folder = folders[turn % len(folders)]
        turn += 1
        new = json.loads((folder / "release.json").read_text())["image"]["id"]
        body = status()
        old = body["current"]["image_id"] if body["current"] else None
        if new == old:
            continue
        send(folder)
        program = "mediapipe-image"
        steps = [
            # The same releases come again and again, the older after the newer.
            [program, "missing", "--allow-downgrade", release],
            [program, "receive", release],
            [program, "switch", new, "--limit", "60"],
            [program, "confirm", new],
            [program, "prune", "--keep", "2"],
        ]
        if old is not None and rand.random() < 0.4:
            steps[4:4] = [
                [program, "rollback"],
                [program, "switch", new],
                [program, "confirm", new],
            ]
        for command in steps:
            doing = command[1]
            allowed = [item for item in (old, new) if item]
            while kills < count:
                if not killed(command, rand.uniform(0.02, longest.get(doing, 2.0))):
                    break
                kills += 1
                by_command[doing] = by_command.get(doing, 0) + 1
                if old is not None:
                    look(allowed, problems, doing)
                    settled(problems, doing)
                if rand.random() < 0.5:
                    break
            started = time.monotonic()
            if doing in ("missing", "receive"):
                send(folder)
            # Killed rollbacks went through or not; both are whole, so it is the state that counts.
            if doing == "rollback" and status()["current"]["image_id"] != new:
                continue
            done = subprocess.run(command, capture_output=True, check=False)
            longest[doing] = min(max(time.monotonic() - started, 0.3), 8.0)
            if done.returncode:
                problems.append(f"{doing} again: {done.stderr.decode().strip()}")
            settled(problems, doing)
    body = status()
    left = [path.name for path in LIB.iterdir() if path.name.startswith(".")]
    print(
        json.dumps(
            {
                "tried": kills,
                "by_command": by_command,
                "problems": problems,
                "turns": turn,
                "seconds": round(time.monotonic() - first, 1),
                "blobs": len(list(BLOBS.iterdir())),
                "left": left,
                "history": len(body["history"]),
                "images": len(body["images"]),
            }
        )
    )


main()
