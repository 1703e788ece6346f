"""What `fleet.channel` does: begin a channel, publish, steer."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, replace
from pathlib import Path

from jetson_kit.app.service import FILE as SERVICE
from jetson_kit.app.service import PLACE
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.log import LOG
from jetson_kit.core.text import counted
from jetson_kit.fleet.channel import lock, newest, repository
from jetson_kit.fleet.channel import policy as policies
from jetson_kit.fleet.channel.policy import FILE, Policy
from jetson_kit.fleet.channel.repository import Repository, Validity
from jetson_kit.fleet.channel.ssh_keys import CHANNEL, SshSigner
from jetson_kit.fleet.release import release as releases
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release

NAMES = (releases.FILE, releases.FILE + signing.SUFFIX, releases.SIGNERS)
NEEDED = NAMES[:2]
ALL = (100,)
STEP_H = 24.0
SHOWN = 5


@dataclass(frozen=True)
class Request:
    """What is to become of a channel."""

    target: str = ""
    shares: tuple[int, ...] = ()
    """Of the waves, in percent; () is one wave of all boards."""
    step_h: float | None = None
    canary: tuple[str, ...] = ()
    window: str | None = None
    pause: bool | None = None
    stop: bool = False
    roll_back: bool = False
    collector: str | None = None
    """Where boards are to report; "" is nowhere."""
    collector_ca: str = ""

    def check(self) -> None:
        """Raise BadInputError for what contradicts itself, or would change nothing."""
        option = "--rollback" if self.roll_back else "--stop" if self.stop else ""
        if self.target and option:
            raise BadInputError(
                f"--target offers a release, and {option} offers none", "give one of them"
            )
        given = {
            "--waves": self.shares, "--canary": self.canary, "--step": self.step_h is not None
        }  # fmt: skip
        unused = [name for name, value in given.items() if value]
        if unused and not self.target:
            raise BadInputError(
                f"{' and '.join(unused)} can only be given with --target",
                "offer the release again with them: --target",
            )
        if self.step_h is not None and len(self.shares) < 2:
            raise BadInputError(
                "--step is the time between waves, and there is one", "name more: --waves 5,25,100"
            )


def default_key(given: Path | None) -> Path:
    """Return the key that signs channels."""
    return given or signing.default_key(CHANNEL)


def begin(folder: Path, owner: Path | None, key: Path | None, validity: Validity) -> Path:
    """Write a new channel; return its first root's path. Raises BadInputError.

    Where one of the same owner was before, what was published of that counts no more.
    """
    own = SshSigner(owner or signing.default_key(signing.OWNERS), signing.OWNERS)
    channel = SshSigner(default_key(key))
    _apart(own, channel)
    anchor, policy = folder / "1.root.json", Policy().text().encode()
    before = newest.of_before(folder, own.public_key.keyid)
    if not before:
        repository.begin(folder, own, channel, validity, policy)
        return anchor
    note, version = before
    with newest.noting(note, folder, repository.FIRST):
        repository.begin(folder, own, channel, validity, policy)
    LOG.warning(
        "warning: %s was published up to version %d, and begins anew: boards that follow it "
        "refuse this one until they are provisioned with the new %s",
        folder, version, anchor.name,
    )  # fmt: skip
    return anchor


def _apart(owner: SshSigner, channel: SshSigner) -> None:
    """Refuse one key for both: the owner's stays offline, the channel's does not."""
    if owner.public_key.keyval == channel.public_key.keyval:
        raise BadInputError(
            "owner and channel have one key", "make another: ./inv fleet.key --channel"
        )


def publish(
    folder: Path,
    request: Request,
    key: Path | None,
    validity: Validity,
    owner: Path | None = None,
) -> tuple[int, Policy]:
    """Change a channel, or renew it as it is; return the timestamp's version and what holds.

    With the owner's key a new root names the channel's key. Until the end boards see the channel
    as it was, and runs at once follow one another. Raises BadInputError, BusyError or
    IntegrityError.
    """
    request.check()
    if request.target:
        releases.folder_of(request.target)
    signer = SshSigner(default_key(key))
    by = SshSigner(owner, signing.OWNERS) if owner else None
    if by:
        _apart(by, signer)
    with lock.locked(folder):
        newest.check(Repository(folder))
    # Layers have names of their own and take long: nobody waits for them.
    release = _layers_placed(folder, request.target) if request.target else None
    if release and release.application:
        LOG.warning(
            "warning: %s is the application %s: boards refuse it until they are provisioned with "
            "%s of its build (%s beside the inventory)",
            release.name, release.application, SERVICE, PLACE,
        )  # fmt: skip
    with lock.locked(folder):
        there = Repository(folder)
        newest.check(there)
        policy = policies.parse(there.read(FILE).decode("utf-8"))
        names = [name for name in there.targets.signed.targets if name != FILE]
        files = {name: there.read(name) for name in names}
        if release:
            policy, files = _released(release, request, policy)
        policy = _steered(request, policy, _image_id(files, policy))
        if not policy.release:
            files = {}
        files[FILE] = policy.text().encode()
        version = there.timestamp.signed.version + 1
        with newest.noting(newest.path_of(there), folder, version):
            there.publish(files, signer, validity, by)
        return version, policy


def _layers_placed(folder: Path, target: str) -> Release:
    """Put a signed release's layers into the channel's folder; return the release."""
    release = releases.load(releases.folder_of(target))
    for name in NEEDED:
        if not (release.folder / name).is_file():
            raise BadInputError(
                f"{release.folder} has no {name}", f"sign it: ./inv fleet.release {target}"
            )
    layers = releases.layers(release)
    for layer in release.layers:
        digest = layer.digest.partition(":")[2]
        repository.place_layer(folder, digest, layers / layer.file)
    return release


def _released(
    release: Release, request: Request, policy: Policy
) -> tuple[Policy, dict[str, bytes]]:
    """Return a policy that offers a release, and the release's files."""
    place = f"releases/{release.number}-{release.image_id.partition(':')[2][:12]}"
    files = {
        f"{place}/{name}": (release.folder / name).read_bytes()
        for name in NAMES
        if (release.folder / name).is_file()
    }
    now = datetime.datetime.now(datetime.UTC)
    waves = policies.waves(request.shares or ALL, now, request.step_h or STEP_H)
    # Whoever brings an image back means it: it is left no more.
    leave = tuple(item for item in policy.leave if item != release.image_id)
    result = replace(
        policy,
        release=place,
        waves=waves,
        canary=request.canary,
        leave=leave,
        stopped_image="",
    )
    return result, files


def _steered(request: Request, policy: Policy, image_id: str) -> Policy:
    """Return what a channel is to want now; `image_id` is what it offers, or offered last."""
    if request.roll_back:
        if not image_id:
            raise BadInputError(
                "the channel offers no release that boards could leave, and stopped none",
                "take boards back one by one (./inv fleet.rollback), or offer a newer release",
            )
        policy = policies.rolled_back(policy, image_id)
    elif request.stop:
        policy = policies.stopped(policy, image_id)
    if request.window is not None:
        policy = replace(policy, window=request.window)
    if request.pause is not None:
        policy = replace(policy, paused=request.pause)
    if request.collector is not None:
        policy = replace(policy, collector=request.collector, collector_ca=request.collector_ca)
    return policy


def _image_id(files: dict[str, bytes], policy: Policy) -> str:
    """Return the image that a channel offers, or offered when it was stopped, or ""."""
    if not policy.release:
        return policy.stopped_image
    body = json.loads(files[f"{policy.release}/{releases.FILE}"])
    return str(body["image"]["id"])


def current(folder: Path) -> tuple[int, Policy]:
    """Return a channel's version and what it wants.

    Raises BadInputError, BusyError, IntegrityError.
    """
    with lock.locked(folder):
        there = Repository(folder)
        return there.timestamp.signed.version, policies.parse(there.read(FILE).decode("utf-8"))


def summary(version: int, policy: Policy, validity: Validity) -> str:
    """Return a line that says what a channel wants now, after it was published."""
    return f"{words_of(version, policy)}; renew it within {counted(validity.online, 'day')}"


def words_of(version: int, policy: Policy) -> str:
    """Return a line with what a channel offers now: version, release, waves, window."""
    offered = policy.release or "no release"
    waves = ", ".join(f"{item.share} % from {item.start}" for item in policy.waves)
    parts = [f"version {version}", offered, waves, _canary(policy.canary)]
    parts += [f"window {policy.window}"] if policy.window else []
    parts += ["paused"] if policy.paused else []
    parts += [f"boards report to {policy.collector}"] if policy.collector else []
    parts += [f"boards leave {counted(len(policy.leave), 'image')}"] if policy.leave else []
    return "; ".join(filter(None, parts))


def _canary(boards: tuple[str, ...]) -> str:
    more = f" and {len(boards) - SHOWN} more" if len(boards) > SHOWN else ""
    return f"first {', '.join(boards[:SHOWN])}{more}" if boards else ""
