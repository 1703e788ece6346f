"""What boards built reaches the store only signed by their host key, whole, and as asked for."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mediapipe_jetson.engines.manifest import NO_ENGINE

from jetson_kit.ansible_driver.inventory import Host
from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.fleet.release import signing
from jetson_kit.tensorrt import image, manifest, signed, store
from jetson_kit.tensorrt.store import Class
from tests.unit.engines.engine_files import engine, folder_of

ORIN = Class("8.7", "10.3.0.30", lean=False, emulated=False)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("board") / "host_key"
    signing.make_key(path, "board", passphrase=False)
    return path


def keys(key: Path) -> signed.Keys:
    kind, text = key.with_name(key.name + ".pub").read_text().split()[:2]
    return signed.Keys("camera-1", ((kind, text),))


def sign(folder: Path, key: Path) -> Path:
    """Sign as the role lets a board do it."""
    command = ["ssh-keygen", "-Y", "sign", "-q", "-f", str(key), "-n", signed.NAMESPACE]
    path = folder / manifest.FILE
    path.with_name(path.name + ".sig").unlink(missing_ok=True)
    subprocess.run([*command, str(path)], check=True, capture_output=True)
    return folder


def wanted(folder: Path) -> dict[str, str]:
    return {item.file: item.onnx_sha256 for item in manifest.read(folder).engines}


def came(tmp_path: Path, key: Path, **other: Any) -> Path:
    folder = tmp_path / "came"
    return sign(folder_of(folder, engine(folder, **other)), key)


def test_what_a_board_signed_is_taken(tmp_path: Path, key: Path) -> None:
    folder = came(tmp_path, key)
    requested = wanted(folder)
    result = store.take(folder, keys(key), ORIN, requested)
    place = store.root() / "sm87-trt10.3.0.30"
    assert result.folder == place
    assert store.has(place, requested)
    assert not store.has(place, {"x": "f" * 64})
    assert store.builder(place) == "camera-1"
    assert store.read(place).engines[0].path.read_bytes() == b"an engine"
    second = came(tmp_path, key, raw=b"another")
    store.take(second, keys(key), ORIN, requested)
    assert store.read(place).engines[0].path.read_bytes() == b"another"
    assert [path.name for path in store.root().iterdir() if path.is_dir()] == [place.name]


def test_a_replacement_that_was_cut_off_is_mended(tmp_path: Path, key: Path) -> None:
    folder = came(tmp_path, key)
    requested = wanted(folder)
    store.take(folder, keys(key), ORIN, requested)
    place = store.root() / ORIN.name
    place.rename(store.root() / f".{ORIN.name}.old")
    assert not store.has(place, requested)
    with store.mine(ORIN) as mended:
        assert store.has(mended, requested)


def test_nothing_else_is_taken(tmp_path: Path, key: Path, tmp_path_factory: Any) -> None:
    other = tmp_path_factory.mktemp("other") / "key"
    signing.make_key(other, "other", passphrase=False)
    folder = came(tmp_path, other)
    requested = wanted(folder)

    def refused(expected: str, board_class: Class = ORIN) -> None:
        with pytest.raises(IntegrityError, match=expected):
            store.take(folder, keys(key), board_class, requested)
        assert not [path for path in store.root().iterdir() if path.is_dir()]

    refused("not signed by camera-1")
    (folder / (manifest.FILE + ".sig")).unlink()
    refused("is not signed")
    sign(folder, key)
    next(folder.glob("*.engine")).write_bytes(b"an enginE")
    refused("not what its manifest lists")
    next(folder.glob("*.engine")).write_bytes(b"an engine")
    refused("is not for", replace(ORIN, sm="11.0"))
    refused("is not for", replace(ORIN, lean=True))
    requested["more.onnx"] = "f" * 64
    refused("lacks the engine of more.onnx")
    del requested["more.onnx"]
    text = (folder / manifest.FILE).read_text()
    (folder / manifest.FILE).write_text(text.replace("as expected", "as hoped"))
    refused("not signed by camera-1")


@pytest.mark.parametrize(
    ("board", "says", "raw"),
    [(True, False, b"an engine"), (False, True, b"an engine"), (False, False, NO_ENGINE + b" x"),
     (True, True, b"an engine")],
)  # fmt: skip
def test_a_stand_in_s_file_can_t_pass_for_an_engine(
    tmp_path: Path, key: Path, board: bool, says: bool, raw: bytes
) -> None:
    folder = came(tmp_path, key, raw=raw, emulated=says)
    board_class = replace(ORIN, emulated=board)
    if board and says:
        assert store.take(folder, keys(key), board_class, wanted(folder)).emulated
        assert (store.root() / "sm87-trt10.3.0.30-emulated").is_dir()
        with pytest.raises(IntegrityError, match="stand-in"):
            image.checked(store.root() / board_class.name)
        return
    with pytest.raises(IntegrityError, match="stand-in"):
        store.take(folder, keys(key), board_class, wanted(folder))


def test_an_unsigned_folder_is_checked_by_its_hashes(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "own", engine(tmp_path / "own"))
    assert image.checked(folder).engines
    next(folder.glob("*.engine")).write_bytes(b"an enginE")
    with pytest.raises(IntegrityError):
        image.checked(folder)
    with pytest.raises(BadInputError, match=r"has no engines\.json"):
        manifest.read(tmp_path)


def test_host_keys_are_those_that_ssh_knows(tmp_path: Path, key: Path) -> None:
    kind, text = key.with_name(key.name + ".pub").read_text().split()[:2]
    known = tmp_path / "known_hosts"
    known.write_text(f"[192.0.2.1]:2222 {kind} {text}\n192.0.2.9 {kind} AAAA\n")
    hashed = tmp_path / "hashed"
    hashed.write_text(known.read_text())
    subprocess.run(["ssh-keygen", "-H", "-f", str(hashed)], check=True, capture_output=True)
    for path in (known, hashed):
        host = Host(
            "camera-1",
            {
                "ansible_host": "192.0.2.1",
                "ansible_port": 2222,
                "ansible_ssh_common_args": f"-F /dev/null -o UserKnownHostsFile={path}",
            },
        )
        result = signed.known(host)
        assert result.keys == ((kind, text),)
        assert result.file == "/etc/ssh/ssh_host_ed25519_key"
        assert result.signers.startswith(f'camera-1 namespaces="{signed.NAMESPACE}" {kind} ')
    stranger = Host("x", {**host.variables, "ansible_port": 22})
    with pytest.raises(BadInputError, match="no host key of x"):
        signed.known(stranger)


def test_the_mark_of_emulation_can_t_be_taken_out(tmp_path: Path, key: Path) -> None:
    folder = came(tmp_path, key, emulated=True)
    body = json.loads((folder / manifest.FILE).read_text())
    del body["emulated"], body["engines"][0]["emulated"]
    (folder / manifest.FILE).write_text(json.dumps(body))
    sign(folder, key)
    with pytest.raises(IntegrityError, match="emulated"):
        store.take(folder, keys(key), ORIN, {})
