"""Requests to one site: its kit, a release, a rollout; each can be repeated."""

from __future__ import annotations

import contextlib
import io
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import (
    BadInputError,
    CheckFailedError,
    DiskFullError,
    IntegrityError,
)
from jetson_kit.core.output_folder import MANIFEST
from jetson_kit.fleet.release import release as releases
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.sites import answers, replies
from jetson_kit.fleet.sites.inventory import Site
from jetson_kit.fleet.sites.journal_copy import JournalCopy
from jetson_kit.fleet.sites.kit_archive import Kit
from jetson_kit.fleet.sites.mesh import (
    HINT,
    LONGEST_LINE,
    KilledError,
    Limits,
    Mesh,
    SilentError,
)
from jetson_kit.fleet.sites.replies import Hello

PIECE = 32 << 20
# How often a process at a site that ended without a word is begun again, and how soon.
TRIES, AGAIN_S = 20, 1.0
# How often a site may lose what it had, by a clean-up or a bad disk, while it is sent to.
MOST_LOSSES = 3
# A site's journal and its signs of life: far more than a rollout of a week writes.
MOST_JOURNAL, MOST_OF_BOARD = 64 << 20, 1 << 20
DEADLINE_S = 7 * 86400.0
Rows = Sequence[Mapping[str, Any]]
Give = Callable[[Rows, bytes], Mapping[str, int]]
Watch = Callable[[Record], bool]
"""Sees a site's state as it changes; False stops the site's rollout."""


@dataclass(frozen=True)
class Link:
    """The way to one site; seconds that it may be silent, and may take for all it is asked."""

    mesh: Mesh
    site: Site
    silent_s: float
    deadline_s: float = DEADLINE_S
    begun: float = field(default_factory=time.monotonic)

    def _limits(self, *, line: int = LONGEST_LINE, total: int = LONGEST_LINE) -> Limits:
        """Return what is left of the site's time, with so many bytes. Raises SilentError."""
        left = self.begun + self.deadline_s - time.monotonic()
        if left <= 0:
            raise SilentError(
                f"{self.site.name} was not done within {self.deadline_s:.0f} s",
                "a longer --deadline",
            )
        return Limits(self.silent_s, left, line, total)

    def hello(self) -> Hello:
        """Ask a site how it is. Raises SilentError, IntegrityError, CheckFailedError."""
        begun = time.time()
        body = self._answer_with_retries({"verb": "hello"}, "hello")
        took = time.time() - begun
        return replies.hello(self.site.name, body, answers.PROTOCOL, begun + took / 2)

    def bring_kit(self, kit: Kit, have: Hello) -> bool:
        """Bring a site to this kit; return whether it had another one."""
        if have.kit == kit.sha256:
            return False
        self._room(have.free, 4 * kit.path.stat().st_size)
        files = {kit.sha256: kit.path}
        self._send(files, self._held(files), lambda *piece: self._held(files, *piece))
        self._answer_with_retries({"verb": "kit", "sha256": kit.sha256}, "kit")
        if (now := self.hello().kit) != kit.sha256:
            raise IntegrityError(
                f"{self.site.name} was brought the kit {kit.sha256[:12]} and has {now[:12]}",
                "look at the site itself",
            )
        return True

    def bring_inventory(self) -> None:
        """Give a site the inventory of its boards."""
        request = {"verb": "inventory", "name": self.site.inventory.name}
        self._answer_with_retries(request, "inventory", self._packed_inventory())

    def _packed_inventory(self) -> bytes:
        raw = io.BytesIO()
        try:
            # A site takes no links: what they lead to goes there.
            with tarfile.open(fileobj=raw, mode="w", dereference=True) as tar:
                tar.add(self.site.inventory, self.site.inventory.name)
        except OSError as error:
            raise BadInputError(
                f"{error.filename or self.site.inventory} can't be read: {error.strerror}",
                "an inventory is made of files that this machine can read",
            ) from error
        return raw.getvalue()

    def bring_release(self, release: Release) -> str:
        """Give a site the inventory, and what it lacks of a release, which it then checks.

        Return the release's folder there.
        """
        names = (MANIFEST, releases.FILE, releases.FILE + signing.SUFFIX, releases.SIGNERS)
        documents = {
            name: (release.folder / name).read_text(encoding="utf-8")
            for name in names
            if (release.folder / name).is_file()
        }
        own = f"{release.name[:60]}-{release.image_id.partition(':')[2][:12]}-{release.number}"
        layers = {layer.digest.partition(":")[2]: layer for layer in release.layers}
        sizes = {sha256: layer.size for sha256, layer in layers.items()}
        answer: Mapping[str, Any] = {}

        def ask(rows: Rows = (), payload: bytes = b"", packed: bytes = b"") -> dict[str, int]:
            """Send pieces; the answer to the last one says that the release is whole and good."""
            nonlocal answer
            request = {"verb": "release", "name": own, "files": documents, "pieces": rows,
                       "inventory": self.site.inventory.name,
                       "inventory_bytes": len(packed)}  # fmt: skip
            answer = self._answer_with_retries(request, "release", packed + payload)
            return sizes | replies.lacking(self.site.name, answer, sizes)

        at = ask(packed=self._packed_inventory())
        if needed := sum(size for sha256, size in sizes.items() if at[sha256] < size):
            with replies.read(self.site.name):
                self._room(int(answer["free"]), needed)
            folder = releases.layers(release)
            # All: what a site had at first may be gone, or found damaged, by the last answer.
            self._send({sha256: folder / layers[sha256].file for sha256 in sizes}, at, ask)
        with replies.read(self.site.name):
            return str(answer["folder"])

    def lines(
        self, request: Mapping[str, Any], *, longest: int, total: int
    ) -> Iterator[Mapping[str, Any]]:
        """Yield what a site answers, each line as it comes. Raises what the site raised."""
        limits = self._limits(line=longest, total=total)
        for line in self.mesh.ask(self.site.node, request, limits=limits):
            if line["kind"] == "error":
                raise replies.failure(self.site.name, line)
            yield line

    def rollout(
        self, number: str, folder: str, plan: Plan, copy: Path, watch: Watch, *, boards: int
    ) -> tuple[str, str]:
        """Roll out at a site, or go on with it, or follow it; its journal is copied as it comes.

        Return the result that the site claims, and why it ended otherwise.
        """
        request = {"verb": "rollout", "id": number, "release": folder, "plan": plan.as_json(),
                   "inventory": self.site.inventory.name}  # fmt: skip
        return self._follow(request, copy, watch, boards)

    def back(self, number: str, why: str, copy: Path, *, boards: int) -> tuple[str, str]:
        """Have a site take back all that a rollout changed there; returns as rollout does."""
        request = {"verb": "back", "id": number, "why": why,
                   "inventory": self.site.inventory.name}  # fmt: skip
        return self._follow(request, copy, lambda record: True, boards)

    def _follow(
        self, request: Mapping[str, Any], copy: Path, watch: Watch, boards: int
    ) -> tuple[str, str]:
        for _ in range(TRIES):
            copied = JournalCopy(copy)
            limits = self._limits(total=MOST_JOURNAL + boards * MOST_OF_BOARD)
            with contextlib.suppress(KilledError):
                for line in self.mesh.ask(self.site.node, request, limits=limits):
                    match line["kind"]:
                        case "line":
                            record = copied.add(str(line.get("text")))
                            if record and not watch(record):
                                watch = _stopped
                                self._answer_with_retries(
                                    {"verb": "halt", "id": request["id"]}, "halt"
                                )
                        case "end":
                            return str(line.get("result")), ""
                        case "error":
                            if line.get("exit_code") == 130 and watch is _stopped:
                                return "", "stopped"
                            raise replies.failure(self.site.name, line)
            if watch is _stopped:
                return "", "stopped"
            time.sleep(AGAIN_S)
        raise self._always_ended()

    def _always_ended(self) -> CheckFailedError:
        return CheckFailedError(f"{self.site.name}: its process was ended {TRIES} times", HINT)

    def _send(self, files: Mapping[str, Path], known: Mapping[str, int], give: Give) -> None:
        """Send files piece by piece, each from where it stands at the site, as far as is `known`.

        `give` sends pieces, or none, and returns how much the site has: less, where it lost some.
        """
        at = {**dict.fromkeys(files, 0), **known}
        second, losses = False, 0
        while rows := _next(files, at):
            payload = b"".join(_read(files[row["sha256"]], row) for row in rows)
            before = dict(at)
            try:
                at |= give(rows, payload)
            except IntegrityError:
                # What had been there was damaged: once more from its beginning.
                if second:
                    raise
                second = True
                at |= give((), b"")
                continue
            losses += any(at[sha256] < before[sha256] for sha256 in files)
            if losses > MOST_LOSSES or all(at[row["sha256"]] <= row["offset"] for row in rows):
                raise IntegrityError(
                    f"{self.site.name} keeps nothing of what it is sent", replies.HINT
                )

    def _held(
        self,
        files: Mapping[str, Path],
        rows: Rows = (),
        payload: bytes = b"",
    ) -> dict[str, int]:
        """Return how much a site has of files, having sent it these pieces."""
        all_of = {sha256: path.stat().st_size for sha256, path in files.items()}
        request = {"verb": "pieces", "pieces": rows} if rows else {
            "verb": "held", "files": all_of
        }  # fmt: skip
        return replies.sizes(
            self.site.name, self._answer_with_retries(request, "held", payload), all_of
        )

    def _room(self, free: int, needed: int) -> None:
        if free < needed:
            raise DiskFullError(
                f"{self.site.name} has {free >> 20} MiB free and needs {needed >> 20}",
                "free some space there",
            )

    def _answer_with_retries(
        self, request: Mapping[str, Any], kind: str, payload: bytes = b""
    ) -> Mapping[str, Any]:
        """Return the one answer to a request, a line. Raises what the site raised.

        A command that was killed there is begun again: what it had done stays done.
        """
        for _ in range(TRIES):
            with contextlib.suppress(KilledError):
                return self._answer(request, kind, payload)
            time.sleep(AGAIN_S)
        raise self._always_ended()

    def _answer(self, request: Mapping[str, Any], kind: str, payload: bytes) -> Mapping[str, Any]:
        limits = self._limits()
        # Nothing but the answer comes, so there is no sign of life to wait longer for.
        limits = replace(limits, deadline_s=min(limits.deadline_s, 2 * self.silent_s))
        result = None
        for line in self.mesh.ask(self.site.node, request, payload, limits=limits):
            if line["kind"] == "error":
                raise replies.failure(self.site.name, line)
            if line["kind"] != kind or result is not None:
                raise IntegrityError(
                    f"{self.site.name} answers {request['verb']} with a line too many", HINT
                )
            result = line
        if result is None:
            raise SilentError(f"{self.site.name} ended without an answer to {request['verb']}")
        return result


def _next(files: Mapping[str, Path], at: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the pieces that are sent next: those of several files, PIECE bytes in all."""
    rows, left = [], PIECE
    for sha256, path in files.items():
        size = path.stat().st_size
        count = min(size - at[sha256], left)
        if count > 0:
            rows.append({"sha256": sha256, "size": size, "offset": at[sha256], "bytes": count})
            left -= count
    return rows


def _read(path: Path, row: Mapping[str, Any]) -> bytes:
    with path.open("rb") as stream:
        stream.seek(row["offset"])
        return stream.read(row["bytes"])


def _stopped(record: Record) -> bool:
    del record
    return True
