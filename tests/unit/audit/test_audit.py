"""What the audit says of wheels, without running any of their code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.audit import core, native, one_cpu, record
from jetson_kit.core.paths import ROOT
from jetson_kit.targets import table as targets
from tests.unit.audit.gl_wheels import LIB, all_verdicts, audited, gl_library
from tests.unit.tiny_wheel import CPU_TEXT, GL_CODE, GL_IMPORTS, X86_64, elf, wheel


def test_gpu_wheel(tmp_path: Path) -> None:
    audit = audited(wheel(tmp_path, {LIB: gl_library(needed=["libEGL.so.1", "libc.so.6"])}))
    assert (audit.gpu, audit.gpu_paths, audit.arch) == (True, ("gl",), "aarch64")
    assert audit.needed == ("libEGL.so.1", "libc.so.6")
    assert not audit.tags_lie


def test_cpu_wheel_says_so(tmp_path: Path) -> None:
    audit = audited(wheel(tmp_path, {LIB: elf(texts=CPU_TEXT)}))
    assert (audit.gpu, audit.gpu_paths) == (False, ())
    assert any("GPU processing is disabled" in line for line in audit.evidence)


def test_gpu_words_outside_native_code_prove_nothing(tmp_path: Path) -> None:
    content = "\n".join((*GL_IMPORTS, *GL_CODE)).encode()
    files = {LIB: elf(texts=["InferenceCalculatorCpu"]), "mediapipe/gpu_test.txt": content}
    assert not audited(wheel(tmp_path, files)).gpu


def test_gpu_words_behind_the_loaded_segments_prove_nothing(tmp_path: Path) -> None:
    content = "\n".join((*GL_IMPORTS, *GL_CODE, "dlopen")).encode()
    assert not audited(wheel(tmp_path, {LIB: elf(imports=["dlopen"], appended=content)})).gpu


def test_cpu_words_behind_the_loaded_segments_prove_nothing(tmp_path: Path) -> None:
    audit = audited(wheel(tmp_path, {LIB: gl_library(appended=CPU_TEXT[1].encode())}))
    assert audit.gpu


def test_texts_alone_are_no_gpu_path(tmp_path: Path) -> None:
    assert not audited(wheel(tmp_path, {LIB: elf(texts=(*GL_IMPORTS, *GL_CODE))})).gpu


def test_a_needed_driver_alone_is_no_gpu_path(tmp_path: Path) -> None:
    library = elf(needed=["libEGL.so.1", "libGLESv2.so.2"], texts=["InferenceCalculatorCpu"])
    assert not audited(wheel(tmp_path, {LIB: library})).gpu


def test_windows_of_a_bundled_toolkit_are_no_gpu_path(tmp_path: Path) -> None:
    files = {LIB: elf(texts=CPU_TEXT[:1]), "tiny.libs/libQt5Gui.so": elf(imports=GL_IMPORTS)}
    assert not audited(wheel(tmp_path, files)).gpu


def test_switched_off_code_is_no_gpu_path(tmp_path: Path) -> None:
    library = elf(imports=GL_IMPORTS, texts=(*GL_CODE, *CPU_TEXT))
    audit = audited(wheel(tmp_path, {LIB: library}))
    assert not audit.gpu
    assert any("switched off" in line for line in audit.evidence)


def test_dawn_without_a_calculator_is_no_gpu_path(tmp_path: Path) -> None:
    dawn = ["vkGetInstanceProcAddr", "N4dawn6native6vulkan6DeviceE"]
    texts = [*dawn, "InferenceCalculatorCpu"]
    assert not audited(wheel(tmp_path, {LIB: elf(imports=["dlopen"], texts=texts)})).gpu
    texts += ["InferenceCalculatorLiteRt", "gpu_backend_webgpu.cc"]
    audit = audited(wheel(tmp_path, {LIB: elf(imports=["dlopen"], texts=texts)}))
    assert audit.gpu_paths == ("webgpu",)


def test_foreign_libraries_in_an_aarch64_wheel(tmp_path: Path) -> None:
    library = elf(X86_64, imports=GL_IMPORTS, texts=GL_CODE)
    audit = audited(wheel(tmp_path, {LIB: library}))
    assert (audit.arch, audit.min_arm) == ("x86_64", None)
    assert audit.tags_lie == ("tagged manylinux_2_28_aarch64, but libmediapipe.so is elf x86_64",)
    assert {item.verdict for item in all_verdicts(audit)} == {"no"}
    assert not audit.useful


def test_the_gpu_of_another_machine_does_not_count(tmp_path: Path) -> None:
    files = {
        "a/_bind.cpython-311-aarch64-linux-gnu.so": elf(texts=CPU_TEXT),
        "a/_bind.cpython-311-x86_64-linux-gnu.so": elf(X86_64, imports=GL_IMPORTS, texts=GL_CODE),
    }
    audit = audited(wheel(tmp_path, files))
    assert (audit.arch, audit.gpu) == ("aarch64", False)


def test_libraries_of_several_machines(tmp_path: Path) -> None:
    files = {
        "a/one.so": elf(texts=CPU_TEXT),
        "a/two.so": elf(X86_64, imports=GL_IMPORTS, texts=GL_CODE),
    }
    audit = audited(wheel(tmp_path, files))
    assert audit.arch == "aarch64+x86_64"
    assert {item.verdict for item in all_verdicts(audit)} == {"no"}


def test_a_name_that_lies(tmp_path: Path) -> None:
    path = wheel(tmp_path, {LIB: gl_library()}, filename="mediapipe-9.9-py3-none-any.whl")
    audit = audited(path)
    assert (audit.name, audit.version, audit.arch) == ("tiny", "1.0", "aarch64")
    assert len([lie for lie in audit.tags_lie if "file name" in lie]) == 3


def test_a_renamed_file_is_still_a_wheel(tmp_path: Path) -> None:
    audit = audited(wheel(tmp_path, {LIB: gl_library()}, filename="what is this"))
    assert audit.gpu
    assert audit.tags_lie == ("the file name what is this is no wheel's name",)


def test_glibc_newer_than_the_tag_and_than_any_image(tmp_path: Path) -> None:
    audit = audited(wheel(tmp_path, {LIB: gl_library(glibc="2.99")}))
    assert audit.glibc == "2.99"
    assert audit.tags_lie == ("tagged for glibc 2.28, but libmediapipe.so needs 2.99",)
    reasons = {item.reason for item in all_verdicts(audit)}
    assert len(reasons) == 1
    assert "needs glibc 2.99" in reasons.pop()


def test_changed_library_is_told(tmp_path: Path) -> None:
    audit = audited(wheel(tmp_path, {LIB: gl_library()}, altered=LIB))
    assert audit.tags_lie == (f"RECORD does not have the hash of {LIB}: it was changed",)


def test_pure_python(tmp_path: Path) -> None:
    audit = audited(wheel(tmp_path, {"a.py": b"x = 1\n"}, tag="py3-none-any"))
    assert (audit.gpu, audit.arch, audit.min_arm, audit.glibc) == (False, "", None, "")
    assert "no native code" in all_verdicts(audit)[0].reason


def test_text_that_begins_like_a_windows_program(tmp_path: Path) -> None:
    audit = audited(wheel(tmp_path, {"a.txt": b"MZ is how it begins"}, tag="py3-none-any"))
    assert audit.libraries == ()


def test_old_python_only(tmp_path: Path) -> None:
    audit = audited(wheel(tmp_path, {LIB: gl_library()}, tag="cp37-cp37m-manylinux_2_28_aarch64"))
    assert audit.python == ("3.7",)
    assert "runs on Python 3.7 only" in all_verdicts(audit)[0].reason


def test_nothing_unmeasured_passes(tmp_path: Path) -> None:
    audit = audited(wheel(tmp_path, {LIB: gl_library()}))
    assert audit.min_arm == "unknown"
    assert {item.verdict for item in all_verdicts(audit)} == {"no"}


@pytest.mark.parametrize("names", [("qemu-aarch64",), ("qemu-aarch64", "qemu-aarch64-static")])
def test_qemu_is_found_by_either_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    for name in names:
        (tmp_path / name).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert one_cpu.program() == str(tmp_path / names[-1])


def test_no_qemu_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    audit = core.audit(wheel(tmp_path, {LIB: gl_library()}))
    assert audit.min_arm == "unknown"
    assert any("qemu-aarch64-static is not installed" in line for line in audit.evidence)
    assert not (tmp_path / "cache" / "audit").exists() or not list(
        (tmp_path / "cache" / "audit").iterdir()
    )


def test_json_has_what_it_promises(tmp_path: Path) -> None:
    body = json.loads(json.dumps(audited(wheel(tmp_path, {LIB: gl_library()})).to_json()))
    promised = "wheel version arch gpu gpu_paths min_arm glibc needed python targets evidence"
    assert set(promised.split()) <= set(body)
    assert set(body["targets"]) == {target.name for target in targets.load().all}
    assert {"verdict", "reason"} <= set(body["targets"]["r36.4.4"])


def test_repacked_wheel_shares_the_record(tmp_path: Path) -> None:
    audit = audited(wheel(tmp_path, {LIB: gl_library()}))
    two = audited(wheel(tmp_path, {LIB: gl_library(), "b.py": b""}, name="other"))
    three = audited(wheel(tmp_path, {LIB: gl_library(appended=b"x")}, name="third"))
    assert record.key(audit.libraries) == record.key(two.libraries)
    assert record.key(audit.libraries) != record.key(three.libraries)


def test_pe_and_macho_machines() -> None:
    pe = bytearray(0x100)
    pe[:2], pe[0x3C] = b"MZ", 0x80
    pe[0x80:0x86] = b"PE\0\0\x64\xaa"
    fat = b"\xca\xfe\xba\xbe\0\0\0\x02" + b"\x01\0\0\x07" + bytes(16) + b"\x01\0\0\x0c" + bytes(16)
    libraries = [
        native.read("x", bytes(data)) for data in (pe, fat, b"\xcf\xfa\xed\xfe\x0c\0\0\x01")
    ]
    assert [library.arch if library else "" for library in libraries] == [
        "arm64",
        "universal2",
        "arm64",
    ]


def run_task(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = (
        "from invoke import Collection;"
        "from jetson_kit.command_line import program;"
        "from jetson_kit.tasks.audit import audit;"
        "program.main(Collection(audit))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, "audit", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PATH": "/nonexistent", "COLUMNS": "80"},
    )


def test_exit_codes(tmp_path: Path) -> None:
    useless = wheel(tmp_path, {LIB: elf(X86_64, imports=GL_IMPORTS, texts=GL_CODE)})
    done = run_task(str(useless), "--json")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)[0]["gpu"] is True
    text = tmp_path / "b.whl"
    text.write_text("no")
    done = run_task(str(useless), str(text), "--json")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert len(json.loads(done.stdout)) == 1


def test_text_fits_80_columns(tmp_path: Path) -> None:
    done = run_task(str(wheel(tmp_path, {LIB: elf(X86_64, imports=GL_IMPORTS, texts=GL_CODE)})))
    assert "no target can run" in done.stderr
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
