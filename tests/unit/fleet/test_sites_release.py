"""A release on its way to a site: the site's real program, without Receptor in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.paths import ROOT
from jetson_kit.fleet.release import release as releases
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.sites import here, store
from jetson_kit.fleet.sites.inventory import Site
from jetson_kit.fleet.sites.link import Link
from jetson_kit.fleet.sites.mesh import Mesh
from tests.fleet.small_release import build


@dataclass
class Program:
    """The site's program in place of the mesh; notes what is asked of it."""

    root: Path
    asked: list[str] = field(default_factory=list)

    def ask(
        self, node: str, request: Mapping[str, Any], payload: bytes = b"", *, limits: object
    ) -> Iterator[Mapping[str, Any]]:
        del node, limits
        self.asked.append(request["verb"])
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
    kept = {"cut": raw[:100], "whole": raw, "damaged": bytes(len(raw)), "longer": raw + b"x",
            "damaged start": bytes(100)}[left]  # fmt: skip
    part.parent.mkdir()
    part.write_bytes(kept)
    world.link.bring_release(world.release)
    assert not part.exists()


def test_a_release_that_boards_would_not_take_stops_at_the_site(world: World) -> None:
    world.release.path.with_name(world.release.path.name + signing.SUFFIX).write_text("none")
    with pytest.raises(IntegrityError, match="berlin"):
        world.link.bring_release(world.release)
