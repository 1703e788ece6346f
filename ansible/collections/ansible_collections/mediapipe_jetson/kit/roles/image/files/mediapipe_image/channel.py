"""Polls a channel: static files on any server, from which this board updates itself.

All is done by the steps that a rollout takes, with their states: offer, receive, switch on trial,
confirm, roll back. Any of it may be killed; the next poll goes on from there.
"""

import base64
import contextlib
import time
from pathlib import Path
from typing import Any, Dict, NamedTuple

from mediapipe_image import (
    blobs,
    change,
    channel_files,
    channel_policy,
    channel_report,
    channel_roles,
    channel_web,
    disk,
    prune,
    receive,
    service,
    sshsig,
    state_files,
    strict,
    trust,
)
from mediapipe_image import release as releases
from mediapipe_image.channel_policy import Policy
from mediapipe_image.channel_roles import Document
from mediapipe_image.errors import (
    BadInputError,
    BusyError,
    HeldError,
    ImageError,
    IntegrityError,
    UnhealthyError,
)
from mediapipe_image.settings import Settings
from mediapipe_image.state import TRIAL

CONFIG = disk.ETC / "channel.json"
NOTES = channel_files.FOLDER / "poll.json"
INCOMING = disk.LIB / "incoming" / "release.json"
ROLLOUT = change.CHANNEL
TRIES = 4
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 6 * 3600
SOAK_EACH_S = 2.0
DAY_S = 86400
MOST_REFUSED = 100


class Config(NamedTuple):
    """How this board polls; times in seconds."""

    url: str
    board: str
    soak_s: int
    interval_s: int
    # Images that stay, as for prune.
    keep: int
    # What the board was on when this poll decided.
    seen: str = change.NOTHING


def config() -> Config:
    """Return how this board polls. Raises BadInputError where it does not."""
    body = disk.read_json(CONFIG)
    if body is None:
        raise BadInputError("this board polls no channel", f"{CONFIG} is written by provisioning")
    try:
        return Config(
            channel_web.base(strict.string(body, "url")),
            strict.string(body, "board"),
            strict.number(body, "soak_s", 0, DAY_S),
            strict.number(body, "interval_s", 60, DAY_S),
            strict.number(body, "keep", 1, 1000),
        )
    except ValueError as error:
        raise BadInputError(f"{CONFIG}: {error}") from error


def poll(settings: Settings, *, now: bool = False) -> Dict[str, Any]:
    """Do what the channel wants of this board; return what was done, and why not more.

    `now`: do not wait longer after failures. Raises as the steps do. Its collector is told then.
    """
    own = config()
    try:
        body = _locked_poll(own, settings, now=now)
    except ImageError as error:
        channel_report.send(own.board, settings, error=error)
        raise
    return dict(body, unreported=channel_report.send(own.board, settings, body))


def _locked_poll(own: Config, settings: Settings, *, now: bool) -> Dict[str, Any]:
    with disk.locked("channel"):
        notes = _notes()
        waits = 0 if now else _waits(notes, own)
        if waits:
            return _idle(f"{notes['failures']} polls failed; the next is in {waits} s")
        try:
            body = _poll(own, settings, notes)
        except (BusyError, HeldError):
            raise
        except ImageError:
            # Before the wait is due: a board that is killed while it fails waits, too.
            disk.write_json(NOTES, dict(notes, failures=notes["failures"] + 1, at=trust.now()))
            raise
        if notes["failures"]:
            disk.write_json(NOTES, dict(_notes(), failures=0, at=""))
        return body


def _notes() -> Dict[str, Any]:
    """Return how many polls failed one after another, when the last did, and which releases."""
    with contextlib.suppress(IntegrityError):
        body = disk.read_json(NOTES) or {}
        refused = body.get("refused")
        if isinstance(body.get("failures"), int) and isinstance(refused, list):
            return {"failures": body["failures"], "at": str(body.get("at")), "refused": refused}
    return {"failures": 0, "at": "", "refused": []}


def _waits(notes: Dict[str, Any], own: Config) -> int:
    """Return for how many seconds nothing is asked, doubled by each failure in a row."""
    try:
        since = time.time() - _seconds(notes["at"])
    except ValueError:
        return 0
    longest = min(own.interval_s * 2 ** min(notes["failures"] - 1, 20), LONGEST_WAIT_S)
    # The interval itself is the timer's. A clock that was set back keeps nobody waiting.
    rest = longest - own.interval_s - since if notes["failures"] > 1 and since >= 0 else 0
    return max(0, int(rest))


def _seconds(moment: str) -> float:
    import calendar

    return calendar.timegm(time.strptime(moment, "%Y-%m-%dT%H:%M:%SZ"))


def _idle(why: str) -> Dict[str, Any]:
    on = state_files.read().current
    return {"changed": False, "image_id": on.image_id if on else "", "why": why}


def _poll(own: Config, settings: Settings, notes: Dict[str, Any]) -> Dict[str, Any]:
    sshsig.able()
    # A clock may be behind by years; what was signed since is not.
    latest = max(trust.now(), trust.read().time)
    targets = channel_files.refresh(own.url, latest)
    raw = channel_files.target(own.url, targets, channel_policy.FILE)
    policy = channel_policy.parse(raw)
    channel_report.note(policy.collector)
    state = state_files.read()
    current = state.current
    if current is not None and current.image_id in policy.leave:
        return _leave(current.image_id, settings)
    # A trial that has nothing to go back to never ends by itself.
    stays = bool(state.history) and state.history[-1]["event"] == change.STAYS
    foreign = current is not None and current.state == TRIAL and current.rollout != ROLLOUT
    if foreign and not stays:
        return _idle("a rollout has this board on trial")
    late = _unasked(policy) or channel_policy.turn(policy, own.board, latest)
    if late:
        return _idle(late)
    result = _offered(own.url, targets, policy, settings)
    own_trial = (result.image_id, ROLLOUT, TRIAL)
    if current is not None and (current.image_id, current.rollout, current.state) == own_trial:
        return _soak(result.image_id, own, settings, notes)
    done = _done(result.image_id, policy, notes)
    if done:
        return _idle(done)
    own = own._replace(seen=current.image_id if current else change.NOTHING)
    return _take(result, policy, own, settings, notes)


def _take(
    made: releases.Release, policy: Policy, own: Config, settings: Settings, notes: Dict[str, Any]
) -> Dict[str, Any]:
    """Bring a release here, and within the window switch to it."""
    _fetch(own.url, made, settings)
    closed = channel_policy.shut(policy, time.localtime())
    if closed:
        return _idle(f"{made.image_id} is here; {closed}")
    return _switch(made.image_id, own, settings, notes)


def _unasked(policy: Policy) -> str:
    """Return why a channel wants nothing of any board, "" if it does."""
    if policy.paused:
        return "the channel is paused"
    return "" if policy.release else "the channel offers no release"


def _done(image_id: str, policy: Policy, notes: Dict[str, Any]) -> str:
    """Return why this board has no need of the channel's release, "" if it has."""
    current = state_files.read().current
    if current is not None and current.image_id == image_id:
        return "it is on the channel's release"
    if image_id in policy.leave:
        return "the channel has its own release left"
    if image_id in notes["refused"]:
        return f"{image_id} failed here before; the next release is awaited"
    return ""


def _leave(image_id: str, settings: Settings) -> Dict[str, Any]:
    """Go back where there is something to go back to."""
    if state_files.read().previous is None:
        return _idle("the channel has this image left, and none from before it is there")
    return change.rollback(settings, "the channel has it left", image_id)


def _offered(url: str, targets: Document, policy: Policy, settings: Settings) -> releases.Release:
    """Take the channel's release as a rollout offers it; the release's own signatures count."""
    names = targets.signed["targets"]
    texts: Dict[str, str] = {}
    for name in ("release.json", "release.json.sig", "signers.json"):
        path = f"{policy.release}/{name}"
        raw = b""
        if name != "signers.json" or path in names:
            raw = _had(targets, path, INCOMING.with_name(name)) or channel_files.target(
                url, targets, path
            )
        texts[name] = base64.b64encode(raw).decode("ascii")
    receive.offer(
        texts["release.json"], texts["release.json.sig"], settings,
        registry=False, signers=texts["signers.json"], downgrade=False,
    )  # fmt: skip
    body = strict.loads(base64.b64decode(texts["release.json"]).decode("utf-8"))
    return receive.offered(INCOMING, releases.parse(body, "the channel's release").image_id)


def _had(targets: Document, name: str, place: Path) -> bytes:
    """Return a target's bytes where they came before, none where they did not."""
    with contextlib.suppress(IntegrityError, BadInputError):
        raw = strict.read(place, channel_files.LARGEST)
        channel_roles.check(raw, channel_roles.target(targets, name), name)
        return raw
    return b""


def _fetch(url: str, made: releases.Release, settings: Settings) -> None:
    """Bring the layers that are lacking, each from where it was cut, and load them."""
    body = receive.missing(made, settings)
    for row in body["layers"]:
        digest = row["digest"].partition(":")[2]
        part = disk.BLOBS / (digest + blobs.PART)
        if not (disk.BLOBS / digest).exists():
            _layer(f"{url}layers/{digest}", part, row["size"])
    receive.receive(made, settings)


def _layer(url: str, part: Path, size: int) -> None:
    """Bring one layer, with longer and longer waits between attempts."""
    for number in range(TRIES):
        try:
            channel_web.append(url, part, size)
        except channel_web.AwayError:
            if number == TRIES - 1:
                raise
            time.sleep(FIRST_WAIT_S * 2**number)
        else:
            return


def _switch(
    image_id: str, own: Config, settings: Settings, notes: Dict[str, Any]
) -> Dict[str, Any]:
    try:
        change.switch(
            image_id, settings, rollout=ROLLOUT, why="the channel offers it", limit_s=None,
            trial_s=settings.trial_limit_s + own.soak_s, seen=own.seen,
        )  # fmt: skip
    except (HeldError, BadInputError):
        # The application, or a rollout meanwhile; nothing is wrong with the image.
        raise
    except ImageError:
        _refuse(image_id, notes)
        raise
    return _soak(image_id, own, settings, notes)


def _soak(image_id: str, own: Config, settings: Settings, notes: Dict[str, Any]) -> Dict[str, Any]:
    """Watch a trial, then confirm it; one that fails ends where it began."""
    end = time.monotonic() + own.soak_s
    while True:
        look = service.look(settings)
        if not look.healthy:
            problem = f"it was {look.health or look.unit} while it was watched"
            _refuse(image_id, notes)
            back = change.give_up(image_id, problem, settings)
            raise UnhealthyError(f"{image_id}: {problem}; {back}")
        if time.monotonic() >= end:
            body = dict(change.confirm(image_id), why="it is healthy and confirmed")
            # The image is good, whatever becomes of the others.
            with contextlib.suppress(ImageError, OSError):
                prune.prune(own.keep)
            return body
        time.sleep(min(SOAK_EACH_S, max(0.0, end - time.monotonic())))


def _refuse(image_id: str, notes: Dict[str, Any]) -> None:
    """Never try this image again by itself; before the way back, which may be cut."""
    if image_id not in notes["refused"]:
        notes["refused"] = [*notes["refused"], image_id][-MOST_REFUSED:]
        disk.write_json(NOTES, notes)
