"""A device's first use of a sub-model on the GPU: in a process of its own, against the CPU.

What came of it is kept for this model, precision, Vulkan device, driver and LiteRT. A driver that
crashes, hangs or gives other numbers than the CPU is known from then on.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson import isolated
from mediapipe_jetson.backends.base import SubModel
from mediapipe_jetson.choice import choice_store
from mediapipe_jetson.observation import reason
from mediapipe_jetson.observe import packages, vulkan_devices

CHILD = "mediapipe_jetson.backends.first_use_child"
PACKAGE = Path(__file__).resolve().parents[2]
SCHEMA = "mediapipe-jetson/first-use/1"
# Shaders are compiled: a minute was seen on a busy machine in software.
TIMEOUT_S = 300.0
ADAPTER = re.compile(r"Selected adapter: (.+)")
ERROR_LINE = re.compile(r"^ERROR: (.+)", re.MULTILINE)
# Of this process: where nothing can be kept, each sub-model is still tried once only.
_known: dict[str, Verdict] = {}


@dataclass(frozen=True)
class Verdict:
    """What the first use came to; `why_not` is "" where the GPU may be used.

    `error` is the largest difference from the CPU over the largest value, `adapter` what Dawn
    names, milliseconds are of one run.
    """

    why_not: str
    adapter: str = ""
    error: Optional[float] = None
    first_ms: Optional[float] = None
    gpu_ms: Optional[float] = None
    cpu_ms: Optional[float] = None
    fresh: bool = True


class NoVerdictError(RuntimeError):
    """The machine was too busy, or could start no process: of the GPU that says nothing."""


def key_of(sub_model: SubModel, name: str) -> tuple[str, dict[str, Any]]:
    """Return a name for what the verdict depends on, and these facts."""
    facts = {
        "model": sub_model.sha256,
        "backend": name,
        "litert": packages.version("ai-edge-litert"),
        "machine": platform.machine(),
        "vulkan": vulkan_devices.identity(),
    }
    text = json.dumps(facts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32], facts


def check(sub_model: SubModel, tflite: bytes, name: str) -> Verdict:
    """Return the verdict, tried now unless it is known; `tflite` is the model as it is loaded.

    One without an answer is not kept: the next process tries anew.
    """
    key, facts = key_of(sub_model, name)
    if key in _known:
        return _known[key]
    path = choice_store.folder() / f"first-use-{key}.json"
    verdict = _read(path, facts)
    if verdict is None:
        try:
            verdict = attempt(tflite, name)
        except NoVerdictError as error:
            _known[key] = Verdict(str(error))
            return _known[key]
        document = {"schema": SCHEMA, "name": sub_model.name, "facts": facts, **asdict(verdict)}
        choice_store.write(path, document)
    _known[key] = verdict
    return verdict


def known(sub_model: SubModel, name: str) -> Optional[Verdict]:
    """Return the verdict that this process knows of a sub-model on a backend."""
    return _known.get(key_of(sub_model, name)[0])


def _read(path: Path, facts: dict[str, Any]) -> Optional[Verdict]:
    try:
        document = json.loads(path.read_bytes())
        if document["schema"] != SCHEMA or document["facts"] != facts:
            return None
        fields = {name: document[name] for name in Verdict.__dataclass_fields__}
        if not isinstance(fields["why_not"], str):
            return None
        return Verdict(**{**fields, "fresh": False})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def attempt(tflite: bytes, name: str, timeout_s: float = TIMEOUT_S) -> Verdict:
    """Run a model on the GPU and the CPU in a child; return the verdict.

    Raises NoVerdictError.
    """
    with tempfile.TemporaryDirectory(prefix="first-use-") as folder:
        path = Path(folder, "model.tflite")
        path.write_bytes(tflite)
        places = [str(PACKAGE), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        try:
            done = subprocess.run(
                [sys.executable, "-m", CHILD, str(path), name],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout_s,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NoVerdictError(f"the GPU gave no answer within {timeout_s:g} s") from None
        except OSError as error:
            raise NoVerdictError(
                f"no process could be started for its first use: {reason(error)}"
            ) from error
    return evaluate(done.returncode, done.stdout.decode("utf-8", "replace"),
                  done.stderr.decode("utf-8", "replace"), name)  # fmt: skip


def evaluate(code: int, output: str, log: str, name: str) -> Verdict:
    """Return the verdict of a child's exit code, its last line (JSON) and its log."""
    named = ADAPTER.search(log)
    adapter = named.group(1).strip() if named else ""
    try:
        facts: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return Verdict(f"at its first use {isolated.ending(code)}", adapter)
    if facts.get("why_not"):
        matches = ERROR_LINE.findall(log)
        more = f" ({matches[-1].strip()[:160]})" if matches else ""
        return Verdict(f"{facts['why_not']}{more}", adapter)
    error, most = facts["error"], facts["tolerance"]
    why = ""
    # Not "error > most": a number that is none is wrong too.
    if not error <= most:
        why = f"its results differ from the CPU's by {error:.2g} of the largest value, "
        why += f"{most:g} is allowed for {name}"
    times = {name: facts[name] for name in ("first_ms", "gpu_ms", "cpu_ms")}
    return Verdict(why, adapter, error, **times)
