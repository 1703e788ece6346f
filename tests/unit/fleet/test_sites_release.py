"""A release on its way to a site: the site's real program, without Receptor in between."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.paths import ROOT
from jetson_kit.fleet.release import release as releases
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.sites import here, link, store
from jetson_kit.fleet.sites.inventory import Site
from jetson_kit.fleet.sites.link import Link
from jetson_kit.fleet.sites.mesh import Mesh
from tests.fleet.small_release import build


@dataclass
class Program:
    """The site's program in place of the mesh; notes the requests."""

    root: Path
    before: Callable[[int], None] = lambda number: None
    """What happens at the site before its request of this number, from 1."""
    asked: list[str] = field(default_factory=list)

    def ask(
        self, node: str, request: Mapping[str, Any], payload: bytes = b"", *, limits: object
    ) -> Iterator[Mapping[str, Any]]:
        del node, limits
        self.asked.append(request["verb"])
        self.before(len(self.asked))
        folders = {"KIT_STATE": str(self.root / "state"), "KIT_CACHE": str(self.root / "cache")}
        done = subprocess.run(
            [sys.executable, "-m", "jetson_kit.fleet.sites.at_site", self.root],
            input=json.dumps(request).encode() + b"\n" + payload,
            capture_output=True, check=False, cwd=ROOT, env={**os.environ, **folders},
        )  # fmt: skip
        yield from map(json.loads, done.stdout.splitlines())


@dataclass(frozen=True)
class World:
    program: Program
    link: Link
    release: Release

    @property
    def incoming(self) -> Path:
        return self.program.root / here.INCOMING

    @property
    def brought(self) -> list[Path]:
        """The release's layers at the site."""
        place = self.program.root / "cache" / "releases" / self.release.image_id[7:]
        return [place / layer.file for layer in self.release.layers]

    def whole(self) -> bool:
        """Return whether the site has each layer of the release as it must be."""
        return all(
            hashlib.sha256(path.read_bytes()).hexdigest() == layer.digest[7:]
            for path, layer in zip(self.brought, self.release.layers, strict=True)
        )

    def part(self) -> tuple[Path, bytes]:
        """Return where the largest layer comes to, and the layer."""
        layer = max(self.release.layers, key=lambda layer: layer.size)
        raw = (releases.layers(self.release) / layer.file).read_bytes()
        return self.incoming / (layer.digest.partition(":")[2] + store.PART), raw


@pytest.fixture
def world(tmp_path: Path) -> World:
    release = build(tmp_path / "v1", "1", runnable=False, bulk=50_000)
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    signing.sign(release.path, key)
    place = tmp_path / "hosts.yml"
    signers = signing.signers([key.with_suffix(".pub")])
    host = {"ansible_host": "192.0.2.1", "image_allowed_signers": signers}
    place.write_text(json.dumps({"all": {"hosts": {"camera-1": host}}}))
    program = Program(tmp_path / "site")
    program.root.mkdir()
    return World(program, Link(cast("Mesh", program), Site("berlin", place, "berlin"), 60), release)


def test_layers_come_with_the_question_whether_all_is_there(world: World) -> None:
    folder = Path(world.link.bring_release(world.release))
    assert (folder / "release.json").is_file()
    assert world.program.asked == ["release", "release"]
    assert world.link.bring_release(world.release) == str(folder)
    assert world.program.asked[2:] == ["release"]
    assert [path for path in world.incoming.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("left", ["cut", "whole", "damaged", "longer", "damaged start"])
def test_what_a_kill_or_a_power_cut_left_is_gone_on_from(world: World, left: str) -> None:
    part, raw = world.part()
    contents = {"cut": raw[:100], "whole": raw, "damaged": bytes(len(raw)), "longer": raw + b"x",
                "damaged start": bytes(100)}[left]  # fmt: skip
    part.parent.mkdir()
    part.write_bytes(contents)
    world.link.bring_release(world.release)
    assert not part.exists()


def test_a_release_that_boards_would_not_take_stops_at_the_site(world: World) -> None:
    world.release.path.with_name(world.release.path.name + signing.SUFFIX).write_text("none")
    with pytest.raises(IntegrityError, match="berlin"):
        world.link.bring_release(world.release)


@pytest.mark.parametrize(("first", "then"), [(0, 1), (2, 0), (1, 1)])
def test_a_layer_that_goes_between_two_requests_is_brought(
    world: World, first: int, then: int
) -> None:
    world.link.bring_release(world.release)
    world.brought[first].unlink()

    def clean_up(number: int) -> None:
        if number == 4:
            world.brought[then].unlink(missing_ok=True)

    world.program.before = clean_up
    world.link.bring_release(world.release)
    assert world.whole()
    assert len(world.program.asked) == (5 if first != then else 4)


def test_a_site_that_loses_layers_again_and_again_is_not_sent_to_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "PIECE", max(layer.size for layer in world.release.layers))

    def clean_up(number: int) -> None:
        world.brought[number % 3].unlink(missing_ok=True)
        world.brought[(number + 1) % 3].unlink(missing_ok=True)

    world.program.before = clean_up
    with pytest.raises(IntegrityError, match="berlin keeps nothing"):
        world.link.bring_release(world.release)
    assert len(world.program.asked) < 10


def flipped(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])


@pytest.mark.parametrize(
    ("damage", "rotted"),
    [
        (flipped, (1,)),
        (flipped, (0, 1, 2)),
        (lambda raw: bytes(len(raw)), (2,)),
        (lambda raw: raw[:-1], (0, 1)),
        (lambda raw: raw + b"x", (0,)),
        (lambda raw: b"", (1,)),
    ],
)
def test_layers_that_rotted_at_a_site_are_brought_once_more(
    world: World, damage: Callable[[bytes], bytes], rotted: tuple[int, ...]
) -> None:
    world.link.bring_release(world.release)
    for number in rotted:
        world.brought[number].write_bytes(damage(world.brought[number].read_bytes()))
    world.link.bring_release(world.release)
    assert world.whole()
    assert len(world.program.asked) == 4
    assert [path for path in world.incoming.rglob("*") if path.is_file()] == []


def test_a_layer_that_rotted_while_another_is_lacking(world: World) -> None:
    world.link.bring_release(world.release)
    world.brought[0].write_bytes(flipped(world.brought[0].read_bytes()))
    world.brought[1].unlink()
    world.link.bring_release(world.release)
    assert world.whole()
    assert len(world.program.asked) == 5


@pytest.mark.parametrize(("linked", "lacking"), [(True, False), (False, False), (False, True)])
def test_a_rotted_copy_of_another_release_is_not_taken_for_the_layer(
    world: World, linked: bool, lacking: bool
) -> None:
    world.link.bring_release(world.release)
    here, other = world.brought[1], world.program.root / "cache" / "releases" / "other"
    other.mkdir()
    here.write_bytes(flipped(here.read_bytes()))
    if linked:
        (other / here.name).hardlink_to(here)
    else:
        (other / here.name).write_bytes(bytes(here.stat().st_size))
    if lacking:
        here.unlink()
    world.link.bring_release(world.release)
    assert world.whole()
    assert not (other / here.name).exists()


def test_a_good_copy_of_another_release_cures_a_layer_without_a_transfer(world: World) -> None:
    world.link.bring_release(world.release)
    rotted, other = world.brought[1], world.program.root / "cache" / "releases" / "other"
    other.mkdir()
    raw = rotted.read_bytes()
    (other / rotted.name).write_bytes(raw)
    rotted.write_bytes(flipped(raw))
    world.link.bring_release(world.release)
    assert world.whole()
    assert len(world.program.asked) == 3


def test_a_request_about_a_release_loads_no_rollout() -> None:
    """A site starts a program for each request; a rollout's code is half of what that loads."""
    code = (
        "import sys, jetson_kit.fleet.sites.site_work\n"
        "print([name for name in sys.modules if name.startswith('jetson_kit.fleet.rollout')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout == b"[]\n"
