"""The controller's own node is down, or a site was removed: said at once, nothing is judged."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from jetson_kit.core.errors import BadInputError, IntegrityError, StepFailedError
from jetson_kit.fleet.release import release as releases
from jetson_kit.fleet.sites import central, command, control, home, inventory, members, plan
from jetson_kit.fleet.sites.inventory import Sites
from jetson_kit.fleet.sites.journal import SitesJournal
from jetson_kit.fleet.sites.mesh import Mesh, NodeDownError, SilentError
from jetson_kit.inspection import central as inspections

ID = "20260101-000000-abcdef"
NAMES = ("berlin", "tokyo")


def answer(client: socket.socket) -> None:
    """Take work as Receptor does, or refuse it."""
    with client, client.makefile("rwb") as stream, contextlib.suppress(OSError):
        stream.write(b"Receptor Control, node controller\n")
        stream.flush()
        if not (line := stream.readline()):
            return
        if json.loads(line)["node"] == "refused":
            stream.write(b"ERROR: refused by the site\n")
        else:
            stream.write(b"Work unit created with ID abc. Send stdin data and EOF.\n")
            stream.flush()
            stream.read()
            stream.write(b'{"result": "Job Started", "unitid": "abc"}\n')
        stream.flush()


def serve(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    path.unlink(missing_ok=True)
    server.bind(str(path))
    server.listen(64)

    def loop() -> None:
        with contextlib.suppress(OSError):
            while True:
                answer(server.accept()[0])

    threading.Thread(target=loop, daemon=True).start()
    return server


def gone(path: Path) -> None:
    """Leave a socket's file with nobody behind it, as a Receptor that was killed does."""
    server = socket.socket(socket.AF_UNIX)
    path.unlink(missing_ok=True)
    server.bind(str(path))
    server.close()


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> home.Central:
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    result = home.here()
    result.node.mkdir(mode=0o700)
    return result


@pytest.fixture
def sites(tmp_path: Path, place: home.Central) -> Sites:
    text = '[controller]\naddress = "198.51.100.1"\n'
    for name in NAMES:
        (tmp_path / f"{name}.yml").write_text(f"all:\n  hosts:\n    {name}-board: {{}}\n")
        text += f'[[site]]\nname = "{name}"\ninventory = "{name}.yml"\n'
    (tmp_path / "sites.toml").write_text(text)
    with members.changing(place.folder) as rows:
        for name in NAMES:
            rows[name] = members.Member("aa", "2026-01-01T00:00:00+00:00", "2099-01-01T00:00+00:00")
    return inventory.load(tmp_path / "sites.toml")


@pytest.fixture
def journal(sites: Sites, place: home.Central) -> Path:
    path = place.folder / command.ROLLOUTS / f"{ID}.jsonl"
    path.parent.mkdir()
    release = {"image_id": "sha256:" + "1" * 64, "name": "r", "folder": "/nowhere"}
    SitesJournal.new(
        path, sites=str(sites.path), release=release, plan=plan.SitesPlan().as_json(),
        waves=plan.waves(sites.sites), boards=sites.boards,
    ).close()  # fmt: skip
    return path


def begin(sites: Sites, monkeypatch: pytest.MonkeyPatch) -> None:
    waves = plan.waves(sites.sites)
    monkeypatch.setattr(command, "planned", lambda request: (sites, None, waves))
    command.start(command.Request(sites.path, "r"))


@pytest.mark.parametrize("leave", [lambda path: None, gone, lambda path: path.touch()])
def test_resume_while_the_node_is_down_writes_nothing(
    journal: Path, sites: Sites, place: home.Central, leave: Callable[[Path], None]
) -> None:
    leave(place.mesh.socket)
    before = journal.read_bytes()
    with pytest.raises(NodeDownError, match="the controller's node is not running") as caught:
        command.resume(ID)
    assert caught.value.exit_code == 3
    assert f"./inv sites.up -i {sites.path}" in caught.value.cure
    assert journal.read_bytes() == before


def test_resume_of_another_release_is_refused(
    journal: Path, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rollout that was killed before its journal began must not end as the one before."""
    released = SimpleNamespace(image_id="sha256:" + "2" * 64)
    monkeypatch.setattr(releases, "folder_of", Path)
    monkeypatch.setattr(releases, "load", lambda folder: released)
    before = journal.read_bytes()
    with pytest.raises(BadInputError, match=f"rollout {ID} is of sha256:1+, not of r2"):
        command.resume("", target="r2")
    assert journal.read_bytes() == before
    released.image_id = "sha256:" + "1" * 64
    with pytest.raises(NodeDownError):
        command.resume("", target="r2")


def test_a_new_rollout_while_the_node_is_down_writes_nothing(
    sites: Sites, place: home.Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NodeDownError):
        begin(sites, monkeypatch)
    assert not (place.folder / command.ROLLOUTS).exists()


def test_status_while_the_node_is_down(sites: Sites) -> None:
    with pytest.raises(NodeDownError):
        list(inspections.run(inspections.Request("status", sites.path, silent_s=1)))


def test_a_site_that_was_removed_is_refused_with_and_without_resume(
    journal: Path, sites: Sites, place: home.Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = journal.read_bytes()
    with members.changing(place.folder) as rows:
        del rows["tokyo"]
    for do in (lambda: command.resume(ID), lambda: begin(sites, monkeypatch)):
        with pytest.raises(BadInputError, match="tokyo has not joined"):
            do()
    assert journal.read_bytes() == before


def test_a_node_that_is_down_counts_as_silence_only_after_the_limit(tmp_path: Path) -> None:
    gone(tmp_path / "s")
    with pytest.raises(SilentError, match="node was not running for 1 s"):
        Mesh(tmp_path / "s")._submit("berlin", b"", 1)


@pytest.fixture
def later(tmp_path: Path) -> Iterator[None]:
    """Have the node come up after the first try."""
    opened: list[socket.socket] = []
    gone(tmp_path / "s")

    def come() -> None:
        time.sleep(0.7)
        opened.append(serve(tmp_path / "s"))

    thread = threading.Thread(target=come)
    thread.start()
    yield
    thread.join()
    opened[0].close()


@pytest.mark.usefixtures("later")
def test_a_node_that_comes_back_takes_the_work(tmp_path: Path) -> None:
    assert "abc" in Mesh(tmp_path / "s")._submit("berlin", b"", 60)


def test_what_a_running_node_refuses_is_said_at_once(tmp_path: Path) -> None:
    with serve(tmp_path / "s"), pytest.raises(StepFailedError, match="refused by the site"):
        Mesh(tmp_path / "s")._submit("refused", b"", 3600)


def test_an_invited_site_that_has_not_joined_is_removed_by_its_token(
    sites: Sites, place: home.Central
) -> None:
    with members.changing(place.folder) as rows:
        del rows["tokyo"]
    token, _ = members.new_token(place.folder, "tokyo", 1)
    assert "its token is good no more" in central.remove(sites, "tokyo")
    with pytest.raises(members.RefusedTokenError, match="unknown"):
        members.claim(place.folder, token, "request")
    with pytest.raises(BadInputError, match="tokyo has not joined"):
        central.remove(sites, "tokyo")
    assert set(members.load(place.folder)) == {"berlin"}


def test_a_member_is_removed_with_a_token_that_it_was_given_since(
    sites: Sites, place: home.Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(central, "apply", lambda place, sites: None)
    token, _ = members.new_token(place.folder, "tokyo", 1)
    assert "certificate is let in no more" in central.remove(sites, "tokyo")
    assert set(members.load(place.folder)) == {"berlin"}
    with pytest.raises(members.RefusedTokenError, match="unknown"):
        members.claim(place.folder, token, "request")


def test_a_removed_site_is_out_though_a_token_is_damaged(
    sites: Sites, place: home.Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(central, "apply", lambda *_: None)  # no node runs here
    (place.folder / members.TOKENS).mkdir(exist_ok=True)
    (place.folder / members.TOKENS / "x.json").write_bytes(b"")
    with pytest.raises(IntegrityError, match=r"is removed: .* but .*x\.json is damaged"):
        central.remove(sites, "berlin")
    assert set(members.load(place.folder)) == {"tokyo"}


def test_a_site_that_has_joined_is_not_replaced_unseen(sites: Sites, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="berlin has joined, and another machine"):
        central.invite(sites, "berlin", 1, tmp_path / "berlin.tar")


def test_a_long_line_of_receptor_is_whole_and_what_follows_stays() -> None:
    near, far = socket.socketpair()
    text = b"x" * 300_000 + b"\nrest"
    sender = threading.Thread(target=far.sendall, args=(text,))
    sender.start()
    with near, far:
        assert control._line(near) == b"x" * 300_000
        assert near.recv(16) == b"rest"
        sender.join()


def test_two_that_bring_the_controller_up_follow_one_another(
    sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, most = [], []

    def apply(*_: object) -> None:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.2)
        inside.pop()
        raise StepFailedError("far enough")

    def up() -> None:
        with contextlib.suppress(StepFailedError):
            central.up(sites)

    monkeypatch.setattr(central, "apply", apply)
    threads = [threading.Thread(target=up) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]
