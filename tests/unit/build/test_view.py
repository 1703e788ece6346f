"""What `build` prints is what it was given."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.observe import l4t

from jetson_kit.app import settings
from jetson_kit.app.settings import App
from jetson_kit.build import plan as planning
from jetson_kit.build import smoke, view
from jetson_kit.build.images import Built
from jetson_kit.build.plan import BuildPlan
from jetson_kit.build.request import Request

SAVED = "docker save {} | gzip | ssh user@board 'gunzip | docker load'"


@pytest.mark.parametrize("word", ["[ -f x ]", "[bold]", "[/x]", ":smile:"])
def test_a_command_with_brackets_is_printed_as_it_is(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "jetson.toml").write_text(f'name = "it"\ncommand = ["sh", "-c", "{word}"]\n')
    view.show_plan(planning.make(Request(jetson=True, app=settings.load(tmp_path))))
    assert f"it: sh -c {word}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("request_", "command"),
    [
        (Request(jetson=True), SAVED),
        (Request(), "./inv verify --image {}"),
        (Request(variant="emulated"), "./inv verify --image {} --expect software"),
    ],
)
def test_a_build_ends_with_the_next_command(request_: Request, command: str) -> None:
    plan = planning.make(request_)
    facts = {"plan": plan.as_json(), "image": {"tag": plan.tag}}
    assert view.next_command(facts) == command.format(plan.tag)


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ("# R36 (release), REVISION: 4.4, GCID: 1, BOARD: generic", "./inv verify --image {}"),
        ("# R35 (release), REVISION: 6.1, GCID: 1, BOARD: t186ref", SAVED),
        ("# some other text", SAVED),
    ],
)
def test_on_a_board_of_the_images_release_it_is_verified(
    release: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nv_tegra_release").write_text(release)
    here = l4t.read(tmp_path)
    monkeypatch.setattr(l4t, "read", lambda: here)
    plan = planning.make(Request(jetson=True, l4t="36.4.4"))
    facts = {"plan": plan.as_json(), "image": {"tag": plan.tag}}
    assert view.next_command(facts) == command.format(plan.tag)


def application(folder: Path, toml: str = "") -> App:
    """Return an application of a folder with a video and this jetson.toml."""
    (folder / "app.py").touch()
    (folder / "clip.avi").touch()
    (folder / "jetson.toml").write_text(f'name = "it"\n{toml}')
    return settings.load(folder)


def built(plan: BuildPlan) -> Built:
    """Return what a build of a plan says of itself, as far as it is printed."""
    manifest = {
        "plan": plan.as_json(),
        "image": {"tag": plan.tag, "id": "sha256:00", "architecture": plan.arch, "size": 1},
        "archive": {"size": 1},
        "first_start": smoke.not_started(plan).as_json(),
    }
    return Built(manifest, plan.output, fresh=True)


def test_commands_to_copy_are_whole_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "jetson.toml").write_text('name = "it"\ncommand = ["sh"]\n')
    board = planning.make(Request(jetson=True, app=settings.load(tmp_path)))
    view.show_built(built(board), board)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    (run,) = [line for line in lines if " docker run " in line]
    assert run.startswith("run: docker run --rm")
    assert run.endswith(f" {board.tag}")


VIDEO = '[test]\nvideo = "clip.avi"\n'


@pytest.mark.parametrize(("toml", "there", "not_there"), [
    ("", ["--network", "none"], ["--env", "--mount", "--device"]),
    (VIDEO, ["MEDIAPIPE_JETSON_SOURCE=/opt/clip.avi", "readonly"], ["--device"]),
    ('camera = "/dev/video63"\n' + VIDEO, ["clip.avi,target"], ["video63"]),
    ('camera = "/dev/video63"\n', [], ["video63", "--mount"]),
    ('camera = "csi://0"\n' + VIDEO, ["clip.avi,target"], ["argus"]),
    ('camera = "rtsp://cam/1"\n' + VIDEO, ["--network", "bridge"], ["clip.avi"]),
    ('[service]\nports = ["8080:80"]\ndevices = ["/dev/null"]\n',
     ["--publish=8080:80", "--device=/dev/null"], ["none"]),
])  # fmt: skip
def test_a_build_for_this_machine_ends_with_the_application(
    toml: str,
    there: list[str],
    not_there: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = planning.make(Request(app=application(tmp_path, toml)))
    view.show_built(built(plan), plan)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("next: docker run --rm ")
    assert last.endswith(f" {plan.tag}")
    assert "nvidia" not in last
    assert [word for word in there if word not in last] == []
    assert [word for word in not_there if word in last] == []


@pytest.mark.parametrize(("toml", "says"), [
    ("", True), ('[service]\ndevices = ["/dev/null"]\n', True),
    ('[service]\nports = ["1:1"]\n', False), ('[service]\nnetwork = "none"\n', False),
    ('[service]\nnetwork = "host"\n', False), ('camera = "rtsp://cam/1"\n', False),
])  # fmt: skip
def test_a_build_says_that_the_application_has_no_network(
    toml: str, says: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = planning.make(Request(jetson=True, app=application(tmp_path, toml)))
    view.show_built(built(plan), plan)
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("network ")]
    assert [line.split(None, 1)[1] for line in rows] == [view.NO_NETWORK] * says


def test_the_command_for_a_card_is_a_whole_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "host_arch", lambda: "amd64")
    plan = planning.make(Request())
    view.show_built(built(plan), plan)
    lines = capsys.readouterr().out.splitlines()
    assert f"NVIDIA card: docker run --rm --gpus all {plan.tag} verify" in lines
