"""Builds engines by trtexec, the program that JetPack brings in /usr/src/tensorrt/bin."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.engines.builders import LEAN_FLAGS, Order, Result
from mediapipe_jetson.engines.errors import BuildError, NoBuilderError
from mediapipe_jetson.engines.expected import Expected
from mediapipe_jetson.engines.identity import numbers
from mediapipe_jetson.observation import reason

STAND_IN = "a stand-in of MediaPipe Jetson Kit"
BANNER = re.compile(r"\[TensorRT v(\d+)\](?: \[b(\d+)\])?")
MEDIAN = re.compile(r"GPU Compute Time:.*?\bmedian = ([\d.]+) ms")
ASK_S = 60.0
BUILD_S = 3600.0
WORKSPACE_MIB = 512
RUNS = 20
OPTIONS = {
    "version-compatible": "--versionCompatible",
    "exclude-lean-runtime": "--excludeLeanRuntime",
}
TAIL = 400


def version(banner: str) -> str:
    """Return the version that a banner tells: v8502 is 8.5.2, v100300 is 10.3.0; "" if none.

    TensorRT counts its minor version by hundreds, from 10 on its major one by ten thousands
    (NV_TENSORRT_VERSION in NvInferVersion.h).
    """
    match = BANNER.search(banner)
    if not match:
        return ""
    number = int(match.group(1))
    major = 10000 if number >= 100000 else 1000
    parts = [number // major, number % major // 100, number % 100]
    return ".".join(str(part) for part in [*parts, *([match.group(2)] if match.group(2) else [])])


class Trtexec:
    """The program at a path."""

    name = "trtexec"

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def tensorrt(self) -> str:
        """Return the version that the program tells. Raises NoBuilderError."""
        value = version(self._banner)
        if not value:
            last = (self._banner.strip().splitlines() or ["nothing"])[-1]
            raise NoBuilderError(f"{self.path} does not tell its version: {last[:TAIL]}")
        return value

    @property
    def stand_in(self) -> bool:
        """Tell whether the program says that it only stands for trtexec."""
        return STAND_IN in self._banner.partition("\n")[0]

    @functools.cached_property
    def _banner(self) -> str:
        try:
            done = subprocess.run(
                [str(self.path), "--help"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=ASK_S,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise NoBuilderError(f"{self.path} can't be run: {reason(error)}") from error
        return done.stdout.decode("utf-8", "replace")

    def build(self, order: Order) -> Result:
        """Build and run; see builders.Builder. Raises BuildError with the program's own words."""
        with tempfile.TemporaryDirectory(dir=str(order.plan.parent), prefix=".build-") as folder:
            scratch = Path(folder)
            command = [str(self.path), *arguments(order, scratch, self.tensorrt)]
            output, code, seconds = _run(command, scratch / "log")
            if code or not order.plan.is_file() or not order.plan.stat().st_size:
                raise BuildError(f"trtexec on {order.source.file}: {failure(output, code)}")
            outputs = _outputs(scratch / "outputs.json") if order.check else None
        median = MEDIAN.search(output)
        stand_in = self.stand_in or STAND_IN in output.partition("\n")[0]
        why = "" if outputs is not None else "there are no expected outputs for it"
        if stand_in:
            why = "a stand-in can't infer"
        elif order.check and outputs is None:
            why = "trtexec wrote no outputs"
        return Result(seconds, outputs, float(median.group(1)) if median else None, why, stand_in)


def arguments(order: Order, scratch: Path, tensorrt: str) -> list[str]:
    """Return the options of trtexec for what is to be built."""
    at = numbers(tensorrt)
    options = [
        f"--onnx={order.source.path}",
        f"--saveEngine={order.plan}",
        f"--timingCacheFile={order.timing_cache}",
        f"--memPoolSize=workspace:{WORKSPACE_MIB}",
    ]
    if order.source.precision == "fp32":
        options.append("--noTF32")
    elif at < (10,):
        options.append("--fp16")
    # Types as the ONNX file has them; 11 knows nothing else.
    if (10,) <= at < (11,):
        options.append("--stronglyTyped")
    if any(flag in LEAN_FLAGS for flag in order.flags) and at < (8, 6):
        raise BuildError(f"TensorRT {tensorrt} can't build version-compatible engines")
    options += [OPTIONS[flag] for flag in order.flags]
    if order.check is None:
        return [*options, "--skipInference" if at >= (8, 6) else "--buildOnly"]
    loaded = ",".join(f"{name}:{path}" for name, path in _inputs(order.check, scratch))
    return [
        *options,
        f"--loadInputs={loaded}",
        f"--exportOutput={scratch / 'outputs.json'}",
        *(f"--iterations={RUNS}", "--duration=0", "--warmUp=200"),
    ]


def failure(output: str, code: int) -> str:
    """Return the program's own words for a failure, in one line."""
    marked = [
        line for line in output.splitlines() if "[E]" in line or line.startswith("&&&& FAILED")
    ]
    last = " | ".join(marked[:3] or output.strip().splitlines()[-1:] or ["it said nothing"])
    if code < 0:
        last = f"signal {-code} ended it: {last}"
    return " ".join(last.split())[:TAIL]


def _inputs(check: Expected, scratch: Path) -> list[tuple[str, Path]]:
    result = []
    for number, (name, raw) in enumerate(check.inputs.items()):
        path = scratch / f"input-{number}.bin"
        path.write_bytes(raw)
        result.append((name, path))
    return result


def _run(command: list[str], log: Path) -> tuple[str, int, float]:
    """Run the program; return what it said, its exit code, and how many seconds it took."""
    began = time.monotonic()
    try:
        with log.open("wb") as out:
            code = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=BUILD_S,
                check=False,
            ).returncode
    except subprocess.TimeoutExpired:
        raise BuildError(f"trtexec had not ended after {BUILD_S:.0f} s") from None
    except OSError as error:
        raise BuildError(f"{command[0]} can't be run: {error.strerror}") from error
    text = log.read_text(encoding="utf-8", errors="replace")
    return text, code, time.monotonic() - began


def _outputs(path: Path) -> Optional[dict[str, list[float]]]:
    """Return the tensors of an --exportOutput; None where there is no such file.

    Raises BuildError for one that can't be read.
    """
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return {row["name"]: [float(value) for value in row["values"]] for row in rows}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BuildError(f"trtexec's outputs can't be read: {reason(error)}") from error
