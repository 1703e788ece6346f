"""Plans: every target has one or a one-line reason why not; planning touches nothing."""

from __future__ import annotations

import builtins
import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from jetson_kit.audit import planned
from jetson_kit.build import manifest, plan, view
from jetson_kit.build.request import Request
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT
from jetson_kit.targets import table as targets
from jetson_kit.wheels import pins as wheels


def named(name: str, python: str) -> str:
    """Return an image's name with its Python, where that is not the usual one."""
    return name if python in ("", "3.11") else f"{name}-py{python}"


ALL = [target.name for target in targets.load().all]
ORIN_AND_THOR = {"tegra234", "tegra264"}
OLD = [name for name in ALL if name.startswith("r32")]


@pytest.fixture(autouse=True)
def untouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail on any socket, program or file opened for writing; the cache stays absent."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("KIT_CACHE", str(cache))

    def forbidden(*args: Any, **_: Any) -> NoReturn:
        pytest.fail(f"planning touched {args}")

    real = builtins.open

    def reading(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if set(mode) & set("wax+"):
            forbidden(file, mode)
        return real(file, mode, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", reading)
    monkeypatch.setattr(socket.socket, "connect", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr(subprocess, "Popen", forbidden)
    monkeypatch.setattr(os, "mkdir", forbidden)
    yield
    assert not cache.exists()


def refusal(**options: Any) -> str:
    with pytest.raises(BadInputError) as caught:
        plan.make(Request(**options))
    line = caught.value.line()
    assert caught.value.exit_code == 2
    assert caught.value.cure, line
    assert "\n" not in line
    return line


@pytest.mark.parametrize("python", [*wheels.pythons(), "2.7", "3.99"])
@pytest.mark.parametrize("name", ALL)
def test_every_target_and_python_has_a_plan_or_a_reason(name: str, python: str) -> None:
    try:
        result = plan.make(Request(jetson=True, l4t=name, python=python))
    except BadInputError as error:
        assert python in error.line()
        assert error.cure
        assert python not in ("3.11",), error.line()
        return
    assert (result.arch, result.python, result.name) == ("arm64", python, named(name, python))
    assert result.pin.arch == "arm64"
    assert result.pin.supports(python)
    assert result.lock.is_file()
    assert result.verdict in ("gpu", "cpu")
    assert bool(result.notes) == (result.verdict == "cpu" or result.pin.core != "")
    assert result.driver_dirs
    document = json.loads(json.dumps(result.as_json()))
    assert document["target"]["l4t"] == name.removeprefix("r")
    manifest.check_parts({"plan": document}, ["plan"])


@pytest.mark.parametrize("python", ["", "3.11", "3.13"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_native_plans(monkeypatch: pytest.MonkeyPatch, machine: str, python: str) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    result = plan.make(Request(python=python))
    arch = {"x86_64": "amd64", "aarch64": "arm64"}[machine]
    assert (result.arch, result.target, result.name) == (
        arch,
        None,
        named(f"native-{arch}", python),
    )
    assert result.python == (python or "3.11")
    assert result.driver_dirs == ()
    assert result.verdict == "gpu"
    manifest.check_parts({"plan": json.loads(json.dumps(result.as_json()))}, ["plan"])


def test_other_machines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert "riscv64" in refusal()
    assert plan.make(Request(jetson=True)).arch == "arm64"


@pytest.mark.parametrize("name", OLD)
@pytest.mark.parametrize("module", ["", "nano", "tx2"])
def test_boards_with_old_cores_get_a_translated_wheel_and_say_so(name: str, module: str) -> None:
    result = plan.make(Request(jetson=True, l4t=name, module=module))
    newest = next(pin for pin in planned.candidates("arm64") if pin.core == "armv80")
    assert result.pin == newest
    assert result.jetson_version.endswith(".armv80")
    assert result.verdict == "gpu"
    assert "no board yet" in " ".join(result.notes)


@pytest.mark.parametrize("name", [OLD[0], "r35"])
def test_xavier_gets_what_keeps_its_atomics(name: str) -> None:
    result = plan.make(Request(jetson=True, l4t=name, module="xavier-nx"))
    assert (result.pin.core, result.verdict) == ("carmel", "gpu")


@pytest.mark.parametrize(
    "request_", [{"require_gpu": False}, {"mediapipe": "0.10.18"}], ids=["allow-cpu", "mediapipe"]
)
@pytest.mark.parametrize("name", OLD)
def test_the_official_wheel_for_old_cores_is_there_still(
    name: str, request_: dict[str, Any]
) -> None:
    result = plan.make(Request(jetson=True, l4t=name, **request_))
    assert (result.pin.version, result.pin.core, result.verdict) == ("0.10.18", "", "cpu")
    message = " ".join(result.notes)
    assert "stays on the CPU" in message
    assert "leave out --" in message


@pytest.mark.parametrize("name", [item for item in ALL if item not in OLD])
def test_newer_boards_get_the_gpu_where_every_one_of_them_can(name: str) -> None:
    result = plan.make(Request(jetson=True, l4t=name))
    assert result.target is not None
    if {soc.id for soc in result.socs} - ORIN_AND_THOR:
        assert (result.verdict, result.pin.core) == ("gpu", "carmel")
        assert "Xavier" in " ".join(result.notes)
        modules = [m.id for m in result.target.modules if m.soc.id in ORIN_AND_THOR]
        if not modules:
            return
        result = plan.make(Request(jetson=True, l4t=name, module=modules[0]))
    assert result.verdict == "gpu"
    assert result.pin == wheels.select("arm64", "3.11")
    assert not result.notes


def test_gpu_is_required_where_it_can_be() -> None:
    line = refusal(jetson=True, l4t=OLD[0], mediapipe="0.10.18", require_gpu=True)
    assert "0.10.18 can't use the GPU" in line
    assert "--allow-cpu" in line
    assert "0.10.18 can't use the GPU" in refusal(jetson=True, l4t="r36", mediapipe="0.10.18")
    result = plan.make(Request(jetson=True, l4t="r36", mediapipe="0.10.18", require_gpu=False))
    assert (result.verdict, bool(result.notes)) == ("cpu", True)


def test_pythons_that_no_wheel_supports() -> None:
    line = refusal(jetson=True, l4t=OLD[0], mediapipe="0.10.18", python="3.13")
    assert "0.10.18 is for Python 3.9, 3.10, 3.11, 3.12" in line
    assert "3.11 (bookworm), 3.13 (trixie)" in refusal(jetson=True, python="3.12")


def test_images_that_differ_by_request_have_two_names() -> None:
    usual = plan.make(Request(jetson=True))
    newest = usual.pin.version
    requests = [
        Request(jetson=True, python="3.13"),
        Request(jetson=True, base="ngc"),
        Request(jetson=True, base="ngc", python="3.11"),
        Request(jetson=True, base="host:5000/a/x:1"),
        Request(jetson=True, mediapipe="0.10.18", require_gpu=False, python="3.11"),
    ]
    names = [usual.name, *(plan.make(request).name for request in requests)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name) for name in names)
    for same in (Request(jetson=True, python="3.11"), Request(jetson=True, mediapipe=newest)):
        assert plan.make(same).name == usual.name


def test_module() -> None:
    result = plan.make(Request(jetson=True, l4t=OLD[0], module="xavier-nx"))
    assert [soc.id for soc in result.socs] == ["tegra194"]
    assert result.name == f"{OLD[0]}-xavier-nx"
    known = refusal(jetson=True, l4t="r36", module="nano")
    assert f"nano has {OLD[0]}" in known
    assert "--l4t r32." in known
    assert "did you mean nano" in refusal(jetson=True, module="nan")
    assert "choose one of" in refusal(jetson=True, module="camera")
    assert "add --jetson" in refusal(module="xavier-nx")


def test_variants_and_bases() -> None:
    emulated = plan.make(Request(jetson=True, variant="emulated"))
    assert emulated.name.endswith("-emulated")
    assert emulated.tag == f"mediapipe-jetson:{emulated.name}"
    assert "runtime, emulated, dev" in refusal(jetson=True, variant="tiny")
    assert "leave out --base" in refusal(jetson=True, variant="emulated", base="x:1")
    assert "add --jetson" in refusal(base="ngc")
    own = plan.make(Request(jetson=True, base="x:1", python="3.11"))
    assert (own.base, own.suite) == ("x:1", "")
    result = plan.make(Request(jetson=True, base="x:1", base_python="3.11"))
    assert (result.python, result.name) == ("3.11", f"{targets.load().default.name}-x-1")
    none = plan.make(Request(jetson=True, l4t="r36.4.4", base="x:1", base_python=""))
    assert (none.python, none.looked) == ("3.10", True)
    ngc = plan.make(Request(jetson=True, l4t="r36.4.4", base="ngc"))
    assert ngc.base == targets.load().resolve("r36.4.4").ngc_image
    assert "--mediapipe" in refusal(jetson=True, mediapipe="0.10.18", python="3.13")
    assert "9.9.9 is not pinned" in refusal(jetson=True, mediapipe="9.9.9")


def test_what_follows_from_a_base_that_nobody_looked_at_is_unknown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options: dict[str, Any] = {"jetson": True, "l4t": "r36.4.4", "base": "x:1", "base_python": None}
    unseen = plan.make(Request(**options))
    facts = unseen.as_json()
    assert (unseen.looked, facts["python"], facts["lock"]) == (False, None, None)
    assert facts["mediapipe"]["source"] == unseen.pin.filename  # one wheel for every Python
    view.show_plan(unseen)
    shown = " ".join(capsys.readouterr().out.split())
    assert "python unknown until the build looks at x:1" in shown
    assert "lock unknown: that of its Python" in shown
    assert not re.search(r"py3\.\d", shown)
    old = plan.make(Request(**options, mediapipe="0.10.18", require_gpu=False)).as_json()[
        "mediapipe"
    ]
    assert (old["version"], old["source"], old["sha256"]) == ("0.10.18+jetson.2", None, None)
    named = plan.make(Request(**options, python="3.12"))
    assert (named.looked, named.as_json()["python"]) == (True, "3.12")


def test_unknown_and_ambiguous_releases() -> None:
    assert "36.4" in refusal(jetson=True, l4t="36.4.99")
    assert "add --jetson" in refusal(l4t="36.4.4")


def test_output() -> None:
    result = plan.make(Request(jetson=True))
    assert result.output == ROOT / "dist" / result.name
    assert result.as_json()["output"] == f"dist/{result.name}"
    elsewhere = plan.make(Request(jetson=True, output="some/where"))
    assert elsewhere.output == Path.cwd() / "some/where"


def test_versions_for_their_name_alone_are_taken_by_it_alone() -> None:
    named = {version for group in wheels.classes().values() for version in group.by_name}
    for name in ALL:
        result = plan.make(Request(jetson=True, l4t=name, require_gpu=False))
        assert result.pin.version not in named
    for version in named:
        for release, core in (("r36", ""), ("r32", "armv80")):
            result = plan.make(Request(jetson=True, l4t=release, mediapipe=version))
            assert (result.pin.version, result.pin.core, result.verdict) == (version, core, "gpu")


def test_a_camera_image_has_a_name_and_a_root_of_its_own() -> None:
    result = plan.make(Request(jetson=True, camera=True))
    plain = plan.make(Request(jetson=True))
    assert (plain.root, result.root) == ("runtime", "runtime+camera")
    assert result.name == f"{plain.name}-camera"
    assert result.as_json()["base"]["components"] == ["camera"]
    assert "components" not in plain.as_json()["base"]
    assert result.notes == plain.notes


def test_a_board_whose_plugins_are_newer_is_told_before_the_build() -> None:
    notes = plan.make(Request(jetson=True, l4t="r39", camera=True)).notes
    assert any("take --python 3.13" in note for note in notes)
    newer = plan.make(Request(jetson=True, l4t="r39", python="3.13", camera=True)).notes
    assert not any("GStreamer" in note for note in newer)


def test_another_base_has_its_own_gstreamer() -> None:
    with pytest.raises(BadInputError, match="--camera adds Debian packages"):
        plan.make(Request(jetson=True, camera=True, base="ngc"))
