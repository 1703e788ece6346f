"""What the live view costs and how old its pictures are: ./inv bench.live writes live.json.

Cost is processor time (getrusage) of a process whose pipeline infers nothing, at 30 frames a
second, served and not, in turns; who reads is another process.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import inference_env, sample_videos
from bench import pages as readme
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT

PROGRAM = "bench.live_program"
OUT = ROOT / "bench" / "live.json"
SECONDS = 20.0
ROUNDS = 3


def fetch(port: int, path: str) -> bytes:
    """Return what a page holds."""
    address = f"http://127.0.0.1:{port}{path}"
    with urllib.request.urlopen(address, timeout=30) as answer:
        content: bytes = answer.read()
        return content


def every(port: int, path: str, interval_s: float, stop: threading.Event) -> None:
    """Ask for a page again and again."""
    with contextlib.suppress(OSError):  # the program has ended
        while not stop.wait(interval_s):
            fetch(port, path)


def watch(port: int, ages_ms: list[float]) -> None:
    """Read the stream as a browser does; note how old each picture was when it was whole."""
    address = f"http://127.0.0.1:{port}/stream.mjpg"
    try:
        with urllib.request.urlopen(address, timeout=30) as stream:
            while stream.readline().startswith(b"--"):
                began = time.monotonic()
                headers: dict[str, str] = {}
                while line := stream.readline().decode().strip():
                    name, _, value = line.partition(": ")
                    headers[name] = value
                stream.read(int(headers["Content-Length"]))
                ages_ms.append(float(headers["X-Age-Ms"]) + (time.monotonic() - began) * 1e3)
                stream.readline()
    except OSError:
        return  # the program has ended


def run(model: str, mode: str, readers: Callable[[int, threading.Event], None]) -> dict[str, Any]:
    """Run the program once with its readers; return what it printed."""
    settings = inference_env.variables()
    video = sample_videos.fetch("Megamind.avi")
    command = (inference_env.python(), "-m", PROGRAM, video, model, mode, SECONDS)
    with subprocess.Popen(
        [*map(str, command)], env=settings, cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        if process.stdout is None:
            raise RuntimeError("it has no output")
        port = json.loads(process.stdout.readline())["port"]
        stop = threading.Event()
        threads = [threading.Thread(target=readers, args=(port, stop), daemon=True)]
        for thread in threads:
            thread.start()
        last = process.stdout.read()
        stop.set()
    document: dict[str, Any] = json.loads(last)
    return document


def scraper(interval_s: float) -> Callable[[int, threading.Event], None]:
    """Return a reader of the metrics."""
    return lambda port, stop: every(port, "/metrics", interval_s, stop)


def viewer(ages_ms: list[float]) -> Callable[[int, threading.Event], None]:
    """Return a reader of the page: picture, and numbers once a second."""

    def read(port: int, stop: threading.Event) -> None:
        numbers = threading.Thread(
            target=every, args=(port, "/status.json", 1.0, stop), daemon=True
        )
        numbers.start()
        watch(port, ages_ms)

    return read


def main() -> None:
    """Measure and write the result."""
    ages: list[float] = []
    cases: dict[str, tuple[str, Callable[[int, threading.Event], None]]] = {
        "bare": ("none", lambda _port, _stop: None),
        "scraped_every_15_s": ("metrics", scraper(14.9)),
        "scraped_every_second": ("metrics", scraper(1.0)),
        "nobody_looks": ("page", lambda _port, _stop: None),
        "one_looks": ("page", viewer([])),
    }
    shares: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, (mode, readers) in cases.items():
            shares[name].append(run("-", mode, readers)["cores"])
    model = Path(inference_env.variables()["MEDIAPIPE_JETSON_MODELS"], "face_landmarker.task")
    done = run(str(model), "page", viewer(ages))
    medians = {name: statistics.median(values) for name, values in shares.items()}
    ordered = sorted(ages)
    result = {
        "schema": "mediapipe-jetson-kit/bench-live/1",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "frames_per_second": 30,
        "size": [720, 528],
        "percent_of_a_core": {name: round(value * 100, 2) for name, value in medians.items()},
        "percent_beyond_bare": {
            name: round((value - medians["bare"]) * 100, 2)
            for name, value in medians.items()
            if name != "bare"
        },
        "samples_percent": {
            name: [round(value * 100, 2) for value in values] for name, values in shares.items()
        },
        "capture_to_reader_ms": {
            "pictures": len(ordered),
            "median": round(statistics.median(ordered), 1),
            "p95": round(ordered[int(0.95 * len(ordered))], 1),
            "frames": done["frames"],
            "dropped": done["dropped"],
        },
    }
    write_text(OUT, json.dumps(result, indent=1) + "\n")
    readme.renew()
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
