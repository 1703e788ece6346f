"""Kills at random moments of rollouts over sites, which must end as if there were none."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.sites import measure
from bench.sites import world as worlds
from bench.sites.world import Place, World
from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.progress import Progress
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.sites import journal
from jetson_kit.fleet.sites.answers import OUTCOME
from jetson_kit.fleet.sites.journal import SitesRecord

TARGETS: Mapping[str, str] = {
    "top": "the central rollout",
    "site": "a site's rollout",
    "command": "a command of a site's Receptor",
    "top-mesh": "the central Receptor",
    "site-mesh": "a site's Receptor",
    "link": "a site's link",
}
OF_A_SITE = {"site": Place.worker, "command": Place.command}
BOARDS = 2
# So many in one rollout; every third rollout is of an image that is never healthy.
EACH, BAD_EVERY = 4, 3
AWAY_S = (0.5, 6.0)
# A command of Receptor's, which lives for less than a second or as long as a rollout.
COMMAND_S = 2.0
SOONEST_S = 0.3
RESUMES = 5
LIMIT_S = 300.0
Kill = Mapping[str, Any]
"""What was killed, its `target`; of a site's process `site`, `pid` and `at`, its last step."""


@dataclass(frozen=True)
class Spans:
    """How long a rollout that nothing disturbs takes here, and the part of one site in it."""

    rollout_s: float
    site_s: float

    @property
    def apart_s(self) -> float:
        """Return the most seconds from one kill to the next: they come in all of a rollout."""
        return 2 * self.rollout_s / (EACH + 1)


def run(
    count: int,
    seed: int,
    progress: Progress,
    note: Callable[[Mapping[str, Any]], None],
    targets: Sequence[str] = (),
) -> None:
    """Make so many kills, of these targets alone if any; `note` gets a row for each rollout."""
    choose = random.Random(seed)  # noqa: S311 # moments, which must be found again
    folder = Path(tempfile.mkdtemp(prefix="kit-kills-"))
    try:
        with worlds.up(folder, BOARDS) as world:
            with progress.step("sites", "two sites join") as step:
                measure.join(world)
                spans = _spans(world)
                step.note = f"a rollout takes {spans.rollout_s:.0f} s, {spans.site_s:.0f} at a site"
            done = number = 0
            while done < count:
                number += 1
                row = _Rollout(world, choose, spans, targets or tuple(TARGETS)).run(
                    number, progress
                )
                done += len(row["kills"])
                note({**row, "seed": seed, "number": number})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _spans(world: World) -> Spans:
    """Roll the first release out, and look how long it is at work where."""
    begun, at_work = time.monotonic(), 0.0
    process = world.start(*world.rollout_words(worlds.release(world, "begin")))
    while process.poll() is None:
        before = time.monotonic()
        time.sleep(0.1)
        if any(place.worker() for place in world.places.values()):
            at_work += time.monotonic() - before
    if process.returncode:
        raise StepFailedError(f"a rollout ends with {process.returncode}: {process.communicate()}")
    process.communicate()
    return Spans(time.monotonic() - begun, at_work / len(world.places))


class _Rollout:
    """One rollout under kills."""

    def __init__(
        self, world: World, choose: random.Random, spans: Spans, targets: Sequence[str]
    ) -> None:
        self.world = world
        self.kills: list[Kill] = []
        self._choose = choose
        self._spans = spans
        self._targets = targets

    def run(self, number: int, progress: Progress) -> dict[str, Any]:
        """Roll a release out under kills, resume until it ends; return its result."""
        bad = number % BAD_EVERY == 0
        before = self.world.images()
        how = {"kind": "unhealthy"} if bad else {}
        release = worlds.release(self.world, f"kill-{number}", **how)
        what = "an unhealthy image" if bad else "a good image"
        with progress.step(f"kills {number}", what) as step:
            code = self._under_kills(release)
            names = ", ".join(str(kill["target"]) for kill in self.kills)
            step.note = f"{names or 'ended before any'}; exit code {code}"
        shutil.rmtree(release.folder, ignore_errors=True)
        after = self.world.images()
        expected = before if bad else dict.fromkeys(before, release.image_id)
        everywhere = set(after.values()) == {release.image_id}
        return {
            "bad_image": bad, "kills": [kill["target"] for kill in self.kills],
            "processes": [kill for kill in self.kills if "pid" in kill],
            "resumed_at_sites": sum(
                place.journal().count('"resume"') for place in self.world.places.values()
                if release.image_id in place.journal()
            ),
            "exit_code": code,
            "lost": sorted(name for name in after if after[name] != expected[name]),
            "false_success": code == 0 and (bad or not everywhere),
            "unlike": code != (1 if bad else 0),
        }  # fmt: skip

    def _under_kills(self, release: Release) -> int:
        process = self.world.start(*self.world.rollout_words(release))
        try:
            for _ in range(EACH):
                target = self._choose.choice(self._targets)
                # A process of a site's has its own moment, in its own life.
                most_s = SOONEST_S if target in OF_A_SITE else self._spans.apart_s
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.communicate(timeout=self._choose.uniform(SOONEST_S, most_s))
                    break
                if kill := self._kill(target, process, release):
                    self.kills.append({"target": TARGETS[target], **kill})
                if target == "top":
                    process.communicate()
                    process = self.world.start(*_rollout_arguments(self.world, release))
        except BaseException:
            _stop(process)
            raise
        code = _end(process)
        for _ in range(RESUMES):
            # As a user would: 0 is done, 1 with nothing open is over, all else goes on.
            if code == 0 or (code == 1 and not _open(self.world)):
                break
            time.sleep(2)
            code = _end(self.world.start(*_rollout_arguments(self.world, release)))
        return code

    def _kill(self, target: str, central: subprocess.Popen[str], release: Release) -> Kill | None:
        """Kill something, and start again what its unit would; None where it was not there."""
        place = self.world.places[self._choose.choice(list(self.world.places))]
        away = self._choose.uniform(*AWAY_S)
        if find := OF_A_SITE.get(target):
            most_s = self._spans.site_s if target == "site" else COMMAND_S
            return self._of_a_site(central, release, find, self._choose.uniform(0, most_s))
        if target == "top":
            os.killpg(central.pid, signal.SIGKILL)
        elif target == "site-mesh":
            os.kill(place.pid(), signal.SIGKILL)
            time.sleep(away)
            place.mesh_up()
        elif target == "top-mesh":
            path = self.world.state / "sites" / "node" / "receptor.pid"
            os.kill(int(path.read_text("ascii").split()[0]), signal.SIGKILL)
            time.sleep(away)
            self.world.inv("sites.up", "-i", self.world.file)
        else:
            worlds.cut(self.world, place.name, whole=False)
            time.sleep(away)
            worlds.cut(self.world, place.name, whole=True)
        return {}

    def _of_a_site(
        self,
        central: subprocess.Popen[str],
        release: Release,
        find: Callable[[Place], int],
        after_s: float,
    ) -> Kill | None:
        """Wait for a process of a site's, and kill it so many seconds later.

        One that ends before is let go; the next is killed sooner. None where the rollout ended.
        """
        since: dict[int, float] = {}
        while central.poll() is None:
            for place in self.world.places.values():
                if not (pid := find(place)):
                    continue
                begun = since.setdefault(pid, time.monotonic())
                if time.monotonic() - begun >= after_s and _hit(pid):
                    return {"site": place.name, "pid": pid, "at": _last_step(place, release)}
            gone = [pid for pid in since if not Path(f"/proc/{pid}").exists()]
            for pid in gone:
                del since[pid]
                after_s /= 2
            time.sleep(0.02)
        return None


def _hit(pid: int) -> bool:
    """Kill a process; tell whether that ended it, and not its own end just before."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return False
    # A worker writes its outcome before it ends.
    return not arguments[-2:-1] or not Path(arguments[-2]).with_suffix(OUTCOME).is_file()


def _last_step(place: Place, release: Release) -> str:
    """Return the last line of a site's journal of a rollout in a few words, "" before its first."""
    text = place.journal()
    lines = text.split("\n")[:-1] if release.image_id in text else []
    line = json.loads(lines[-1]) if lines else {}
    values = (line.get(key) for key in ("seq", "event", "wave", "host", "step", "state", "result"))
    return " ".join(str(value) for value in values if value is not None)


def _rollout_arguments(world: World, release: Release) -> list[str | Path]:
    """Return the words that go on with a release's rollout, or begin it if it had not begun yet."""
    record = _newest(world)
    if record is None or record.image_id != release.image_id:
        return world.rollout_words(release)
    return ["sites.rollout", "--resume", record.id, "--json"]


def _end(process: subprocess.Popen[str]) -> int:
    try:
        process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        _stop(process)
        return -9
    except BaseException:
        _stop(process)
        raise
    return process.returncode


def _stop(process: subprocess.Popen[str]) -> None:
    """End a rollout that is in a session of its own: it would outlive this program."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _newest(world: World) -> SitesRecord | None:
    """Return the newest rollout; one that was killed in its first line is none."""
    paths = sorted((world.state / "sites" / "rollouts").glob("*.jsonl"))
    for path in reversed(paths):
        with contextlib.suppress(BadInputError):
            return journal.read(path)
    return None


def _open(world: World) -> bool:
    """Tell whether the newest rollout has something left to do."""
    record = _newest(world)
    return record is not None and (not record.ended or bool(record.open))
