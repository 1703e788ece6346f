"""Builds one wheel inside the builder's container, by PEP 517; it has no network there.

Runs on the image's own Python, 3.9 or later, with nothing but the standard library and what lies
in /deps. It reads /build/request.json and writes /build/out/result.json.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import re
import site
import sys
from pathlib import Path
from typing import Any

WORK = Path("/build")
DEPS = "/deps"
FAILED = 1


def main() -> int:
    """Build; return 0 where a wheel was built or more packages are needed, else 1."""
    request = json.loads((WORK / "request.json").read_text(encoding="utf-8"))
    site.addsitedir(DEPS)
    # What a build needs stands before Debian's own packages.
    sys.path[:] = [DEPS, *(path for path in sys.path if path != DEPS)]
    source = WORK / "src"
    os.chdir(source)
    sys.path[:0] = [str(source / path) for path in request["backend_path"]]
    backend = _backend(request["backend"])
    if backend is None:
        return FAILED
    more = _missing(_call(backend, "get_requires_for_build_wheel", ()))
    if more:
        _result({"requires": more})
        return 0
    name = backend.build_wheel(str(WORK / "out"))
    _result({"wheel": name})
    return 0


def _backend(name: str) -> Any:  # noqa: ANN401 # PEP 517 names functions, no class
    module, _, attribute = name.partition(":")
    try:
        result = importlib.import_module(module)
    except ImportError as error:
        _result({"error": "backend", "words": str(error)})
        return None
    for part in filter(None, attribute.split(".")):
        result = getattr(result, part)
    return result


def _call(backend: Any, hook: str, default: Any) -> Any:  # noqa: ANN401 # as above
    function = getattr(backend, hook, None)
    return function() if function else default


def _missing(requirements: list[str]) -> list[str]:
    """Return the requirements of which /deps has no package; versions were resolved outside."""
    have = {_name(item.metadata["Name"]) for item in importlib.metadata.distributions(path=[DEPS])}
    return [text for text in requirements if _name(re.split(r"[^\w.-]", text)[0]) not in have]


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def _result(body: dict[str, Any]) -> None:
    (WORK / "out" / "result.json").write_text(json.dumps(body), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
