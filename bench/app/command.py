"""`bench.app`: speed against MediaPipe's loop, camera to browser, what metrics cost; app.json."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import browser, inference_env, live, sample_videos
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.files import write_text
from jetson_kit.core.paths import ROOT

OUT = ROOT / "bench" / "app.json"
SCHEMA = "mediapipe-jetson-kit/bench-app/1"
VIDEO = "Megamind.avi"
LIMIT_S = 900.0
LOOK_S = 20.0
# Notes, for every picture that the page shows, how many milliseconds ago it was captured.
READER = """
const [bits, strip, seconds, done] = arguments;
const image = document.getElementById("picture");
const canvas = document.createElement("canvas");
const context = canvas.getContext("2d", { willReadFrequently: true });
const ages = [];
let unreadable = 0, last = -1;
const end = performance.now() + seconds * 1000;
function look() {
  if (performance.now() > end) return done({ ages, unreadable });
  requestAnimationFrame(look);
  if (!image.naturalWidth) return;
  const width = canvas.width = image.naturalWidth;
  canvas.height = 1;
  context.drawImage(image, 0, strip / 2, width, 1, 0, 0, width, 1);
  const now = performance.timeOrigin + performance.now();
  const row = context.getImageData(0, 0, width, 1).data;
  const bar = Math.floor(width / (bits + 1));
  let stamp = 0, ones = 0;
  for (let place = 0; place <= bits; place += 1) {
    const bit = row[4 * Math.floor((place + 0.5) * bar) + 1] > 127 ? 1 : 0;
    ones += bit;
    if (place < bits) stamp = stamp * 2 + bit;
  }
  if (ones % 2) { unreadable += 1; return; }
  if (stamp === last) return;
  last = stamp;
  const most = 2 ** bits;
  ages.push(((now - stamp) % most + most) % most);
}
look();
"""


def run(turns: int = 7, *, real_time: bool = False) -> dict[str, Any]:
    """Measure all three, and write bench/app.json; `real_time` lets nothing else run beside it.

    Raises StepFailedError for a program that fails, ToolMissingError without Chromium, and what
    making the environment raises.
    """
    load = round(os.getloadavg()[0], 2)
    result = {
        "schema": SCHEMA,
        "cores": os.cpu_count(),
        "load_at_start": load,
        "priority": "real-time" if real_time else "normal",
        "speed": speed(turns, real_time=real_time),
        "camera_to_browser_ms": camera_to_browser(),
        "metrics_percent_of_a_core": metrics_cost(),
    }
    write_text(OUT, json.dumps(result, indent=1) + "\n")
    return result


def _command(program: str, *arguments: object) -> list[str]:
    model = Path(inference_env.variables()["MEDIAPIPE_JETSON_MODELS"], "face_landmarker.task")
    video = sample_videos.fetch(VIDEO)
    return [
        *map(str, (inference_env.python(), "-m", f"bench.app.{program}", video, model, *arguments))
    ]


def speed(turns: int, *, real_time: bool) -> dict[str, Any]:
    """Return the pipeline of `run` against MediaPipe's loop, both with capture and drawing."""
    done = subprocess.run(
        _command("speed_program", turns, "yes" if real_time else "no"),
        env=inference_env.variables(), cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise StepFailedError(f"the pipeline's program ended with {done.returncode}: {last}")
    row = json.loads(done.stdout)
    return {
        "video": VIDEO,
        **{name: row[name] for name in ("task", "backend", "threads", "frames", "turns")},
        "ratio": row["speedup"],
        "ratios": row["speedups"],
        "ratio_of_cpu": round(row["loop"]["cpu_ms"] / row["pipeline"]["cpu_ms"], 2),
        "loop": row["loop"],
        "pipeline": {name: row["pipeline"][name] for name in row["loop"]},
        "results": row["results"],
        "trials": row["trials"],
    }


def camera_to_browser() -> dict[str, Any]:
    """Return how old pictures are when headless Chromium's page has them on its canvas."""
    seconds = LOOK_S + 20
    with subprocess.Popen(
        _command("camera_program", seconds), env=inference_env.variables(), cwd=ROOT,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        if process.stdout is None:
            raise StepFailedError("the camera's program has no output")
        try:
            served = json.loads(process.stdout.readline())
            with browser.headless() as driver:
                driver.set_script_timeout(LOOK_S + 20)
                driver.get(f"http://127.0.0.1:{served['port']}/")
                seen = driver.execute_async_script(READER, served["bits"], served["strip"], LOOK_S)
        finally:
            process.terminate()
    return {"how": "time in the picture, read in the page", **summary(seen["ages"]),
            "unreadable": seen["unreadable"]}  # fmt: skip


def summary(ages_ms: Sequence[float]) -> dict[str, Any]:
    """Return median and percentiles of pictures' ages. Raises StepFailedError for none."""
    if not ages_ms:
        raise StepFailedError("the browser saw no picture")
    ordered = sorted(ages_ms)
    return {
        "pictures": len(ordered),
        "median": round(statistics.median(ordered), 1),
        "p95": round(ordered[int(0.95 * len(ordered))], 1),
        "most": round(ordered[-1], 1),
    }


def metrics_cost(rounds: int = 3) -> dict[str, Any]:
    """Return the share of a core beyond a pipeline that serves nothing, scraped every 15 s."""
    rows: dict[str, list[float]] = {"bare": [], "scraped": []}
    for _ in range(rounds):
        rows["bare"].append(live.run("-", "none", lambda _port, _stop: None)["cores"])
        rows["scraped"].append(live.run("-", "metrics", live.scraper(14.9))["cores"])
    beyond = statistics.median(rows["scraped"]) - statistics.median(rows["bare"])
    samples = {name: [round(value * 100, 2) for value in values] for name, values in rows.items()}
    return {"beyond": round(beyond * 100, 2), **samples}
