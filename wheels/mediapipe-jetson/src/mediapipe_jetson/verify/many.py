"""Many reports judged again: a path (a JSON string) a line comes in, an answer a line goes out.

Not a face for users: whoever keeps a fleet's reports learns what their raw observations carry.
"""

from __future__ import annotations

import hashlib
import json
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any, Optional, TextIO

from mediapipe_jetson import __version__
from mediapipe_jetson.verify import report, session

# No report takes this long; one that is made to must not hold up the others.
SECONDS = 10.0
LONGEST_REASON = 300


def answer(content: bytes) -> dict[str, Any]:
    """Return the device's judgement and its tasks', or {"error": why there is none}.

    Age and start of the machine are left to the reader, who is on another one.
    """
    try:
        document = report.parse(content)
        judgements = report.rejudge_tasks(document)
        device = session.judge_device(judgements, "fresh").document()
        emulated, why = report.rejudge_emulated(document)
    except Exception as error:  # a report may be made to harm: whatever it raises is its answer
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:LONGEST_REASON]}"}
    tasks = {
        name: {key: value for key, value in task.items() if key != "facts"}
        for name, task in judgements.items()
    }
    known = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "mediapipe_jetson": __version__,
        "emulated": emulated,
        "emulated_reasons": list(why),
    }
    return {**known, **device, "tasks": tasks}


def _late(_number: int, _frame: Optional[FrameType]) -> None:
    raise TimeoutError(f"not judged within {SECONDS:.0f} s")


def main(lines: Iterable[str], out: TextIO) -> None:
    """Answer each line."""
    signal.signal(signal.SIGALRM, _late)
    for line in lines:
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            result = answer(Path(json.loads(line)).read_bytes())
        except OSError as error:
            result = {"error": f"it can't be read: {error.strerror or error}"}
        signal.setitimer(signal.ITIMER_REAL, 0)
        out.write(json.dumps(result) + "\n")
        out.flush()


if __name__ == "__main__":
    main(sys.stdin, sys.stdout)
