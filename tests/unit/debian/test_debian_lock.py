"""Locked sets of Debian packages: what they hold, and how they are fetched, by apt's downloader."""

from __future__ import annotations

import functools
import http.server
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from jetson_kit.core.errors import IntegrityError, NetworkError, StepFailedError
from jetson_kit.data_update import debian_packages
from jetson_kit.debian import lock as debian_lock
from jetson_kit.debian import rootfs
from jetson_kit.debian.apt import Mirror
from jetson_kit.debian.lock import Lock, Row
from tests.support.here import needs_parts
from tests.unit import tiny_deb

pytestmark = needs_parts("apt", "dpkg")
MIRROR = Mirror("http://a.invalid/debian", "http://a.invalid/debian-security")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, to those who take it for a proxy too, and logs nothing."""

    def translate_path(self, path: str) -> str:
        """Return the file of a path or of a whole address."""
        return super().translate_path(urlsplit(path).path)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve a folder as Debian's archive and its security updates; return it."""
    folder = tmp_path / "archive"
    folder.mkdir()
    (tmp_path / "archive-security").mkdir()
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/archive"
        monkeypatch.setenv("KIT_DEBIAN_MIRROR", address)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield folder
        server.shutdown()


def locked(folder: Path, name: str, archive: str = "main") -> Row:
    """Put a package into an archive; return its row."""
    deb = tiny_deb.make(folder, name, {f"usr/share/{name}": name})
    path = deb.path.rename(folder / f"{name}.deb")
    return Row(name, deb.version, deb.architecture, archive, path.name, deb.sha256)


def fetch(folder: Path, *rows: Row) -> list[bytes] | None:
    lock = Lock(("x",), rows)
    debs = debian_lock.fetch(lock, suite="bookworm", arch="arm64", folder=folder)
    return None if debs is None else [deb.path.read_bytes() for deb in debs]


def test_packages_of_both_archives(archive: Path, tmp_path: Path) -> None:
    row = locked(archive, "one")
    two = locked(tmp_path / "archive-security", "two", "security")
    raw = [(archive / "one.deb").read_bytes(), (tmp_path / "archive-security/two.deb").read_bytes()]
    assert fetch(tmp_path / "apt", row, two) == raw
    (archive / "one.deb").unlink()
    assert fetch(tmp_path / "apt", row, two) == raw
    path = tmp_path / "apt/cache/archives/two_1%3a2.0-1_arm64.deb"
    path.write_bytes(raw[1][:-1] + b"x")
    assert fetch(tmp_path / "apt", row, two) == raw


def test_a_package_that_the_archive_has_no_more(archive: Path, tmp_path: Path) -> None:
    row, two = locked(archive, "one"), locked(archive, "two")
    (archive / "two.deb").unlink()
    assert fetch(tmp_path / "apt", row, two) is None


def test_other_bytes_than_the_locks(archive: Path, tmp_path: Path) -> None:
    row = locked(archive, "one")
    with pytest.raises(IntegrityError):
        fetch(tmp_path / "apt", replace(row, sha256="0" * 64))
    assert not list((tmp_path / "apt/cache/archives").glob("*.deb"))


def test_an_archive_that_does_not_answer(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = locked(archive, "one")
    monkeypatch.setenv("KIT_DEBIAN_MIRROR", "http://127.0.0.1:9/debian")
    with pytest.raises(NetworkError):
        fetch(tmp_path / "apt", row)


def test_an_archive_behind_a_proxy_in_capital_letters(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = locked(archive, "one")
    address = os.environ["KIT_DEBIAN_MIRROR"]
    monkeypatch.delenv("no_proxy")
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    # A name that nobody knows: only a proxy is asked for it.
    monkeypatch.setenv("HTTP_PROXY", address.rsplit("/", 1)[0])
    monkeypatch.setenv("KIT_DEBIAN_MIRROR", "http://archive.invalid/archive")
    assert fetch(tmp_path / "apt", row) == [(archive / "one.deb").read_bytes()]


def test_an_archive_that_no_name_server_knows_is_asked_for_one_package(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [locked(archive, name) for name in ("one", "two", "three")]
    counts: list[int] = []

    def run(command: Sequence[str | Path], **_: object) -> str:
        counts.append(sum(str(word).startswith("SHA256:") for word in command))
        raise NetworkError("Temporary failure resolving 'archive.invalid'")

    monkeypatch.setattr(debian_lock, "run", run)
    with pytest.raises(NetworkError):
        fetch(tmp_path / "apt", *rows)
    assert counts == [1]


def test_an_archive_that_is_a_folder(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = locked(archive, "one")
    monkeypatch.setenv("KIT_DEBIAN_MIRROR", f"file:{archive}")
    assert fetch(tmp_path / "apt", row) == [(archive / "one.deb").read_bytes()]
    assert fetch(tmp_path / "apt", replace(row, name="two", path="two.deb")) is None


def test_what_apt_resolves_becomes_a_lock(tmp_path: Path) -> None:
    one, two = "1" * 64, "2" * 64
    printed = (
        "Reading package lists...\n"
        f"'{MIRROR.main}/pool/z.deb' zlib_1%3a1.2%7ex_arm64.deb 30 SHA256:{one}\n"
        f"'{MIRROR.security}/pool/s%2b.deb' ssl_3.0_all.deb 30 SHA256:{two}\n"
    )
    lock = debian_lock.resolved(["zlib"], printed, MIRROR)
    assert lock == Lock(
        ("zlib",),
        (
            Row("ssl", "3.0", "all", "security", "pool/s%2b.deb", two),
            Row("zlib", "1:1.2~x", "arm64", "main", "pool/z.deb", one),
        ),
    )
    path = tmp_path / "lock.json"
    path.write_text(debian_lock.to_json(lock), encoding="utf-8")
    assert debian_lock.read(path) == lock
    for wrong in (
        f"'http://b.invalid/x.deb' x_1_all.deb 3 SHA256:{one}\n",
        f"'{MIRROR.main}/x.deb' x_1_all.deb 3 MD5Sum:1\n",
    ):
        with pytest.raises(StepFailedError):
            debian_lock.resolved(["x"], wrong, MIRROR)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"packages": [], "rows": [["a"]]}'])
def test_no_lock(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bookworm-arm64-runtime.json"
    assert debian_lock.read(path) is None
    path.write_text(text, encoding="utf-8")
    with pytest.raises(IntegrityError):
        debian_lock.read(path)


def test_the_locks_are_for_what_images_are_made_of() -> None:
    suites, variants = rootfs.data()["suites"], rootfs.data()["variants"]
    known = {(variant, suite) for _, variant, suite, _ in debian_packages.locks()}
    rooms = {*variants, *(f"{item}+camera" for item in ("runtime", "emulated", "dev"))}
    rooms |= rootfs.data()["programs"].keys()
    assert known <= {(variant, suite) for variant in rooms for suite in suites}
    for variant in ("runtime", "runtime+camera"):
        assert {(variant, suite) for suite in suites} <= known
    assert debian_packages.problems() == []


def test_a_lock_for_other_packages_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian_lock, "FOLDER", tmp_path)
    path = debian_lock.path_of("runtime", "bookworm", "arm64")
    path.write_text(debian_lock.to_json(Lock(("dash",), ())), encoding="utf-8")
    assert debian_packages.problems() == [
        "docker/packages/bookworm-arm64-runtime.json is not for the packages of rootfs.toml"
    ]
