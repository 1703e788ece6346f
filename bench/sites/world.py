"""A controller and sites on this machine, each in its own network; boards are light endpoints.

The sites' networks have the same addresses inside, as networks behind routers do: nothing of one
site can be reached from the other, and a site reaches the controller alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench.faults import small_release
from bench.scale import light
from bench.scale.children import child
from bench.scale.light import LightEndpoints
from bench.scale.sides import BOARD, Controller
from bench.scale.traffic import Meter, interfaces
from jetson_kit.ansible_driver import ansible
from jetson_kit.core.paths import ROOT
from jetson_kit.core.run import run
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.sites import kit_archive, receptor

TOP = "198.19.0.1"
SITES = ("berlin", "tokyo")
LIMIT_S = 600.0
PLAN = 'verify = "none"\nsoak_s = 3\npoll_s = 1\nlatency_factor = 0\nretry_s = 0.5\n'


@dataclass(frozen=True)
class Place:
    """A site: its boards, and the folder of its controller."""

    name: str
    boards: LightEndpoints
    folder: Path

    def pid(self, name: str = "receptor") -> int:
        """Return the number of a process of its node."""
        return int((self.folder / "node" / f"{name}.pid").read_text("ascii").split()[0])

    def inside(self, command: Sequence[str | Path]) -> list[str]:
        """Return a command line that runs at the site."""
        return [str(word) for word in self.boards.inside(command)]

    def mesh_up(self) -> None:
        """Start the site's Receptor, as its unit would."""
        node = self.folder / "node"
        (node / "socket").unlink(missing_ok=True)
        with (node / "receptor.log").open("ab") as log:
            process = subprocess.Popen(
                self.inside([self.folder / "receptor", "--config", node / "receptor.yml"]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        ticks = Path(f"/proc/{process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19]
        (node / "receptor.pid").write_text(f"{process.pid} {ticks}\n", "ascii")

    def journal(self) -> str:
        """Return the newest journal of this site's own rollouts."""
        paths = sorted((self.folder / "state" / "fleet" / "rollouts").glob("*.jsonl"))
        return paths[-1].read_text("utf-8") if paths else ""

    def worker(self) -> int:
        """Return the process that does a rollout here, 0 where there is none."""
        return self._process("jetson_kit.fleet.sites.worker")

    def command(self) -> int:
        """Return the process that Receptor has started here, 0 where there is none."""
        return self._process("jetson_kit.fleet.sites.at_site")

    def _process(self, module: str) -> int:
        """Return a process that runs a module for this site, by the last word it was given."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                arguments = path.read_bytes().decode(errors="replace").split("\0")
                last = arguments[-2] if module in arguments else ""
                if Path(last).is_relative_to(self.folder):
                    return int(path.parent.name)
        return 0


@dataclass
class World:
    """All of it."""

    folder: Path
    top: int
    """Process in the controller's network."""
    key: Path
    places: dict[str, Place] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    first: LightEndpoints = field(init=False)
    """A board like all others."""
    meter: Meter | None = None
    """What counts the processor time of all that runs at the top."""

    @property
    def file(self) -> Path:
        """Return the file of sites."""
        return self.folder / "sites.toml"

    @property
    def state(self) -> Path:
        """Return the controller's own state."""
        return self.folder / "s"

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start ./inv with these arguments where the controller is."""
        line: list[str | Path] = [
            "nsenter",
            "--target",
            str(self.top),
            "--net",
            ROOT / "inv",
            *arguments,
        ]
        line = self.meter.under(line) if self.meter else line
        return subprocess.Popen(
            [str(word) for word in line],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "KIT_STATE": str(self.state)}, cwd=ROOT, start_new_session=True,
        )  # fmt: skip

    def inv(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Run ./inv where the controller is; return exit code, output and errors."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=LIMIT_S)
        return process.returncode, out, err

    def rollout(self, release: Release, *flags: str) -> tuple[int, dict[str, Any], str]:
        """Roll out over the sites; return exit code, result and errors."""
        code, out, err = self.inv(*self.rollout_words(release, *flags))
        return code, json.loads(out) if out.startswith("{") else {}, err

    def rollout_words(self, release: Release, *flags: str) -> list[str | Path]:
        """Return the arguments of a rollout over the sites."""
        return ["sites.rollout", release.folder, "-i", self.file, "--file",
                self.folder / "plan.toml", "--json", *flags]  # fmt: skip

    def images(self) -> dict[str, str]:
        """Return the image that each board's own state names, by site and board."""
        result = {}
        for name, place in self.places.items():
            for number, board in enumerate(place.boards.names):
                path = place.boards.upper(number) / "var/lib/mediapipe-jetson/state.json"
                raw = json.loads(path.read_text("utf-8")) if path.is_file() else {}
                current = (raw.get("state") or raw).get("current") or {}
                result[f"{name}-{board}"] = str(current.get("image_id", ""))
        return result

    def traffic(self) -> int:
        """Return the bytes that went between the controller and all sites so far, both ways."""
        rows = interfaces(Path(f"/proc/{self.top}/net/dev").read_text(encoding="ascii"))
        return sum(sum(rows[f"s{number}"]) for number in range(len(self.places)))

    def golden(self, boards: int) -> contextlib.AbstractContextManager[LightEndpoints]:
        """Return boards like those of the sites, in one network: to be brought up."""
        return light.up(boards, self.variables, self.first.upper(0))

    def join(self, name: str, archive: Path) -> subprocess.CompletedProcess[str]:
        """Join a site by an archive."""
        place = self.places[name]
        unpacked = self.folder / f"join-{name}"
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked)  # noqa: S202 # the kit's own
        return subprocess.run(
            place.inside([unpacked / "join", place.folder]),
            capture_output=True, text=True, check=False, timeout=LIMIT_S,
        )  # fmt: skip


@contextlib.contextmanager
def up(
    folder: Path, count: int = 2, names: Sequence[str] = SITES, meter: Meter | None = None
) -> Iterator[World]:
    """Bring it up, with `count` boards at each site that have the kit's program and no image."""
    # What comes from outside, before there is a network without an outside.
    receptor.program(small_release.ARCHITECTURE)
    with contextlib.ExitStack() as stack:
        holder = stack.enter_context(child(["unshare", "--net", "sleep", "infinity"]))
        while Path(f"/proc/{holder.pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink():
            time.sleep(0.01)
        world = World(folder, holder.pid, folder / "key", meter=meter)
        stack.callback(_end, world)
        _ip(holder.pid, "link set lo up", "link add hub type bridge",
            f"address add {TOP}/24 dev hub", "link set hub up")  # fmt: skip
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", world.key], what="a key")
        world.variables = variables = {
            "image_allowed_signers": signing.signers([world.key.with_suffix(".pub")])
        }
        golden = stack.enter_context(light.up(1, variables))
        Controller(folder, world.key).play(golden, BOARD, ansible.environment())
        world.first = golden
        for number, name in enumerate(names):
            endpoints = stack.enter_context(light.up(count, variables, golden.upper(0)))
            _link(world.top, endpoints.holder, number)
            world.places[name] = Place(name, endpoints, folder / name)
            _inventory(world, name)
        write_sites(world)
        (folder / "plan.toml").write_text(PLAN, "utf-8")
        kit_archive.make(small_release.ARCHITECTURE, _python())
        yield world


def write_sites(world: World, **changes: Any) -> None:  # noqa: ANN401
    """Write the file of sites; `changes` are keys of sites by their names."""
    lines = ["[controller]", f'address = "{TOP}"']
    for number, name in enumerate(world.places):
        row = {"name": name, "inventory": f"{name}.yml", "order": number + 1,
               "arch": small_release.ARCHITECTURE, "python": _python(),
               **changes.get(name, {})}  # fmt: skip
        lines += ["", "[[site]]", *(f"{key} = {json.dumps(item)}" for key, item in row.items())]
    world.file.write_text("\n".join(lines) + "\n", "utf-8")


def release(world: World, version: str, **how: Any) -> Release:  # noqa: ANN401
    """Return a small signed release."""
    result = small_release.build(world.folder / f"v{version}", version, **how)
    signing.sign(result.path, world.key)
    return result


def _inventory(world: World, name: str) -> None:
    """Give the boards of a site names of their own: those of light endpoints are all the same."""
    body = yaml.safe_load(world.places[name].boards.inventory.read_text("utf-8"))
    hosts = {f"{name}-{host}": row for host, row in body["all"]["hosts"].items()}
    body["all"]["hosts"] = hosts
    (world.folder / f"{name}.yml").write_text(yaml.safe_dump(body), "utf-8")


def _link(top: int, site: int, number: int) -> None:
    """Connect a site's network to the controller's."""
    _ip(top, f"link add s{number} type veth peer name up0 netns {site}",
        f"link set s{number} master hub up")  # fmt: skip
    _ip(site, f"address add 198.19.0.{10 + number}/24 dev up0", "link set up0 up")


def _ip(process: int, *lines: str) -> None:
    run(["nsenter", "--target", str(process), "--net", "ip", "-batch", "-"],
        what="making a network", stdin="\n".join(lines).encode())  # fmt: skip


def cut(world: World, name: str, *, whole: bool) -> None:
    """Cut a site's link to the controller, or mend it."""
    number = list(world.places).index(name)
    _ip(world.top, f"link set s{number} {'up' if whole else 'down'}")


def _python() -> str:
    """Return the version of the Python that a bare machine starts as python3."""
    output = run(
        ["/usr/bin/env", "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        what="python",
    )
    return output.strip()


def _end(world: World) -> None:
    """End the background processes: nodes, and work that they began."""
    folders = [
        world.state / "sites" / "node",
        *(place.folder / "node" for place in world.places.values()),
    ]
    for path in (item for folder in folders for item in folder.glob("*.pid")):
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(path.read_text("ascii").split()[0]), signal.SIGKILL)
    mine = str(world.folder).encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"jetson_kit.fleet.sites" in (arguments := path.read_bytes()) and mine in arguments:
                os.kill(int(path.parent.name), signal.SIGKILL)


@contextlib.contextmanager
def instead_of_run(world: World, script: str) -> Iterator[None]:
    """Let a site answer by a program of its own."""
    run = world.places["berlin"].folder / "run"
    content = run.read_bytes()
    run.rename(run.with_name("run.kept"))
    try:
        run.write_text(script)
        run.chmod(0o755)
        yield
    finally:
        run.write_bytes(content)
        run.chmod(0o755)
