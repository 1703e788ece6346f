"""Packages that end their process where they are loaded: by the core, or on every one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from jetson_kit.app import fit, hints
from jetson_kit.app.fit import Image
from jetson_kit.audit import emulate, one_cpu
from jetson_kit.audit.one_cpu import Outcome
from jetson_kit.core.errors import BadInputError
from jetson_kit.debian import rootfs
from jetson_kit.emulation import cpus
from jetson_kit.emulation.cpus import Cpu
from tests.unit import tiny_wheel

LIBRARY = "_it.cpython-311-aarch64-linux-gnu.so"
SEGV, ILL = f"{LIBRARY}: died of SIGSEGV", f"{LIBRARY}: died of SIGILL"
FINE = Outcome((LIBRARY,), (), "", illegal=False)
DEAD = Outcome((), (), SEGV, illegal=False)
REFUSED = Outcome((), (), ILL, illegal=True)
LACKS = "libcublas.so.13: cannot open shared object file: No such file or directory"


def site(folder: Path, name: str = "tiny") -> Path:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "RECORD").write_text(f"{LIBRARY},,\n")
    (folder / LIBRARY).write_bytes(tiny_wheel.elf())
    return folder


def judge(
    folder: Path, monkeypatch: pytest.MonkeyPatch, core: Cpu, outcomes: dict[str, Outcome]
) -> None:
    monkeypatch.setenv("KIT_CACHE", str(folder.parent / "cache"))
    monkeypatch.setattr(one_cpu, "program", lambda: "/usr/bin/qemu")
    monkeypatch.setattr(rootfs, "tree", lambda **_: folder)
    monkeypatch.setattr(one_cpu, "load", lambda _tree, cpu, *_: outcomes[cpu.name])
    image = Image("bookworm", "arm64", core, ())
    for _ in range(2):  # the second time by the cache
        fit.check(folder, image)


@pytest.mark.parametrize(
    ("oldest", "newest", "refused"),
    [
        (FINE, FINE, False),
        (DEAD, DEAD, False),
        (DEAD, FINE, True),
        (REFUSED, FINE, True),
        (REFUSED, DEAD, True),
        (DEAD, REFUSED, True),
    ],
)
def test_a_core_is_named_where_a_newer_one_loads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    oldest: Outcome, newest: Outcome, *, refused: bool,
) -> None:  # fmt: skip
    cores = cpus.load()
    outcomes = {cores[0].name: oldest, cores[-1].name: newest}
    if refused:
        with pytest.raises(BadInputError, match=r"tiny 1\.0 does not load on"):
            judge(site(tmp_path / "site"), monkeypatch, cores[0], outcomes)
        return
    judge(site(tmp_path / "site"), monkeypatch, cores[0], outcomes)
    warning = "tiny 1.0 ends its process when it is loaded on an emulated core, whichever"
    assert caplog.text.count(warning) == (2 if oldest is DEAD else 0)


def test_the_newest_core_is_compared_with_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    newest = cpus.load()[-1]
    judge(site(tmp_path / "site"), monkeypatch, newest, {newest.name: DEAD})
    assert "whether it loads on a board is not known" in caplog.text


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("onnxruntime_gpu", hints.of_package("onnxruntime-gpu")),
        ("tiny", "name the Debian package that has it: [debian] packages in jetson.toml"),
    ],
)
def test_what_a_package_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, cure: str
) -> None:
    folder = site(tmp_path / "site", name)
    core = cpus.load()[-1]
    outcome = replace(FINE, loaded=(), errors=((str(folder / LIBRARY), LACKS),))
    with pytest.raises(BadInputError, match=rf"{name} 1.0 needs libcublas.so.13, which") as raised:
        judge(folder, monkeypatch, core, {core.name: outcome})
    assert raised.value.cure == cure


def test_without_qemu_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_cpu, "program", lambda: "")
    loaded = emulate.on_core((), tmp_path, cpus.load()[0])
    assert (loaded.run.ok, loaded.missing, loaded.everywhere) == (None, (), False)
