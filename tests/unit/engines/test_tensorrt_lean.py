"""TensorRT's real lean runtime on a machine without a GPU: its API, and what our backend says."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from jetson_kit.core import locked_env
from jetson_kit.core.paths import ROOT
from jetson_kit.wheels.device_wheel import SOURCE
from tests.support.here import not_here_if

pytestmark = [pytest.mark.network, pytest.mark.slow]

PACKAGE = SOURCE / "src"
GPU = Path("/dev/nvidiactl").exists()
# What the backend calls by name, out of its own source.
CALLS = re.compile(r"(?:engine|context|_context|_engine|_runtime|trt)\.([a-zA-Z_]\w*)")
BEFORE_8_5 = {
    "num_bindings", "get_binding_name", "get_binding_shape", "get_binding_dtype",
    "binding_is_input", "execute_async_v2",
}  # fmt: skip
OURS = {"tensorrt", "path", "file", "flags", "inputs", "outputs"}
DIRECT = """
import tensorrt_lean_bindings as trt
trt.Runtime(trt.Logger()).deserialize_cuda_engine(b"no engine")
"""
OVER_US = """
import hashlib, json, sys
from pathlib import Path
from mediapipe_jetson.backends import tensorrt
from mediapipe_jetson.backends.base import BackendUnavailableError, SubModel
made = tensorrt.create()
found = tensorrt.library()
try:
    made.load(SubModel.of("toy", b"x"))
except BackendUnavailableError as error:
    said = f"{type(error).__name__}: {error}"
print(json.dumps([found.lean, found.version, made.available(), said]))
"""
NAMES = """
import json, sys
import tensorrt_lean_bindings as trt
from cuda.bindings import driver
classes = (trt.Runtime, trt.ICudaEngine, trt.IExecutionContext)
known = {name for one in (trt, *classes) for name in dir(one)}
print(json.dumps([sorted(known), dir(driver)]))
"""


@cache
def python() -> Path:
    lock = ROOT / "requirements" / "tensorrt-lean.txt"
    return locked_env.programs("engines", "lean", lock, sys.executable) / "python"


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python()), "-c", script],
        capture_output=True, text=True, check=False, timeout=120,
        env={"PYTHONPATH": str(PACKAGE), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


@not_here_if(GPU, "there is a GPU")
def test_without_a_driver_tensorrt_ends_the_process() -> None:
    # Why the backend asks CUDA first: the day this fails, it need not any more.
    assert run(DIRECT).returncode == -signal.SIGSEGV


@not_here_if(GPU, "there is a GPU")
def test_without_a_driver_the_backend_says_so() -> None:
    done = run(OVER_US)
    assert done.returncode == 0, done.stderr
    lean, version, available, message = json.loads(done.stdout)
    assert (lean, version) == (True, "11.0.0.114")
    assert "no CUDA driver" in available
    assert message.startswith("CudaMissingError: no CUDA driver")
    assert "\n" not in message


def test_all_that_is_called_exists() -> None:
    done = run(NAMES)
    assert done.returncode == 0, done.stderr
    known, driver = json.loads(done.stdout)
    backends = PACKAGE / "mediapipe_jetson" / "backends"
    source = (backends / "tensorrt_session.py").read_text(encoding="utf-8")
    called = set(CALLS.findall(source)) - OURS - BEFORE_8_5
    assert {"execute_async_v3", "set_tensor_address", "deserialize_cuda_engine"} <= called
    assert called <= set(known) | {"__version__"}
    cuda = (backends / "cuda.py").read_text(encoding="utf-8")
    calls = set(re.findall(r'"(cu[A-Z]\w+)"', cuda)) - {"cuGraphInstantiateWithFlags"}
    assert len(calls) > 20
    assert calls <= set(driver)
