"""The command line of `engines`: what is here and why it fits or not; building."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson import exit_codes
from mediapipe_jetson import options as kinds
from mediapipe_jetson.backends import tensorrt
from mediapipe_jetson.backends.base import BackendError
from mediapipe_jetson.backends.cuda import Cuda
from mediapipe_jetson.engines import background, builders, fit, make, manifest, places
from mediapipe_jetson.engines.errors import BuildError, ManifestError, NoBuilderError
from mediapipe_jetson.engines.identity import LocalRuntime
from mediapipe_jetson.engines.make import Place
from mediapipe_jetson.engines.manifest import Manifest, Onnx
from mediapipe_jetson.observation import reason
from mediapipe_jetson.usage import Parser, line


def main(arguments: Sequence[str]) -> int:
    """Run one of the commands; return the exit code."""
    parser = Parser("engines", "TensorRT engines: what is here, whether it fits, building.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    listed = _command(commands, "list", "Show engines and ONNX files, and why each fits or not.")
    listed.add_argument("--json", action="store_true", help="print JSON")
    build = _command(commands, "build", "Build engines of a folder's ONNX files.")
    build.add_argument("--from", dest="source", required=True, type=kinds.folder, metavar="DIR",
                       help="folder of ONNX files, by ./inv engines.export")  # fmt: skip
    build.add_argument("--to", required=True, type=Path, metavar="DIR",
                       help="folder to write engines and their manifest to")  # fmt: skip
    build.add_argument("--only", metavar="ONNX", help="only this file")
    build.add_argument("--lean", action="store_true", help="for TensorRT's lean runtime")
    build.add_argument("--device", default="{}", metavar="JSON", help="facts of the board")
    behind = _command(commands, "background", "Build what is missing, at low priority.")
    behind.add_argument("--detach", action="store_true", help="go on alone")
    for item in (listed, build, behind):
        item.add_argument("--sm", default="", help="such as 8.7 (default: the GPU's)")
        item.add_argument(
            "--tensorrt", default="", help="its version (default: the one that is here)"
        )
    options = parser.parse_args(arguments)
    return {"list": _list, "build": _build, "background": _background}[options.command](options)


def _command(commands: Any, name: str, about: str) -> argparse.ArgumentParser:  # noqa: ANN401
    """Add a command whose line in the list is its description, too."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    return parser


def _list(options: argparse.Namespace) -> int:
    here, why = _here(options)
    rows: list[dict[str, Any]] = []
    for folder in places.folders():
        try:
            result = manifest.read(folder)
        except ManifestError as error:
            rows.append({"folder": str(folder), "problem": str(error)})
            continue
        for engine in result.engines if result else ():
            problem = fit.problem(engine, here) if here else why
            rows.append({"folder": str(folder), "file": engine.file, "problem": problem or ""})
        for source in result.onnx if result else ():
            rows.append({"folder": str(folder), "file": source.file, "problem": ""})
    body = {"here": here.__dict__ if here else None, "why": why, "files": rows,
            "background": background.state()}  # fmt: skip
    if options.json:
        print(json.dumps(body, indent=1))
        return 0
    print(
        f"SM {here.sm}, TensorRT {here.tensorrt}{' (lean)' if here.lean else ''}" if here else why
    )
    for row in rows:
        print(f"{row['folder']}/{row.get('file', '')}: {row['problem'] or 'fits'}")
    return 0


def _here(options: argparse.Namespace) -> tuple[Optional[LocalRuntime], str]:
    """Return what would run engines, or why nothing can."""
    if options.sm and options.tensorrt:
        return LocalRuntime(options.sm, options.tensorrt, lean=False), ""
    try:
        library = tensorrt.library()
        device = Cuda()
        try:
            return tensorrt.here(library, device), ""
        finally:
            device.close()
    except BackendError as error:
        return None, str(error)


def _build(options: argparse.Namespace) -> int:
    """Build in this process, one engine after the other; a line each, exit code 1 if any failed."""
    try:
        source = manifest.read(options.source)
        if source is None:
            print(line(f"error: {options.source} has no {manifest.FILE}"), file=sys.stderr)
            return exit_codes.BAD_INPUT
        document = json.loads(options.device)
        builder = builders.find()
        version = options.tensorrt or str(document.get("tensorrt") or builder.tensorrt)
        sm = options.sm or str(document.get("sm", ""))
        device = make.facts({**document, "sm": sm, "tensorrt": version})
    except (ManifestError, NoBuilderError) as error:
        print(line(f"error: {error}"), file=sys.stderr)
        return exit_codes.of(error)
    except (ValueError, AttributeError, RecursionError) as error:
        print(line(f"error: --device: {error}"), file=sys.stderr)
        return exit_codes.BAD_INPUT
    flags = builders.LEAN_FLAGS if options.lean else ()
    place = Place(options.to, sm, version, flags, device)
    requested = [item for item in source.onnx if options.only in (None, item.file)]
    with make.alone(options.to, wait=True):
        failed = [item.file for item in requested if not _build_engine(place, item, builder)]
        _drop(place, source)
    return exit_codes.NEGATIVE if failed else exit_codes.DONE


def _build_engine(place: Place, source: Onnx, builder: builders.Builder) -> bool:
    there = make.known(place, source)
    try:
        engine = there or make.build_engine(place, source, builder)
    except (BuildError, OSError) as error:
        print(line(f"error: {source.file}: {reason(error)}"), file=sys.stderr, flush=True)
        return False
    output = "there already" if there else f"built in {engine.build_s:.1f} s"
    emulated = "; a stand-in's, no engine" if engine.emulated else ""
    print(f"{engine.file}: {output}, {engine.check.why}{emulated}", flush=True)
    return True


def _drop(place: Place, source: Manifest) -> None:
    """List no engine that none of the source's ONNX files asks for."""
    result = manifest.read(place.folder)
    if not result:
        return
    sha256s = {item.sha256 for item in source.onnx}
    engines = tuple(engine for engine in result.engines if engine.onnx_sha256 in sha256s)
    if engines != result.engines:
        manifest.write(Manifest(place.folder, engines, result.onnx, result.device))


def _background(options: argparse.Namespace) -> int:
    if options.detach and not background.detach():
        return 0
    background.step_back()
    here, why = _here(options)
    if here is None:
        print(line(f"error: {why}"), file=sys.stderr)
        return exit_codes.MISSING
    device = {"sm": here.sm, "tensorrt": here.tensorrt}
    flags = builders.LEAN_FLAGS if here.lean else ()
    try:
        return exit_codes.NEGATIVE if background.work(here, device, flags) else 0
    except NoBuilderError as error:
        print(line(f"error: {error}"), file=sys.stderr)
        return exit_codes.of(error)
