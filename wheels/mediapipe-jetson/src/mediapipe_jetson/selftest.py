"""`selftest`: Face Landmarker on the CPU finds the 478 landmarks where they should be."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Optional

from mediapipe_jetson import exit_codes, landmarks
from mediapipe_jetson.diagnosis import Broken, Ending, diagnose, refused
from mediapipe_jetson.models import FACE_MODEL, MODELS_VARIABLE, models_folder, sha256
from mediapipe_jetson.observe import cpu, emulation, packages
from mediapipe_jetson.options import MEBIBYTE, input_file, positive, whole
from mediapipe_jetson.usage import Parser, line

SCHEMA = "mediapipe-jetson/selftest/1"
FRAMES_VARIABLE = "MEDIAPIPE_JETSON_SELFTEST_FRAMES"
EXIT = {"pass": exit_codes.DONE, "fail": exit_codes.NEGATIVE, "broken": exit_codes.BROKEN}
LAST_WORDS = 20000
# Their times must fit into the pipe with the points.
MOST_FRAMES = 1000


@dataclasses.dataclass(frozen=True)
class Times:
    """Seconds that each stage took; the first frame holds what is done only once."""

    import_s: float
    create_s: float
    first_s: float
    median_s: float
    frames: int


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What came out; distances and tolerance are fractions of the picture's size."""

    verdict: str
    message: str
    cause: Optional[str] = None
    mediapipe: Optional[str] = None
    delegate: str = "CPU"
    cpu: Optional[str] = None
    emulated: Optional[str] = None
    model: Optional[str] = None
    model_sha256: Optional[str] = None
    image: Optional[str] = None
    landmarks: Optional[int] = None
    distance_max: Optional[float] = None
    distance_mean: Optional[float] = None
    tolerance: Optional[float] = None
    times: Optional[Times] = None

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        facts = dataclasses.asdict(self)
        return {"schema": SCHEMA, **facts, "exit_code": EXIT[self.verdict]}


def run_child(model: Path, image: Path, frames: int, timeout_s: float) -> Ending:
    """Infer in a child process and return how it ended."""
    with tempfile.TemporaryFile() as log:
        reader, writer = os.pipe()
        command = [sys.executable, "-m", "mediapipe_jetson.inference"]
        command += [str(model), str(image), str(frames), str(writer)]
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[writer]
        )
        os.close(writer)
        code: Optional[int] = None
        try:
            # Its report (at most some 45 kB) fits in the pipe: 64 KiB on Linux.
            code = child.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        with os.fdopen(reader, "rb") as stream:
            reported = stream.read()
        return ending_of(reported, code, log)


def ending_of(reported: bytes, code: Optional[int], log: IO[bytes]) -> Ending:
    """Return how a child ended, by what it reported, its exit code and the file of its log."""
    log.seek(max(0, log.seek(0, os.SEEK_END) - LAST_WORDS))
    stderr = log.read().decode("utf-8", "replace")
    facts: dict[str, Any] = {}
    for row in reported.decode("utf-8", "replace").splitlines():
        try:
            facts.update(json.loads(row))
        except ValueError:
            continue
    if os.environ.get("MEDIAPIPE_JETSON_DEBUG"):
        print(stderr, file=sys.stderr)
    return Ending(facts, code, stderr)


Run = Callable[[Path, Path, int, float], Ending]


def how_emulated(here: object) -> Optional[str]:
    """Return what betrays an emulated CPU or device; None where nothing does."""
    if isinstance(here, cpu.Cpu) and here.emulated:
        return here.emulated
    device = emulation.read()
    return "; ".join(device.reasons) if device.emulated else None


def selftest(
    model: Path, image: Path, frames: int, timeout_s: float, run: Run = run_child
) -> Verdict:
    """Infer and judge; `run` infers in a child process."""
    expected = landmarks.expected()
    here = cpu.read()
    version = packages.version("mediapipe")
    base = Verdict(
        verdict="broken",
        message="",
        mediapipe=version,
        cpu=here.name if isinstance(here, cpu.Cpu) else None,
        emulated=how_emulated(here),
        model=str(model),
        image=str(image),
    )
    try:
        model_hash = _hash_of(model)
    except OSError as error:
        cure = (
            f"give --model PATH, or put {FACE_MODEL} into the folder that {MODELS_VARIABLE} names"
        )
        message = f"no model {model}: {error.strerror}; {cure}"
        return dataclasses.replace(base, cause="missing-model", message=message)
    base = dataclasses.replace(base, model_sha256=model_hash)
    if never := refused(version, here):
        return dataclasses.replace(base, cause=never.cause, message=never.message)
    ending = run(model, image, frames, timeout_s)
    base = dataclasses.replace(base, mediapipe=ending.facts.get("mediapipe") or version)
    if ending.facts.get("stage") != "done":
        broken: Broken = diagnose(ending, base.mediapipe, here)
        return dataclasses.replace(base, cause=broken.cause, message=broken.message)
    return judge(base, ending.facts, expected, own_picture=sha256(image) == expected.image_sha256)


def _hash_of(model: Path) -> str:
    if model.exists() and not model.is_file():
        raise OSError(errno.EINVAL, "it is no regular file")
    return sha256(model)


def judge(
    base: Verdict, facts: Mapping[str, Any], expected: landmarks.Expected, *, own_picture: bool
) -> Verdict:
    """Return the verdict on what was found."""
    points = facts["points"]
    times = Times(
        import_s=facts["import_s"],
        create_s=facts["create_s"],
        first_s=facts["frames_s"][0],
        median_s=statistics.median(facts["frames_s"]),
        frames=len(facts["frames_s"]),
    )
    apart = landmarks.distance(points, expected.points) if own_picture else None
    verdict = dataclasses.replace(
        base,
        verdict="fail",
        landmarks=len(points),
        distance_max=apart.maximum if apart else None,
        distance_mean=apart.mean if apart else None,
        tolerance=expected.tolerance if own_picture else None,
        times=times,
    )
    other = base.model_sha256 != expected.model_sha256
    hint = " (the model is another than the one these were made with)" if other else ""
    if not points:
        return dataclasses.replace(verdict, cause="no-face", message=f"no face was found{hint}")
    if len(points) != landmarks.POINTS:
        message = f"{len(points)} landmarks in place of {landmarks.POINTS}{hint}"
        return dataclasses.replace(verdict, cause="count", message=message)
    if apart and apart.maximum > expected.tolerance:
        message = (
            f"{len(points)} landmarks, up to {apart.maximum:.2g} of the picture's size from where "
            f"they should be (tolerance {expected.tolerance:g}){hint}"
        )
        return dataclasses.replace(verdict, cause="distance", message=message)
    if not landmarks.inside(points):
        message = "landmarks lie outside of the picture"
        return dataclasses.replace(verdict, cause="distance", message=message)
    place = (
        f"at most {apart.maximum:.2g} of the picture's size from where they should be"
        if apart
        else "within the picture (where they should be in this one is not known)"
    )
    return dataclasses.replace(verdict, verdict="pass", message=f"{len(points)} landmarks, {place}")


def text(verdict: Verdict) -> str:
    """Return what a person reads."""
    lines = [f"{verdict.verdict}: {verdict.message}"]
    lines.append(f"mediapipe {verdict.mediapipe}, {verdict.delegate}, {verdict.cpu}")
    if verdict.times:
        times = verdict.times
        lines.append(
            f"import {times.import_s:.2f} s, model {times.create_s:.3f} s, first frame "
            f"{times.first_s * 1e3:.1f} ms, median of {times.frames}: {times.median_s * 1e3:.1f} ms"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Run the test; return 0 where the landmarks are right, 1 where not, 11 where it broke."""
    parser = Parser("selftest", "Find a face on the CPU and compare its landmarks.")
    parser.add_argument("--json", action="store_true", help=f"print JSON ({SCHEMA})")
    parser.add_argument(
        "--model",
        type=input_file(256 * MEBIBYTE),
        help=f"default: {FACE_MODEL} in ${MODELS_VARIABLE}",
    )
    parser.add_argument(
        "--image", type=input_file(256 * MEBIBYTE), help="default: the photograph in this wheel"
    )
    parser.add_argument(
        "--frames",
        type=whole(1, MOST_FRAMES),
        default=os.environ.get(FRAMES_VARIABLE) or "5",
        help=f"how many times to infer (default: ${FRAMES_VARIABLE}, else 5)",
    )
    parser.add_argument(
        "--timeout", type=positive, default=300.0, metavar="S", help="seconds (default: 300)"
    )
    options = parser.parse_args(arguments)
    image: Path = options.image or landmarks.PICTURE
    model: Path = options.model or models_folder() / FACE_MODEL
    verdict = selftest(model, image, options.frames, options.timeout)
    if options.json:
        print(json.dumps(verdict.document(), indent=2))
    elif verdict.verdict == "broken":
        print(line(f"error: {verdict.message}"), file=sys.stderr)
    else:
        print(text(verdict))
    return EXIT[verdict.verdict]
