"""The whole command with bad input and broken surroundings: one line, its code, dist/ as it was."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jetson_kit.build import parts, plan
from jetson_kit.build.request import Request
from jetson_kit.containers import oci
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.core.progress import Progress
from tests.image.kit import NEEDS, TIMEOUT_S, Image, docker, inv
from tests.support.here import cannot_run_here

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]
KILLS = 5
INVOKE = [sys.executable, str(ROOT / "tasks.py")]


def last_line(done: subprocess.CompletedProcess[str], code: int) -> str:
    """Return the one error line; all else on standard error is steps."""
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    assert done.returncode == code, done.stderr
    lines = done.stderr.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert errors == lines[-1:], done.stderr
    return errors[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--jetson", "--l4t", "36.9.9"), "unknown target"),
        (("--jetson", "--l4t", "jetpack7"), "is ambiguous; name one of"),
        (("--jetson", "--l4t", ""), "is empty"),
        (("--jetson", "--python", "3.7"), "3.7"),
        (("--jetson", "--python", "three"), "three"),
        (("--jetson", "--l4t", "r32", "--mediapipe", "0.10.18", "--require-gpu"), "--allow-cpu"),
        (("--jetson", "--l4t", "r32", "--mediapipe", "0.10.18", "--python", "3.13"), "3.13"),
        (("--jetson", "--module", "nano"), "nano"),
        (("--jetson", "--variant", "x"), "runtime, emulated or dev"),
        (("--require-gpu", "--allow-cpu"), "exclude"),
        (("--l4t", "36.4.4"), "--jetson"),
        (("--jetson", "--output", str(ROOT)), "no build wrote"),
    ],
)
def test_what_can_not_be_is_refused_at_once(arguments: tuple[str, ...], says: str) -> None:
    assert says in last_line(inv("build", *arguments), 2)


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Path]:
    """Return a place for the output; afterwards nothing half-written may be beside it."""
    (tmp_path / "dist").mkdir()
    yield tmp_path / "dist" / "it"
    left = [path.name for path in (tmp_path / "dist").glob("*")]
    assert set(left) <= {"it"}, left
    shutil.rmtree(tmp_path)


def test_no_docker_engine(output: Path) -> None:
    arguments = ("build", "--jetson", "--output", str(output))
    dead = inv(*arguments, env={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    assert "no Docker Engine answers at DOCKER_HOST=unix:" in last_line(dead, 3)
    assert not output.exists()


def test_no_docker_at_all(output: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in Path("/usr/bin").iterdir():
        if program.name != "docker":
            (programs / program.name).symlink_to(program)
    env = {"PATH": str(programs), "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    done = inv(*("build", "--jetson", "--output", str(output)), env={**env, "INV_NO_INSTALL": "1"})
    assert "INV_NO_INSTALL forbids it" in last_line(done, 3)
    assert done.stderr.startswith("Missing packages for ./inv build: docker")
    assert not output.exists()


def test_disk_full(output: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(small)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        cannot_run_here("a small disk can be mounted only by root, where mounts are allowed")
    try:
        done = inv(*("build", "--jetson", "--output", str(output)), env={"KIT_CACHE": str(small)})
        assert "no space left" in last_line(done, 6)
        assert not output.exists()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_no_network(output: Path, tmp_path: Path) -> None:
    if os.geteuid():
        cannot_run_here("only root can take the network away")
    env = {"KIT_CACHE": str(tmp_path / "cache"), "UV_CACHE_DIR": str(tmp_path / "uv")}
    done = inv(*("build", "--jetson", "--output", str(output)), env=env, before=("unshare", "-n"))
    last_line(done, 4)
    assert not output.exists()


def test_no_network_is_needed_when_all_is_cached(jetson: Image) -> None:
    if os.geteuid():
        cannot_run_here("only root can take the network away")
    (jetson.folder / "sbom.cdx.json").unlink(missing_ok=True)
    arguments = ("build", "--jetson", "--no-start", "--output", str(jetson.folder))
    done = inv(*arguments, before=("unshare", "-n"))
    assert done.returncode == 0, done.stderr


def used(jetson: Image) -> list[Path]:
    """Return cached files of every kind that goes into the Jetson image."""
    cache = cache_dir()
    # Asked for, as files of older versions of the kit may have the same bytes.
    result = parts.make(plan.make(Request(jetson=True)), Progress(quiet=True))
    chosen = [tar for _, tar in result.tars]
    assert len(chosen) == len(jetson.diff_ids)
    source = jetson.manifest["plan"]["mediapipe"]["source"]
    (libc,) = (cache / "apt" / "bookworm-arm64" / "cache" / "archives").glob("libc6_*.deb")
    return [
        *chosen,
        *(oci.blob_path(item) for item in jetson.diff_ids),
        result.wheel,
        cache / "wheels" / "official" / str(source),
        cache / "models" / "hand_landmarker.task",
        libc,
    ]


@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_damaged_cache_never_ships(jetson: Image, tmp_path: Path, how: str) -> None:
    """Damage every kind of cached file; the image that comes out is the same to the last bit."""
    copy = tmp_path / "kept"
    copy.mkdir()
    hurt = used(jetson)
    for number, path in enumerate(hurt):
        shutil.copy2(path, copy / str(number))
        with path.open("r+b") as file:
            size = path.stat().st_size
            if how == "cut":
                file.truncate(size // 2 // 512 * 512)
            else:
                file.seek(size // 2)
                byte = file.read(1)
                file.seek(size // 2)
                file.write(bytes([byte[0] ^ 0xFF]))
    try:
        (jetson.folder / "sbom.cdx.json").unlink(missing_ok=True)
        arguments = ("build", "--jetson", "--json", "--no-start")
        done = inv(*arguments, "--output", str(jetson.folder))
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        assert document["image"]["id"] == jetson.id
        assert document["archive"] == jetson.manifest["archive"]
        for number, path in enumerate(hurt):
            assert path.read_bytes() == (copy / str(number)).read_bytes(), path
    finally:
        for number, path in enumerate(hurt):
            if path.exists() and path.read_bytes() != (copy / str(number)).read_bytes():
                path.unlink()
        shutil.rmtree(tmp_path)


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT], ids=["KILL", "INT"])
def test_killed_at_any_time_the_next_build_goes_on(
    jetson: Image, output: Path, tmp_path: Path, kind: signal.Signals
) -> None:
    """Kill five builds, each from a cache without finished parts; the sixth is whole."""
    cache = tmp_path / "cache"
    env = {**os.environ, "KIT_CACHE": str(cache)}
    arguments = ["build", "--jetson", "--json", "--output", str(output)]
    seed = int(os.environ.get("KIT_TEST_SEED", "7"))
    moments = random.Random(seed)  # noqa: S311
    for _ in range(KILLS):
        with subprocess.Popen(
            [*INVOKE, *arguments],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as running:
            time.sleep(moments.uniform(0.5, 9.0))
            if kind == signal.SIGINT:
                os.killpg(running.pid, kind)
            else:
                running.send_signal(kind)
            _, err = running.communicate(timeout=60)
        if running.returncode == 0:
            shutil.rmtree(output)
            continue
        assert not output.exists()
        if kind == signal.SIGINT:
            assert running.returncode == 130
            assert err.splitlines()[-1] == "error: stopped; run it again to go on from here"
            assert "Traceback" not in err, err
    done = inv(*arguments, "--no-start", env={"KIT_CACHE": str(cache)})
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["archive"] == jetson.manifest["archive"]
    assert document["image"]["id"] == jetson.id
    assert len(list(output.iterdir())) == 3


def test_two_builds_at_the_same_time_both_end_well(jetson: Image) -> None:
    (jetson.folder / "sbom.cdx.json").unlink(missing_ok=True)
    arguments = ["build", "--jetson", "--json", "--output", str(jetson.folder)]
    both = [
        subprocess.Popen(
            [*INVOKE, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=TIMEOUT_S) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    result = [json.loads(out) for out, _ in outputs]
    assert result[0] == result[1]
    assert result[0]["archive"] == jetson.manifest["archive"]
    message = "".join(err for _, err in outputs)
    assert "another build" in message
    assert "nothing changed" in message
    assert docker("inspect", "-f", "{{.Id}}", result[0]["image"]["tag"]).stdout.strip() == jetson.id
