"""How the application's container ended: exit code and last lines, for whoever looks why.

The unit's ExecStopPost notes it before the container is removed. What a container printed is not
parsed: a bounded end of it is cut into lines, of which control characters are removed.
"""

import re
import unicodedata
from typing import Any, Dict, List

from mediapipe_image import command, disk, engine, records
from mediapipe_image.errors import ImageError, IntegrityError
from mediapipe_image.settings import Settings

# In /run: of this boot, and only root writes there.
RECORD = disk.RUN / "ended.json"
# What an application prints may be private: like the engine's log it is root's alone.
MODE = 0o600
ENTRIES, LOG_BYTES, LOG_S = 20, 8192, 10.0
LINES, LINE_CHARACTERS = 5, 200
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)?|[@-Z\\-_])")
SEPARATOR = " | "
NOT_STARTED = "the engine does not start the container: {}"
# What provisioning makes and a device that was wiped lacks.
NO_FOLDER, OWN_FOLDERS = (
    "does not exist",
    ("/var/lib/mediapipe-jetson", "/var/cache/mediapipe-jetson"),
)
PROVISION = "; was this device wiped, or installed anew? ./inv fleet.provision makes that"
# Who becomes its client in the unit; docker itself in units of older versions.
STARTERS = ("mediapipe-start", "docker")
CLIENT, STARTER = "docker: Error response from daemon: ", "error: "
# One that ran so long did not crash at its start; then waits begin anew.
STEADY_S = 60.0
LONGEST_PAUSE_S = 30.0


def note(settings: Settings) -> Dict[str, Any]:
    """Note how the container ended, when the service stops; an end on request is none."""
    end = engine.end(settings.container)
    # A start that fails is on request, too, and its end is none that was asked for.
    if _on_request(settings) and not (end and end.not_started):
        disk.remove(RECORD)
        return {"changed": False}
    if end is None:
        return {"changed": False}
    before = _read()
    image_id = records.image_id(end.engine_id)
    # What lacks a device may have it any moment: that is looked for without a wait.
    quick = end.ran_s < STEADY_S and not end.not_started
    same = before.get("image_id") == image_id
    body = {
        "image_id": image_id,
        "exit_code": end.exit_code,
        "out_of_memory": end.out_of_memory,
        "at_uptime": disk.uptime(),
        "quick": (before["quick"] if same else 0) + 1 if quick else 0,
        "lines": [] if end.not_started else last_lines(settings.container),
        "not_started": " ".join(clean(end.not_started.encode())),
    }
    disk.write_json(RECORD, body, MODE)
    return {"changed": True, "exit_code": end.exit_code, "quick": body["quick"]}


def pause(image_id: str) -> float:
    """Return how many seconds to wait before an image that ends at once is started again."""
    record = _read()
    if record.get("image_id") != image_id or record["quick"] < 2:
        return 0.0
    return float(min(2.0 ** min(record["quick"] - 2, 10), LONGEST_PAUSE_S))


def words(image_id: str, since: float = 0.0) -> str:
    """Return how an image's container ended, after `since` (time since boot); "" if it did not."""
    record = _read()
    if record.get("image_id") != image_id or record["at_uptime"] < since:
        return ""
    if record.get("not_started"):
        return _not_started(record["not_started"])
    return _ended(record["exit_code"], record["out_of_memory"], record["lines"])


def of_start(settings: Settings, since: float) -> str:
    """Return why the container could not be started after `since`; "" where that is not known."""
    record = _read()
    if record and record["at_uptime"] >= since and record.get("not_started"):
        return _not_started(record["not_started"])
    # Where the engine made no container, its client's words are all there is.
    words = ["journalctl", "--unit", settings.unit, "--output", "cat"]
    words += [f"--identifier={name}" for name in STARTERS]
    period = f"--since=-{disk.uptime() - since + 1:.0f}s"
    try:
        raw = command.tail([*words, "--no-pager", period], LOG_BYTES, LOG_S)
    except ImageError:
        return ""
    lines = [line for line in clean(raw) if line.startswith((CLIENT, STARTER))]
    if not lines:
        return ""
    said = lines[-1][len(CLIENT if lines[-1].startswith(CLIENT) else STARTER) :]
    return _not_started(said.rstrip("."))


def _not_started(problem: str) -> str:
    wiped = NO_FOLDER in problem and any(folder in problem for folder in OWN_FOLDERS)
    return NOT_STARTED.format(problem) + (PROVISION if wiped else "")


def _ended(exit_code: int, out_of_memory: bool, lines: List[str]) -> str:
    memory = ", out of memory" if out_of_memory else ""
    return f"the application ended with exit code {exit_code}{memory}; {_quoted(lines)}"


def of_container(settings: Settings) -> str:
    """Return how a container that is still there ended, or what its health check says.

    With its last lines; "" where the engine does not answer.
    """
    try:
        end = engine.end(settings.container)
        if end is not None:
            if end.not_started:
                return _not_started(" ".join(clean(end.not_started.encode())))
            lines = last_lines(settings.container)
            return _ended(end.exit_code, end.out_of_memory, lines)
        check = " ".join(clean(engine.health_words(settings.container))[-1:])
        lines = last_lines(settings.container)
    except ImageError:
        return ""
    return (f"its health check says: {check}; " if check else "") + _quoted(lines)


def last_lines(name: str) -> List[str]:
    """Return the last lines that a container printed, cleaned; none where they can't be had."""
    try:
        return clean(engine.log_end(name, ENTRIES, LOG_BYTES, LOG_S))
    except ImageError:
        return []


def clean(raw: bytes) -> List[str]:
    """Return the last lines of bytes as text of one line each, without control characters."""
    text = ESCAPES.sub("", raw.decode("utf-8", "replace"))
    lines = []
    # Not splitlines: it would cut at characters that are none of a log's.
    for line in re.split(r"[\r\n]+", text):
        # C: control, format (writing direction), private use, unassigned; Zl and Zp end lines.
        printed = "".join(
            " " if item == "\t" or unicodedata.category(item) in ("Zl", "Zp") else item
            for item in line
            if item == "\t" or not unicodedata.category(item).startswith("C")
        ).strip()
        if printed:
            over = len(printed) > LINE_CHARACTERS
            lines.append(printed[: LINE_CHARACTERS - 3] + "..." if over else printed)
    return lines[-LINES:]


def _quoted(lines: List[str]) -> str:
    return f"its last lines: {SEPARATOR.join(lines)}" if lines else "it printed nothing"


def _read() -> Dict[str, Any]:
    """Return the record; {} where there is none, or it is damaged."""
    try:
        body = disk.read_json(RECORD) or {}
        kinds = (str, int, bool, float, int, list)
        keys = ("image_id", "exit_code", "out_of_memory", "at_uptime", "quick", "lines")
        good = all(isinstance(body[key], kind) for key, kind in zip(keys, kinds))
        return body if good and all(isinstance(line, str) for line in body["lines"]) else {}
    except (IntegrityError, KeyError, OSError):
        return {}


def _on_request(settings: Settings) -> bool:
    """Tell whether systemd was told to stop the service: then a job of it is under way."""
    done = command.ask(["systemctl", "show", settings.unit, "--property=Job"])
    return done.out.strip().partition("=")[2] not in ("", "0")
