#!/usr/bin/python3 -ESs
"""Stand-in for trtexec: reads an ONNX file, builds nothing, writes a file that says so.

The ONNX file is really read, by the format: what is no whole graph of float32 tensors of fixed
shapes is refused as trtexec refuses it. There is no inference, so that no outputs are written.
"""

import hashlib
import importlib
import json
import sys
from pathlib import Path

NOTE = "trtexec: a stand-in of MediaPipe Jetson Kit, it builds no engine and infers nothing"
NO_ENGINE = "mediapipe-jetson: NOT AN ENGINE"
HERE = Path(__file__).resolve().parent
KNOWN = (
    "--onnx", "--saveEngine", "--timingCacheFile", "--memPoolSize", "--noTF32", "--fp16",
    "--stronglyTyped", "--versionCompatible", "--excludeLeanRuntime", "--skipInference",
    "--buildOnly", "--loadInputs", "--exportOutput", "--iterations", "--duration", "--warmUp",
)  # fmt: skip


def banner(version: str) -> str:
    """Return trtexec's own first words: 8.5.2 is v8502, 10.3.0.30 is v100300."""
    major, minor, patch = (*(int(part) for part in version.split(".")[:3]), 0, 0)[:3]
    number = major * (10000 if major >= 10 else 1000) + minor * 100 + patch
    return f"&&&& RUNNING TensorRT.trtexec [TensorRT v{number}] # {' '.join(sys.argv)}"


def refuse(why: str) -> int:
    """Say why there will be nothing, as trtexec does; return the exit code."""
    print(f"[E] {why}\n&&&& FAILED TensorRT.trtexec")
    return 1


def examine(path: Path) -> dict[str, object]:
    """Return what an ONNX file holds. Raises ValueError for what can't be built."""
    sys.path.insert(0, str(HERE))
    # It lies beside this program on a device alone.
    onnx_file = importlib.import_module("onnx_file")

    raw = path.read_bytes()
    model = onnx_file.parse(raw)
    for tensor in (*model.inputs, *model.outputs):
        if tensor.kind != onnx_file.FLOAT or not all(tensor.shape):
            raise ValueError(f"tensor {tensor.name} is not float32 of a fixed shape")
    return {
        "onnx_sha256": hashlib.sha256(raw).hexdigest(),
        "graph": model.name,
        "opset": model.opset,
        "nodes": sum(model.operators.values()),
        "inputs": [[tensor.name, list(tensor.shape)] for tensor in model.inputs],
        "outputs": [[tensor.name, list(tensor.shape)] for tensor in model.outputs],
    }


def main(arguments: list[str]) -> int:
    """Answer --help; else read --onnx and write --saveEngine."""
    print(NOTE)
    print(banner(json.loads((HERE / "face.json").read_text())["tensorrt"]))
    if "--help" in arguments or "-h" in arguments:
        return 0
    given = {argument.partition("=")[0]: argument.partition("=")[2] for argument in arguments}
    unknown = [name for name in given if name not in KNOWN]
    if unknown:
        return refuse(f"Unknown option: {unknown[0]}")
    if not given.get("--onnx") or not given.get("--saveEngine"):
        return refuse("this stand-in wants --onnx and --saveEngine")
    try:
        contents = examine(Path(given["--onnx"]))
    except (OSError, ValueError) as error:
        return refuse(f"Failed to parse {given['--onnx']}: {error}")
    options = [
        argument
        for argument in arguments
        if argument.partition("=")[0] not in ("--onnx", "--saveEngine")
    ]
    text = json.dumps({"stand_in": NOTE, "options": options, **contents}, indent=1)
    Path(given["--saveEngine"]).write_text(f"{NO_ENGINE}\n{text}\n")
    print("&&&& PASSED TensorRT.trtexec: nothing was built")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
