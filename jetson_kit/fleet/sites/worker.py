"""The process at a site that does one request: it outlives the mesh and the link.

What it came to is in a file beside the request, written before it ends.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import InternalError, KitError
from jetson_kit.core.files import write_text
from jetson_kit.fleet import controller
from jetson_kit.fleet.rollout import command, take_back
from jetson_kit.fleet.rollout import plan as rollout_plan
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.fleet.sites.answers import NOTHING, OUTCOME, failure


def main(path: Path) -> int:
    """Do the request in a file; write what it came to."""
    request = json.loads(path.read_text(encoding="utf-8"))
    try:
        outcome = {"kind": "end", "result": work(request)}
    except KitError as error:
        outcome = failure(error)
    except (Exception, KeyboardInterrupt) as error:  # one line for the caller
        outcome = failure(InternalError(f"{type(error).__name__}: {error}"))
    write_text(path.with_suffix(OUTCOME), json.dumps(outcome))
    return 0


def work(request: dict[str, Any]) -> str:
    """Roll out, go on with it, or take it back, by the rollout's id; return its result."""
    number = str(request["id"])
    journal = controller.rollouts(controller.state_dir()) / f"{number}.jsonl"
    if journal.is_file() and b"\n" not in journal.read_bytes():
        journal.unlink()  # killed before its first line was whole: nothing was done
    if request["verb"] == "back":
        if not journal.is_file():
            return NOTHING
        return take_back.take_back(number, str(request["why"]), quiet=True).ended
    return _rollout(request, number, begun=journal.is_file()).ended


def _rollout(request: dict[str, Any], number: str, *, begun: bool) -> Record:
    if begun:
        return command.resume(number, quiet=True)
    return command.start(
        command.RolloutRequest(
            Path(request["inventory"]),
            str(request["release"]),
            rollout_plan.parse(request["plan"]),
            quiet=True,
            number=number,
        )
    )


if __name__ == "__main__":
    # The lock that says who is at work is inherited, and free when this process has ended.
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(code)
