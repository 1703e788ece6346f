"""Nothing of a project has the doctor wait, and what a kernel answers is no file of a project."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest
from mediapipe_jetson.migrate import project as migrating

from jetson_kit.core.errors import BadInputError
from jetson_kit.doctor import local
from tests.unit.device_wheel_trees import wheel
from tests.unit.doctor_scenes import judged, lines

LEADING = {
    "/proc/kmsg": "app.py",
    "/proc/self/environ": "requirements.txt",
    "/sys/kernel/notes": "notebook.ipynb",
    "/dev/zero": "Dockerfile",
    "/dev/stdin": "main.py",
}


@pytest.mark.parametrize("place", LEADING)
def test_a_link_into_the_kernels_folders_is_named_and_not_read(tmp_path: Path, place: str) -> None:
    name = LEADING[place]
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / name).symlink_to(place)
    answer = judged(tmp_path, {"other.py": "import mediapipe\n"})["legacy-api"]
    assert answer.result.status == "unknown"
    assert f"not read: {name} (it leads into /" in lines(answer)
    with pytest.raises(BadInputError, match="leads into /"):
        local.payload(tmp_path / "app")


def test_a_wheel_that_is_a_link_into_them_is_not_opened(tmp_path: Path) -> None:
    name = "mediapipe-1.2.2-py3-none-linux_aarch64.whl"
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / name).symlink_to("/proc/kmsg")
    answer = judged(tmp_path, {"requirements.txt": f"./{name}\n"})["old-requirement"]
    assert answer.result.status == "unknown"
    assert f"{name}: it leads into /proc" in lines(answer)


def test_what_waits_for_another_is_named_and_not_read(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    os.mkfifo(app / "app.py")
    os.mkfifo(app / "plain")
    with socket.socket(socket.AF_UNIX) as here:
        here.bind(os.path.relpath(app / "run.sh"))
        answer = judged(tmp_path, {"other.py": "import mediapipe\n"})["legacy-api"]
    for name in ("app.py", "run.sh"):
        assert f"not read: {name} (it is no regular file)" in lines(answer)
    assert "plain" not in lines(answer)


@pytest.mark.parametrize("folder", ["/proc", "/sys/kernel", "/dev", "/proc/self/fd", "link"])
def test_a_folder_of_the_kernel_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "link").symlink_to("/proc/self/net")
    place = str(tmp_path / folder)
    done = wheel("doctor", "--code", place)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert "leads into /" in done.stderr
    with pytest.raises(BadInputError, match="leads into /"):
        local.local(Path(place))
    with pytest.raises(migrating.MigrateError, match="leads into /"):
        migrating.migrate(Path(place))


def test_the_modules_of_the_current_folder_are_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app.py").write_text("import mediapipe as mp\nmp.solutions\n")
    for name in ("json", "random", "mediapipe_jetson"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(99)\n")
    monkeypatch.chdir(tmp_path)
    assert "legacy-api" in local.local(tmp_path).bad


def test_migrate_names_what_it_does_not_read(tmp_path: Path) -> None:
    (tmp_path / "app.py").symlink_to("/proc/kmsg")
    os.mkfifo(tmp_path / "other.py")
    os.mkfifo(tmp_path / "node")
    unread = {note.file: note.text for note in migrating.migrate(tmp_path).unread}
    assert unread["app.py"].startswith("it leads into /proc")
    assert unread["other.py"] == "it is no regular file"
    assert set(unread) == {"app.py", "other.py"}


def test_shared_memory_holds_projects(tmp_path: Path) -> None:
    shared = Path("/dev/shm", tmp_path.name)
    if not shared.parent.is_dir():
        pytest.skip("there is no /dev/shm here")
    try:
        shared.mkdir()
        (shared / "app.py").write_text("import mediapipe as mp\nmp.solutions\n")
        scan = local.local(shared)
        assert "legacy-api" in scan.bad
    finally:
        shutil.rmtree(shared)
