"""Boards whose login is no root: its sudo asks for a password, which rsync can't be asked for."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from tests.fleet.boards import Boards
from tests.fleet.site import Site

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.one_engine]
PASSWORD = "words-of-sudo-42"  # of a virtual device
USER = f"""\
id -u jetson >/dev/null 2>&1 || useradd --create-home --shell /bin/bash --groups sudo jetson
echo jetson:{PASSWORD} | chpasswd
install -d -o jetson -g jetson -m 700 /home/jetson/.ssh
install -o jetson -g jetson -m 600 /root/.ssh/authorized_keys /home/jetson/.ssh/authorized_keys
"""


@pytest.fixture
def by_user(site: Site, tmp_path: Path) -> Site:
    """The site, whose inventory logs in as somebody else."""
    folder = tmp_path / "hosts"
    shutil.copytree(site.inventory.parent / "group_vars", folder / "group_vars")
    text = site.inventory.read_text(encoding="utf-8")
    (folder / "hosts.yml").write_text(text.replace("ansible_user: root", "ansible_user: jetson"))
    for at in range(len(site.names)):
        site.boards.sh(USER, at)
    boards = Boards(folder / "hosts.yml", site.boards.hosts)
    return dataclasses.replace(site, boards=boards)


def test_a_release_comes_by_a_user_whose_sudo_asks(by_user: Site) -> None:
    new = by_user.release()
    where = ("-i", str(by_user.inventory))
    refused = by_user.task("provision", *where, "--tags", "image", code=1)
    assert "Missing sudo password" in refused
    refused = by_user.task(
        "provision", *where, "--tags", "image", code=1, env={"KIT_BECOME_PASSWORD": "wrong"}
    )
    assert "ncorrect sudo password" in refused

    # What another login left there is in nobody's way.
    by_user.boards.sh("install -d -o 4242 -m 700 /var/lib/mediapipe-jetson/sent/before")
    done = by_user.rollout(new, env={"KIT_BECOME_PASSWORD": PASSWORD})
    assert done["result"] == "all"
    assert by_user.running() == [new.image_id] * len(by_user.names)
    # What came was taken, and nothing of the password stays here or there.
    assert by_user.boards.sh("ls /var/lib/mediapipe-jetson/sent /var/lib/mediapipe-jetson/blobs/*")
    assert by_user.boards.sh("find /var/lib/mediapipe-jetson/sent -type f") == ""
    written = [path for path in by_user.records(done["id"]).rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if PASSWORD.encode() in path.read_bytes()]
    assert (
        by_user.boards.sh(f"grep -rlF {PASSWORD} /var/lib/mediapipe-jetson /etc /run || true") == ""
    )
