"""The document of a first start: what is here, what imports, and how the inference went."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import platform
import ssl
import sys
from typing import Any

from mediapipe_jetson import exit_codes, info, landmarks, selftest
from mediapipe_jetson.diagnosis import Ending
from mediapipe_jetson.forked import Forked
from mediapipe_jetson.models import FACE_MODEL, models_folder

SCHEMA = "mediapipe-jetson/first-start/1"
IMPORTS = ("cv2", "numpy")
TIMEOUT_S = 300.0


def document(forked: Forked) -> dict[str, Any]:
    """Return the JSON document; the inference runs in its own process meanwhile.

    Raises ImportError for a module of `IMPORTS`.
    """
    for name in IMPORTS:
        importlib.import_module(name)
    sections = info.observe()
    return {
        "schema": SCHEMA,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "distributions": {
            distribution.metadata["Name"]: distribution.version
            for distribution in importlib.metadata.distributions()
        },
        "ca_certificates": ssl.create_default_context().cert_store_stats()["x509_ca"],
        "info": info.document(sections),
        "selftest": _selftest(forked),
    }


def _selftest(forked: Forked) -> dict[str, Any]:
    model = models_folder() / FACE_MODEL
    verdict = selftest.selftest(
        model, landmarks.PICTURE, forked.frames, TIMEOUT_S, lambda *_: _ending(forked)
    )
    return verdict.document()


def _ending(forked: Forked) -> Ending:
    reported, code = forked.result(TIMEOUT_S)
    return selftest.ending_of(reported, code, forked.output)


def print_document(forked: Forked) -> int:
    """Print the document; return 0 whatever its verdict, another code if there is none."""
    try:
        print(json.dumps(document(forked)))
    except Exception as error:  # one line, whatever it is
        print(f"error: {type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return exit_codes.of(error)
    return 0
