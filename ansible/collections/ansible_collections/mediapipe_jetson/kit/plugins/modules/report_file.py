#!/usr/bin/python
"""Reads a report that a container wrote: a regular file, of limited size, no link followed.

It runs on the device, with Python 3.6 or later and no more.
"""

DOCUMENTATION = """
module: report_file
short_description: Reads a JSON report that a container may have written
description:
  - Whoever wrote it may be hostile, and root reads it. So a link, a FIFO, a device and a folder are
    refused, and so is what is too long, nests too deep, has two meanings, or is no JSON object.
options:
  path:
    description: The report. Only root may be able to give the name of its folder to another one.
    type: path
    required: true
  largest:
    description: The most bytes that it may have.
    type: int
    default: 8388608
author:
  - MediaPipe Jetson Kit (!UNKNOWN)
"""

EXAMPLES = """
- name: Read the report
  mediapipe_jetson.kit.report_file:
    path: /var/lib/mediapipe-jetson/reports/verify.json
"""

RETURN = """
report:
  description: The report.
  returned: success
  type: dict
"""

import errno
import json
import math
import os
import stat
from typing import Any, Dict, List, Tuple

from ansible.module_utils.basic import AnsibleModule

FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
DEEPEST = 40
# Of the largest whole number that other programs take.
DIGITS = 20


def read(path: str, largest: int) -> Any:  # noqa: ANN401 # JSON
    """Return the document. Raises OSError, or ValueError for what is none."""
    handle = os.open(path, FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError("it is no regular file")
        raw = b""
        while len(raw) <= largest:
            block = os.read(handle, largest + 1 - len(raw))
            if not block:
                break
            raw += block
    finally:
        os.close(handle)
    if len(raw) > largest:
        raise ValueError(f"it has more than {largest} bytes")
    try:
        text = raw.decode("utf-8")
        body = json.loads(
            text, object_pairs_hook=_once, parse_int=_whole, parse_float=_finite,
            parse_constant=_finite,
        )  # fmt: skip
        # Half a pair of surrogates is no character: whoever writes it on would fail.
        if "\\ud" in text.lower():
            json.dumps(body, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise ValueError("it nests too deep") from error
    layer = [body]
    for _depth in range(DEEPEST):
        layer = [item for held in layer if isinstance(held, (dict, list))
                 for item in (held.values() if isinstance(held, dict) else held)]  # fmt: skip
        if not layer:
            return body
    raise ValueError("it nests too deep")


def _once(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("it has a name twice")
    return result


def _whole(text: str) -> int:
    # Before Python 3.11 a number of a million digits takes minutes.
    if len(text) > DIGITS:
        raise ValueError(f"it has a number of {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is no finite number")
    return value


def main() -> None:
    """Read the arguments, return the report."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "largest": {"type": "int", "default": 8 << 20},
        },
        supports_check_mode=True,
    )
    path = module.params["path"]
    try:
        report = read(path, module.params["largest"])
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        why = "it is a link" if getattr(error, "errno", 0) == errno.ELOOP else why
        module.fail_json(msg=f"{path} is no report: {why}")
    if not isinstance(report, dict):
        module.fail_json(msg=f"{path} is no report: it is no JSON object")
    module.exit_json(changed=False, report=report)


if __name__ == "__main__":
    main()
