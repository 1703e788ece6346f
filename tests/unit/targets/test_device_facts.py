"""What a device says about itself: samples of every generation, and a real ssh server."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jetson_kit.core import ssh
from jetson_kit.core.errors import (
    BadInputError,
    CheckFailedError,
    IntegrityError,
    NetworkError,
    StepFailedError,
    ToolMissingError,
)
from jetson_kit.targets.detect import DeviceFacts, identify, module_of, parse, read, soc_of
from jetson_kit.targets.table import load
from tests.loopback_sshd import make_key, serving
from tests.unit.targets.device_samples import SAMPLES, Sample, answer, release


@pytest.mark.parametrize("name", SAMPLES)
def test_every_generation(name: str) -> None:
    sample = SAMPLES[name]
    facts = parse(answer(sample))
    target, module = identify(facts)
    soc = soc_of(facts, load())
    assert (facts.model, facts.compatible) == (sample.model, sample.compatible)
    assert target.l4t == sample.l4t
    assert soc
    assert soc.id == sample.soc
    assert (module.id if module else "") == sample.module
    assert soc in target.socs


def test_every_part_number_is_recognised() -> None:
    for module in load().modules:
        for part in module.part_numbers:
            facts = DeviceFacts("", "", "", (f"nvidia,p9999-0000+{part}-super",), "")
            assert module_of(facts, load()) is module


def test_no_jetson() -> None:
    with pytest.raises(CheckFailedError, match=r"no Jetson .Raspberry Pi 5"):
        identify(DeviceFacts("", "", "Raspberry Pi 5", ("raspberrypi,5",), ""))
    with pytest.raises(CheckFailedError, match=r"no Jetson .no device tree"):
        identify(DeviceFacts("", "", "", (), ""))
    with pytest.raises(CheckFailedError, match="tegra234 but no L4T"):
        identify(DeviceFacts("", "", "", ("nvidia,tegra234",), ""))


def test_release_that_is_not_in_the_table_is_not_guessed() -> None:
    with pytest.raises(BadInputError) as caught:
        identify(DeviceFacts(release(36, "9.1"), "", "", (), ""))
    assert "L4T 36.9.1" in caught.value.line()
    assert "r36.5.2" in caught.value.line()


def test_cut_off_answer() -> None:
    with pytest.raises(StepFailedError, match="cut off"):
        parse(answer(SAMPLES["nano"]).replace("@@end", ""))


@pytest.mark.parametrize("host", ["", "-oProxyCommand=x", "a b", "a;b", "$(id)"])
def test_no_host(host: str) -> None:
    with pytest.raises(BadInputError, match="no host"):
        read(host)


def test_no_ssh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError):
        read("user@localhost")


def test_changed_host_key_is_an_integrity_error() -> None:
    message = (
        "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\r\n"
    )
    assert isinstance(ssh.failure("a@b", message), IntegrityError)


@dataclass(frozen=True)
class Server:
    """A real sshd on loopback whose one key runs what it is sent on a device's sample files."""

    host: str
    options: tuple[str, ...]
    root: Path
    key: Path
    known_hosts: Path

    def show(self, sample: Sample) -> None:
        """Lay out the files of such a device."""
        shutil.rmtree(self.root, ignore_errors=True)
        tree = self.root / "device-tree"
        tree.mkdir(parents=True)
        if sample.release:
            (self.root / "nv_tegra_release").write_text(f"{sample.release}\n{sample.more}")
        status = ""
        if sample.core:
            status = (
                "Package: nvidia-l4t-core\nStatus: install ok installed\nMaintainer: N\n"
                f"Architecture: arm64\nVersion: {sample.core}\nDescription: core\n"
            )
        (self.root / "dpkg").mkdir()
        (self.root / "dpkg" / "status").write_text(status)
        for name, texts in (
            ("model", (sample.model,)),
            ("compatible", sample.compatible),
            ("nvidia,dtsfilename", (sample.dts,)),
        ):
            if any(texts):
                (tree / name).write_bytes(b"".join(text.encode() + b"\0" for text in texts))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("sshd")
    root = folder / "root"
    script = (
        f"export DPKG_ADMINDIR={root}/dpkg\n"
        f"sed 's#/etc/nv_tegra_release#{root}/nv_tegra_release#; s#/proc/device-tree#{root}/"
        "device-tree#' | sh -s"
    )
    with serving(folder, script) as sshd:
        yield Server(sshd.host, sshd.options, root, sshd.key, sshd.known_hosts)


@pytest.mark.parametrize("name", SAMPLES)
def test_read_over_ssh(server: Server, name: str) -> None:
    sample = SAMPLES[name]
    server.show(sample)
    facts = read(server.host, server.options)
    assert facts == parse(answer(sample))
    target, module = identify(facts)
    assert (target.l4t, module.id if module else "") == (sample.l4t, sample.module)


def test_read_over_ssh_from_no_jetson(server: Server) -> None:
    server.show(Sample("", "", "", (), "", "", ""))
    with pytest.raises(CheckFailedError, match="no Jetson"):
        identify(read(server.host, server.options))


def test_unknown_host_key(server: Server, tmp_path: Path) -> None:
    options = [
        item.replace(str(server.known_hosts), str(tmp_path / "no")) for item in server.options
    ]
    with pytest.raises(BadInputError, match=r"host key of .* is not known"):
        read(server.host, [*options, "-o", "StrictHostKeyChecking=no"])


def test_changed_host_key(server: Server, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other").with_suffix(".pub").read_text().split()[:2]
    known = tmp_path / "known"
    known.write_text(f"{server.known_hosts.read_text().split()[0]} {' '.join(other)}\n")
    options = [item.replace(str(server.known_hosts), str(known)) for item in server.options]
    with pytest.raises(IntegrityError, match="not the one that is known"):
        read(server.host, options)


def test_refused_login(server: Server, tmp_path: Path) -> None:
    key = make_key(tmp_path / "stranger")
    options = [item.replace(str(server.key), str(key)) for item in server.options]
    with pytest.raises(BadInputError, match="refused the login"):
        read(server.host, options)


def test_unreachable_host() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    with pytest.raises(NetworkError, match=r"cannot reach .*refused"):
        read("user@127.0.0.1", ("-F", "none", "-p", port))
