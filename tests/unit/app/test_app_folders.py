"""Folders of applications: new ones, their names, and packages that nothing reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jetson_kit.app import inputs, settings
from jetson_kit.app.settings import App
from jetson_kit.app_testing import scaffold
from jetson_kit.core.errors import BadInputError


@pytest.mark.parametrize("template", scaffold.templates())
def test_a_new_folder_is_an_application_whose_files_compile(tmp_path: Path, template: str) -> None:
    folder = scaffold.new(tmp_path / "door-camera", template)
    app: App = settings.load(folder)
    assert (app.name, app.tests.video) == ("door-camera", "tests/clip.avi")
    for path in (folder / "app.py", folder / "tests" / "test_app.py"):
        compile(path.read_text(encoding="utf-8"), str(path), "exec")
    with pytest.raises(BadInputError, match="is there already"):
        scaffold.new(folder, template)


@pytest.mark.parametrize("name", ["Door", "a b", "-a", "a" * 41, "é"])
def test_a_new_folder_needs_a_name_for_an_image(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInputError, match="can't be the name"):
        scaffold.new(tmp_path / name, "face")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["pyproject.toml", "uv.lock", "Pipfile", "Pipfile.lock", "environment.yml", "environment.yaml"],
)
def test_packages_that_only_another_file_names_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    (tmp_path / "app.py").touch()
    inputs.check(settings.load(tmp_path))
    assert caplog.text == ""
    (tmp_path / name).write_text("[tool.ruff]\n" if name == "pyproject.toml" else "")
    inputs.check(settings.load(tmp_path))
    assert (caplog.text == "") == (name == "pyproject.toml")
    caplog.clear()
    (tmp_path / name).write_text("dependencies = []\n")
    inputs.check(settings.load(tmp_path))
    assert f"{name} is not read, and there is no requirements.txt" in caplog.text
    caplog.clear()
    (tmp_path / "requirements.txt").write_text("numpy\n")
    inputs.check(settings.load(tmp_path))
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("names", "file"),
    [
        (("requirements-jetson.txt",), "requirements-jetson.txt"),
        (("requirements/base.txt", "requirements/dev.txt"), "requirements/base.txt"),
        (("Requirements.txt", "environment.yml"), "Requirements.txt"),
        (("robot_requirements.txt",), "robot_requirements.txt"),
        (("requirements.in",), "requirements.in"),
        (("requirements-dev.txt", "test-requirements.txt", "requirements/docs.txt"), ""),
        (("requirements_dev.txt", "requirements.test.txt", "requirements.md"), ""),
        (("requirements-device.txt",), "requirements-device.txt"),
        (("test_requirements.txt", "dev_requirements.txt", "docs_requirements.txt"), ""),
        (("lint_requirements.txt", "ci-requirements.txt", "requirements/ci_x.txt"), ""),
        (("requirements-linting.txt", "requirements-mypy.txt", "requirements-pre-commit.txt"), ""),
        (("requirements-notebook.txt", "requirements/constraints.txt"), ""),
        (("requirements-developer.txt", "requirements_development.txt"), ""),
        (("requirements-dev.txt", "requirements-cidre.txt"), "requirements-cidre.txt"),
    ],
)
def test_requirements_with_another_name_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, names: tuple[str, ...], file: str
) -> None:
    (tmp_path / "app.py").touch()
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("numpy\n")
    inputs.check(settings.load(tmp_path))
    assert (
        f'{file} is not read, and there is no requirements.txt: requirements = "{file}" in jets'
        in (caplog.text)
        or (caplog.text, file) == ("", "")
    )
    if file:
        (tmp_path / "jetson.toml").write_text(f'requirements = "{file}"\n')
        caplog.clear()
        inputs.check(settings.load(tmp_path))
        assert caplog.text == ""


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("", False),
        ("# none yet\n", False),
        ("Overview\n\nThe system shall see faces.\n", False),
        ("-r more.txt\n", False),
        ("numpy>=1.26 ; python_version < '4'  # arrays\n-i https://example.org/simple\n", True),
        ("numpy==1.26 \\\n    --hash=sha256:" + "0" * 64 + "\n", True),
        ("door @ https://example.org/door.whl\n", True),
        ("https://example.org/door.whl\n", True),
        ("git+https://example.org/door\n./lib\n", True),
    ],
)
def test_a_text_about_requirements_is_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, warned: bool
) -> None:
    (tmp_path / "app.py").touch()
    (tmp_path / "functional_requirements.txt").write_text(text)
    inputs.check(settings.load(tmp_path))
    assert ("functional_requirements.txt is not read" in caplog.text) == warned


@pytest.mark.parametrize("lock", ["uv.lock", "Pipfile", "poetry.lock"])
def test_a_lock_is_named_before_other_requirements(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, lock: str
) -> None:
    for name in ("app.py", "requirements-robot.txt", lock):
        (tmp_path / name).write_text("numpy\n")
    inputs.check(settings.load(tmp_path))
    assert f"{lock} is not read" in caplog.text
    assert "robot" not in caplog.text


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("[metadata]\n# install_requires is in setup.py\nname = a\n", False),
        ("[options]\ninstall_requires =\n    numpy\n", True),
    ],
)
def test_a_comment_names_no_packages(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, warned: bool
) -> None:
    (tmp_path / "app.py").touch()
    (tmp_path / "setup.cfg").write_text(text)
    inputs.check(settings.load(tmp_path))
    assert ("setup.cfg is not read" in caplog.text) == warned


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Caf\u00e9", "cafe"),
        ("t\u00fcr kamera", "tur-kamera"),
        ("\u6444\u50cf\u5934", "app-[0-9a-f]{6}"),
        ("\u043a\u0430\u043c\u0435\u0440\u0430 2", "2-[0-9a-f]{6}"),
        ("Stra\u00dfe", "stra-e-[0-9a-f]{6}"),
        ("x" * 50 + "\u50cf", "x{33}-[0-9a-f]{6}"),
        ("- \u2013 -", "app"),
        ("caf\u00e9 \u2615", "cafe"),
    ],
)
def test_the_name_of_a_folder_with_other_letters(tmp_path: Path, folder: str, name: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "app.py").touch()
    loaded = settings.load(tmp_path / folder).name
    assert re.fullmatch(name, loaded), loaded


def test_folders_of_other_letters_get_names_of_their_own(tmp_path: Path) -> None:
    folders = [
        "\u6444\u50cf\u5934",
        "\u95e8",
        "\u043a\u0430\u043c\u0435\u0440\u0430",
        "\u043a\u0430\u043c\u0435\u0440\u044b",
    ]
    for folder in folders:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "app.py").touch()
    names = [settings.load(tmp_path / folder).name for folder in folders]
    assert len(set(names)) == len(folders)
    assert names == [settings.load(tmp_path / folder).name for folder in folders]
