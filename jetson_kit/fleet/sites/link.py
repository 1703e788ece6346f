"""Requests to one site: its kit, a release, a rollout; each can be repeated."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core import errors
from jetson_kit.core.errors import CheckFailedError, DiskFullError, IntegrityError, KitError
from jetson_kit.core.files import write_text
from jetson_kit.core.output_folder import MANIFEST
from jetson_kit.fleet.release import release as releases
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.fleet.rollout.journal import Record
from jetson_kit.fleet.rollout.plan import Plan
from jetson_kit.fleet.sites import at_site
from jetson_kit.fleet.sites.inventory import Site
from jetson_kit.fleet.sites.kit_archive import Kit
from jetson_kit.fleet.sites.mesh import LONGEST_LINE, Mesh, SilentError

PIECE = 32 << 20
# How often a process at a site that ended without a word is begun again.
TRIES = 20
KINDS: Mapping[int, type[KitError]] = {
    kind.exit_code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, KitError)
}
Watch = Callable[[Record], bool]
"""Sees a site's state as it changes; False stops the site's rollout."""


@dataclass(frozen=True)
class Hello:
    """What a site says of itself; `ahead_s`: its clock against ours, in seconds."""

    kit: str
    version: str
    ahead_s: float
    free: int
    machine: str
    python: str


@dataclass(frozen=True)
class Link:
    """The way to one site."""

    mesh: Mesh
    site: Site
    silent_s: float

    def hello(self) -> Hello:
        """Ask a site how it is. Raises SilentError, CheckFailedError for an older protocol."""
        begun = time.time()
        body = self._one({"verb": "hello"}, "hello")
        took = time.time() - begun
        if body["protocol"] != at_site.PROTOCOL:
            raise CheckFailedError(
                f"{self.site.name} speaks protocol {body['protocol']}, this kit {at_site.PROTOCOL}",
                "let it join again: ./inv sites.join",
            )
        return Hello(
            str(body["kit"]), str(body["version"]), float(body["time"]) - begun - took / 2,
            int(body["free"]), str(body["machine"]), str(body["python"]),
        )  # fmt: skip

    def bring_kit(self, kit: Kit, have: Hello) -> bool:
        """Bring a site to this kit; return whether it had another one."""
        if have.kit == kit.sha256:
            return False
        self._room(have.free, 4 * kit.path.stat().st_size)
        self._send({kit.sha256: kit.path})
        self._one({"verb": "kit", "sha256": kit.sha256}, "kit")
        if (now := self.hello().kit) != kit.sha256:
            raise IntegrityError(
                f"{self.site.name} was brought the kit {kit.sha256[:12]} and has {now[:12]}",
                "look at the site itself",
            )
        return True

    def bring_inventory(self) -> None:
        """Give a site the inventory of its boards."""
        request = {"verb": "inventory", "name": self.site.inventory.name}
        self._one(request, "inventory", self._packed_inventory())

    def _packed_inventory(self) -> bytes:
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w") as tar:
            tar.add(self.site.inventory, self.site.inventory.name)
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
        packed = self._packed_inventory()
        own = f"{release.name[:60]}-{release.image_id.partition(':')[2][:12]}-{release.number}"
        request = {"verb": "release", "name": own, "files": documents,
                   "inventory": self.site.inventory.name}  # fmt: skip
        answer = self._one(request, "release", packed)
        if answer["lacking"]:
            self._room(answer["free"], sum(row["size"] for row in answer["lacking"]))
            folder = releases.layers(release)
            files = {
                layer.digest.partition(":")[2]: folder / layer.file for layer in release.layers
            }
            self._send({row["sha256"]: files[row["sha256"]] for row in answer["lacking"]})
            answer = self._one(request, "release", packed)
        if answer["lacking"]:
            raise IntegrityError(f"{self.site.name} still lacks layers", "run it again")
        return str(answer["folder"])

    def lines(
        self, request: Mapping[str, Any], *, longest: int = LONGEST_LINE
    ) -> Iterator[Mapping[str, Any]]:
        """Yield what a site answers, each line as it comes. Raises what the site raised."""
        for line in self.mesh.ask(self.site.node, request, silent_s=self.silent_s, longest=longest):
            if line["kind"] == "error":
                raise _error(self.site.name, line)
            yield line

    def rollout(
        self, number: str, folder: str, plan: Plan, copy: Path, watch: Watch
    ) -> tuple[str, str]:
        """Roll out at a site, or go on with it, or follow it; its journal is copied as it comes.

        Return the result that the site claims, and why it ended otherwise.
        """
        request = {"verb": "rollout", "id": number, "release": folder, "plan": plan.as_json(),
                   "inventory": self.site.inventory.name}  # fmt: skip
        return self._follow(request, copy, watch)

    def back(self, number: str, why: str, copy: Path) -> tuple[str, str]:
        """Have a site take back all that a rollout changed there; returns as rollout does."""
        request = {"verb": "back", "id": number, "why": why,
                   "inventory": self.site.inventory.name}  # fmt: skip
        return self._follow(request, copy, lambda record: True)

    def _follow(self, request: Mapping[str, Any], copy: Path, watch: Watch) -> tuple[str, str]:
        for _ in range(TRIES):
            copied = _Copy(copy)
            for line in self.mesh.ask(self.site.node, request, silent_s=self.silent_s):
                match line["kind"]:
                    case "line":
                        record = copied.add(str(line["text"]))
                        if record and not watch(record):
                            watch = _stopped
                            self._one({"verb": "halt", "id": request["id"]}, "halt")
                    case "end":
                        return str(line["result"]), ""
                    case "error":
                        if line.get("exit_code") == 130 and watch is _stopped:
                            return "", "stopped"
                        raise _error(self.site.name, line)
            if watch is _stopped:
                return "", "stopped"
            time.sleep(1)
        raise CheckFailedError(f"{self.site.name}: its process ended {TRIES} times", "look there")

    def _send(self, files: Mapping[str, Path]) -> None:
        """Send files piece by piece, each from where it stands at the site."""
        held = self._one({"verb": "held", "files": list(files)}, "held")["bytes"]
        at = {sha256: int(held.get(sha256, 0)) for sha256 in files}
        second = False
        while rows := _next(files, at):
            payload = b"".join(_read(files[row["sha256"]], row) for row in rows)
            try:
                at |= self._one({"verb": "pieces", "pieces": rows}, "held", payload)["bytes"]
            except IntegrityError:
                # What had been there was damaged: once more from its beginning.
                if second:
                    raise
                second = True
                at |= self._one({"verb": "held", "files": list(files)}, "held")["bytes"]

    def _room(self, free: int, needed: int) -> None:
        if free < needed:
            raise DiskFullError(
                f"{self.site.name} has {free >> 20} MiB free and needs {needed >> 20}",
                "free some space there",
            )

    def _one(
        self, request: Mapping[str, Any], kind: str, payload: bytes = b""
    ) -> Mapping[str, Any]:
        """Return the one answer to a request. Raises what the site raised."""
        result = None
        for line in self.mesh.ask(self.site.node, request, payload, silent_s=self.silent_s):
            if line["kind"] == "error":
                raise _error(self.site.name, line)
            if line["kind"] == kind:
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


def _error(site: str, line: Mapping[str, Any]) -> KitError:
    kind = KINDS.get(line.get("exit_code", 7), CheckFailedError)
    return kind(f"{site}: {line.get('message', 'no reason given')}", str(line.get("hint", "")))


class _Copy:
    """A site's journal, written beside the central one as its lines come."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._record: Record | None = None
        write_text(path, "")

    def add(self, text: str) -> Record | None:
        """Keep a line; return the state after it, None where it does not fit."""
        with self._path.open("a", encoding="utf-8") as out:
            out.write(text + "\n")
        try:
            self._record = journals.apply(self._record or Record(), json.loads(text))
        except (ValueError, KeyError, TypeError):
            return None
        return self._record
