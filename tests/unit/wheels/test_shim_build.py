"""The compiled shim and the platform wheels that hold it, for both architectures."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.sections import SymbolTableSection

from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.paths import ROOT
from jetson_kit.wheels import device_wheel, shim

EXPORTED = {"glDispatchCompute", "glLinkProgram", "eglMakeCurrent", "eglGetProcAddress"}
NEGOTIATION = "vkNegotiateLoaderLayerInterfaceVersion"


def test_an_unknown_architecture_is_bad_input() -> None:
    with pytest.raises(BadInputError, match="riscv64"):
        shim.build("riscv64")


def test_the_fingerprint_holds_sources_and_target(tmp_path: Path) -> None:
    copy = shutil.copytree(shim.NATIVE, tmp_path / "native")
    arm, intel = shim.target("arm64"), shim.target("amd64")
    assert shim.fingerprint(arm, copy) == shim.fingerprint(arm)
    assert shim.fingerprint(arm) != shim.fingerprint(intel)
    (copy / "shim.h").write_text((copy / "shim.h").read_text() + "\n")
    assert shim.fingerprint(arm, copy) != shim.fingerprint(arm)


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize(("arch", "machine"), [("arm64", "EM_AARCH64"), ("amd64", "EM_X86_64")])
def test_platform_wheels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arch: str, machine: str
) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    wheel = device_wheel.build_platform(tmp_path / "a", arch)
    shutil.rmtree(tmp_path / "cache")
    assert device_wheel.build_platform(tmp_path / "b", arch).read_bytes() == wheel.read_bytes()
    target = shim.target(arch)
    assert target.tag in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    library = contents[f"mediapipe_jetson/native/{target.filename}"]
    elf = ELFFile(io.BytesIO(library))
    assert elf["e_machine"] == machine
    symbols = elf.get_section_by_name(".dynsym")
    assert isinstance(symbols, SymbolTableSection)
    exported = {
        symbol.name for symbol in symbols.iter_symbols() if symbol["st_shndx"] != "SHN_UNDEF"
    }
    assert exported >= {*EXPORTED, NEGOTIATION}
    needs = next(
        section for section in elf.iter_sections() if isinstance(section, GNUVerNeedSection)
    )
    versions = {aux.name for _, names in needs.iter_versions() for aux in names}
    assert all(
        tuple(map(int, name.removeprefix("GLIBC_").split("."))) <= (2, 17) for name in versions
    )
    about = next(text for name, text in contents.items() if name.endswith("/WHEEL")).decode()
    assert "Root-Is-Purelib: false" in about
    assert "none-any" not in about
    record = next(name for name in contents if name.endswith("/RECORD"))
    rows = {row[0]: row[1:] for row in csv.reader(contents[record].decode().splitlines())}
    assert set(rows) == set(contents)
    for name, content in contents.items():
        if name != record:
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()
            assert rows[name] == [f"sha256={digest.rstrip('=')}", str(len(content))]


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("arch", ["arm64", "amd64"])
def test_what_is_installed_changes_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arch: str
) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "clean"))
    clean = shim.build(arch).read_bytes()
    # Clang finds a GCC by this file alone, where Debian's and Ubuntu's packages have it.
    usr = tmp_path / "usr"
    for folder in ("gcc-cross/aarch64-linux-gnu/12", "gcc/x86_64-linux-gnu/14"):
        begin = usr / "lib" / folder / "crtbegin.o"
        begin.parent.mkdir(parents=True)
        begin.touch()
    include = tmp_path / "include"
    include.mkdir()
    (include / "stdint.h").write_text("#error of this machine\n")
    script = f'mount -t overlay overlay -o lowerdir={usr}:/usr /usr && exec "$@"'
    build = f"from jetson_kit.wheels import shim; print(shim.build({arch!r}))"
    done = subprocess.run(
        [
            *("unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount"),
            *("sh", "-c", script, "sh", sys.executable, "-c", build),
        ],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "KIT_CACHE": str(tmp_path / "crowded"),
            "CPATH": str(include),
            "C_INCLUDE_PATH": str(include),
            "SOURCE_DATE_EPOCH": "1",
            "LC_ALL": "tr_TR.UTF-8",
            "TMPDIR": str(tmp_path),
        },
        umask=0o077,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).read_bytes() == clean


@pytest.mark.network
@pytest.mark.slow
def test_what_does_not_compile_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    native = shutil.copytree(shim.NATIVE, tmp_path / "native")
    (native / "shim.c").write_text("int broken(\n")
    with pytest.raises(StepFailedError) as caught:
        shim.build("arm64", native)
    assert "\n" not in caught.value.line()
    assert not list((tmp_path / "cache").rglob("*.so"))
