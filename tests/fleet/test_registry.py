"""The registry way: pulled by digest over TLS with a password, on three virtual devices."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jetson_kit.fleet.release.release import Release
from tests.fleet import changed_release, known
from tests.fleet.site import Site
from tests.support.here import skip_without

pytestmark = [pytest.mark.docker, pytest.mark.slow]
USER = "board"
PASSWORD = "pull-only-7c1d"  # of this test
# htpasswd -B, of that password.
HTPASSWD = f"{USER}:$2b$05$abcdefghijklmnopqrstuuvlrwsX3xaM3TwZuTF9E6Ai1CiRfrcri\n"
BULK = 3_000_000


@dataclass(frozen=True)
class Shop:
    """A registry at an address that the devices reach; its records are in a cache of its own."""

    site: Site
    env: dict[str, str]
    words: tuple[str, ...]

    def up(self) -> None:
        """Start it."""
        self.site.task("registry", "--up", *self.words, env=self.env)

    def down(self) -> None:
        """Stop it."""
        self.site.task("registry", "--down", env=self.env)

    def push(self, release: Release) -> str:
        """Push a release; return its reference."""
        return self.site.task("registry", "--push", str(release.folder), env=self.env).strip()

    def sent(self) -> int:
        """Return the bytes that its process has written so far: files and network."""
        match = re.search(r'"pid": (\d+)', (self.cache / "running.json").read_text())
        assert match
        return int(re.findall(r"wchar: (\d+)", Path(f"/proc/{match[1]}/io").read_text())[0])

    @property
    def cache(self) -> Path:
        """Return where it keeps all it has."""
        return Path(self.env["KIT_CACHE"], "registry")


@pytest.fixture
def shop(site: Site, tmp_path: Path) -> Iterator[Shop]:
    skip_without("registry", "skopeo")
    own = site.boards.sh("ip -4 -o addr show dev eth0").split()[3]
    # This machine's address on the devices' bridge.
    host = str(next(ipaddress.ip_interface(own).network.hosts()))
    with socket.socket() as free:
        free.bind((host, 0))
        port = free.getsockname()[1]
    who = tmp_path / "htpasswd"
    who.write_text(HTPASSWD)
    env = {
        "KIT_CACHE": str(tmp_path / "cache"),
        "KIT_REGISTRY_USER": USER,
        "KIT_REGISTRY_PASSWORD": PASSWORD,
    }
    options = ("--address", host, "--port", str(port), "--htpasswd", str(who))
    result = Shop(site, env, options)
    result.up()
    yield result
    result.down()


@contextlib.contextmanager
def arguments() -> Iterator[set[str]]:
    """Yield the command lines that hold the password while the block runs: devices' too."""
    result: set[str] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    text = path.read_bytes().decode(errors="replace")
                    if PASSWORD in text:
                        result.add(text.replace("\0", " "))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield result
    finally:
        over.set()
        watcher.join()


def test_pulled_by_digest_and_nothing_twice(site: Site, shop: Shop) -> None:
    """Both ways give one image; an update moves its layer; without a registry the old one stays."""
    login = {name: shop.env[name] for name in ("KIT_REGISTRY_USER", "KIT_REGISTRY_PASSWORD")}
    first = site.release(bulk=BULK)
    last = site.names[-1]
    # Layers that other tests left would be used again.
    for at in range(len(site.names)):
        site.boards.sh("docker image prune --all --force", at)
    with arguments() as seen:
        reference = shop.push(first)
        began = shop.sent()
        pullers = ",".join(site.names[:-1])
        done = site.rollout(first, "--way", "registry", "--limit", pullers, env=login)
        whole = shop.sent() - began
    assert seen == set()
    assert done["result"] == "all"
    assert whole > 2 * BULK
    site.rollout(first, "--limit", last)
    assert site.running() == [first.image_id] * 3
    reported = site.boards.sh(
        "docker container inspect -f '{{.Image}}' mediapipe"
        " | xargs docker image inspect -f '{{.RepoDigests}}'"
    )
    assert reference in reported

    second = changed_release.build(first, site.folder / "second", "app.py", b"print(2)\n")
    site.task("release", str(second.folder), "--key", str(site.key))
    shop.push(second)
    began = shop.sent()
    site.rollout(second, "--way", "registry", "--limit", pullers, env=login)
    moved = shop.sent() - began
    print(f"{whole} bytes for both devices, {moved} for an update")
    assert moved < whole / 100
    assert site.running() == [second.image_id] * 2 + [first.image_id]

    third = changed_release.build(first, site.folder / "third", "app.py", b"print(3)\n")
    site.task("release", str(third.folder), "--key", str(site.key))
    assert "is in no registry" in site.task(
        "rollout", str(third.folder), "-i", str(site.inventory), "--way", "registry", code=4
    )
    shop.push(third)
    shop.down()
    plan = site.folder / "once.toml"
    plan.write_text("tries = 1\n")
    stopped = site.rollout(
        third, "--way", "registry", "--limit", pullers, "--file", str(plan), code=1, env=login
    )
    why = stopped["hosts"][site.names[0]]["why"]
    assert "connection refused" in why
    assert site.running() == [second.image_id] * 2 + [first.image_id]
    site.truth()
    assert_no_secret(site)


@pytest.mark.containerd
def test_boards_change_from_one_way_to_the_other_and_back(site: Site, shop: Shop) -> None:
    """Ways compress layers differently; an engine that has one fetches it in no other form."""
    login = {name: shop.env[name] for name in ("KIT_REGISTRY_USER", "KIT_REGISTRY_PASSWORD")}
    first = site.release(bulk=BULK)
    site.rollout(first)
    releases = {
        number: changed_release.build(first, site.folder / f"way{number}", "app.py", body)
        for number, body in enumerate((b"print('a')\n", b"print('b')\n", b"print('c')\n"))
    }
    for number, release in releases.items():
        site.task("release", str(release.folder), "--key", str(site.key))
        ways: tuple[str, ...] = ()
        if number != 1:
            shop.push(release)
            ways = ("--way", "registry")
        site.rollout(release, *ways, env=login if ways else None)
        layers = [layer.diff_id for layer in release.layers]
        for at in range(len(site.names)):
            assert json.loads(site.boards.sh(known.ASK, at).partition(" ")[2]) == layers
        status = site.status()
        assert not status["drift"], status
        assert {status["hosts"][name]["device"]["image_id"] for name in site.names} == {
            release.image_id
        }
    # What the engine can't show would take space for ever.
    script = "ctr --namespace moby images ls --quiet | xargs docker image inspect"
    for at in range(len(site.names)):
        site.boards.sh(script, at)


@pytest.mark.one_engine
def test_a_wrong_password_is_refused(site: Site, shop: Shop) -> None:
    release = site.release()
    wrong = {"KIT_REGISTRY_PASSWORD": "guessed-7c1d"}
    task = site.task("registry", "--push", str(release.folder), env={**shop.env, **wrong}, code=7)
    # As older and newer skopeo say it.
    assert "unauthorized" in task or "authentication required" in task
    assert "guessed" not in task


def assert_no_secret(site: Site) -> None:
    """Look for the password wherever something is stored."""
    for folder, _, names in os.walk(site.folder):
        for name in names:
            path = Path(folder, name)
            assert PASSWORD.encode() not in path.read_bytes(), path
    for at in range(len(site.names)):
        message = site.boards.sh(
            f"grep -rl '{PASSWORD}' /etc /root /run /var/lib/mediapipe-jetson /tmp "
            "2>/dev/null || true; ls -d /run/mediapipe-image/registry 2>/dev/null || true; "
            f"journalctl --no-pager | grep -c '{PASSWORD}' || true",
            at,
        )
        assert message == "0\n", message
