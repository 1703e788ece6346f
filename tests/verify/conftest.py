"""One image, one sshd and one set of containers for the whole session."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.ansible_driver.program_environment import environment
from jetson_kit.build import images, plan
from jetson_kit.build.request import Request
from jetson_kit.containers import engine
from jetson_kit.core.paths import ROOT
from jetson_kit.core.progress import Progress
from jetson_kit.service import contract as service
from jetson_kit.verify import local as verify
from tests.verify.fleet import MUTANTS, Mutant, Report, docker
from tests.verify.loopback import Loopback, serving

GOOD = Mutant({}, standing=Report())
PRIVILEGED = Mutant({}, words=("--privileged",))


@pytest.fixture(scope="session")
def image() -> str:
    """Return the id of this machine's image with Mesa's drivers."""
    planned = plan.make(Request(variant="emulated"))
    return str(images.image_only(planned, Progress(quiet=True)).id)


@pytest.fixture(scope="session")
def loopback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    """Return this machine, reached by ssh."""
    with serving(tmp_path_factory.mktemp("sshd")) as result:
        yield result


@dataclass(frozen=True)
class Started:
    """Running containers and the inventory that has a host for each."""

    inventory: Path
    unstarted: Mapping[str, str]
    """Why a container could not be started here."""


@pytest.fixture(scope="session")
def started(
    image: str, loopback: Loopback, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Started]:
    """Start a container as it must be and one for each mutant; end them afterwards."""
    folder = tmp_path_factory.mktemp("fleet")
    device = service.local_device(engine.client().info()["Runtimes"])
    result = verify.in_image(image, verify.VerifyOptions(expect="software"))
    hosts: dict[str, dict[str, Any]] = {}
    names, unstarted = [], {}
    derived = []
    try:
        for host, mutant in {"good": GOOD, "privileged": PRIVILEGED, **MUTANTS}.items():
            reports = folder / host
            reports.mkdir()
            cache = folder / f"{host}-cache"
            cache.mkdir()
            # The container's user is no user of this machine.
            reports.chmod(0o777)
            cache.chmod(0o777)
            if mutant.standing:
                mutant.standing.put(result, reports / "verify.json")
            name = f"verify-{os.getpid()}-{host}"
            own = service.load()
            assert own.reports is not None
            assert own.cache is not None
            own = replace(
                own, name=name, reports=replace(own.reports, source=str(reports)),
                cache=replace(own.cache, source=str(cache)),
            )  # fmt: skip
            arguments = mutant.arguments(own, image, device)
            derived += [word for word in arguments if word.startswith("sha256:") and word != image]
            done = subprocess.run(
                ["docker", "run", *arguments], capture_output=True, text=True, check=False
            )
            names.append(name)
            if done.returncode:
                unstarted[host] = done.stderr.strip()
            hosts[host] = {
                "mediapipe_container": name,
                "mediapipe_reports": str(reports),
                "mediapipe_cache": str(cache),
                "mediapipe_controls": host == "good",
                "mediapipe_image": image,
                **mutant.variables,
            }
        assert set(unstarted) <= {"privileged"}, unstarted
        yield Started(
            loopback.inventory(folder / "hosts.yml", {**hosts, **absent(loopback)}), unstarted
        )
    finally:
        with contextlib.suppress(AssertionError):
            docker("rm", "--force", *names)
        for item in set(derived):
            with contextlib.suppress(AssertionError):
                docker("rmi", item)


def absent(loopback: Loopback) -> dict[str, dict[str, Any]]:
    """Return hosts without a container, without an sshd, and with another host key."""
    common = str(loopback.variables["ansible_ssh_common_args"])
    other = loopback.folder / "other_hosts"
    key = (loopback.folder / "user.pub").read_text().split()[:2]
    other.write_text(f"[127.0.0.1]:{loopback.variables['ansible_port']} {' '.join(key)}\n")
    known = str(loopback.folder / "known_hosts")
    return {
        "missing-container": {"mediapipe_container": f"verify-{os.getpid()}-nobody"},
        "unreachable": {"ansible_port": 1},
        "other-key": {"ansible_ssh_common_args": common.replace(known, str(other))},
    }


@pytest.fixture(scope="session")
def in_suite() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return what runs tests/device itself, as one may without ./inv."""

    def run(inventory: Path, host: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        requested = [f"--hosts=ansible://{host}", f"--ansible-inventory={inventory}"]
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            *requested,
            *arguments,
        ]
        return subprocess.run(
            [*command, "tests/device"], cwd=ROOT, env=environment(), capture_output=True,
            text=True, check=False,
        )  # fmt: skip

    return run
