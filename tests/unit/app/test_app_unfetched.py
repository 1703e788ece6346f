"""What git has not fetched, and programs of folders that are packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.app import settings, tree, unfetched
from jetson_kit.core.errors import BadInputError

# As git lfs writes it: docs/spec.md of Git LFS.
POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
MODULES = '[submodule "lib"]\n\tpath = lib\n\turl = ../lib\n[submodule "b"]\n\tpath = deps/b\n'


def warnings(folder: Path) -> list[str]:
    (folder / "app.py").touch()
    app = settings.load(folder)
    return list(unfetched.warnings(app, tree.read(app)))


def test_pointers_of_git_lfs(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"{number}.onnx").write_text(POINTER)
    (tmp_path / "whole.onnx").write_bytes(POINTER.encode() * 100)
    (tmp_path / "notes.md").write_text("version 1\n" * 10)
    (line,) = warnings(tmp_path)
    assert line.startswith("0.onnx, 1.onnx, 2.onnx, 3.onnx, 4.onnx and 2 more: what stands for a")
    assert line.endswith("git lfs pull fetches it")


@pytest.mark.parametrize(
    ("there", "named"),
    [((), "lib, deps/b: "), (("lib",), "deps/b: "), (("lib", "deps/b"), "")],
)
def test_empty_submodules(tmp_path: Path, there: tuple[str, ...], named: str) -> None:
    (tmp_path / ".gitmodules").write_text(MODULES)
    for name in ("lib", "deps/b"):
        (tmp_path / name).mkdir(parents=True)
    for name in there:
        (tmp_path / name / "a.py").touch()
    lines = warnings(tmp_path)
    assert [line[: len(named)] for line in lines] == ([named] if named else [])


def test_a_submodule_that_the_image_leaves_out_is_not_missed(tmp_path: Path) -> None:
    (tmp_path / ".gitmodules").write_text(MODULES)
    (tmp_path / "jetson.toml").write_text('ignore = ["lib", "deps/*"]\n')
    assert warnings(tmp_path) == []


@pytest.mark.parametrize("text", ["", "[", "[submodule]\nx", "\udcff"])
def test_a_file_that_git_does_not_read_either(tmp_path: Path, text: str) -> None:
    (tmp_path / ".gitmodules").write_bytes(text.encode(errors="surrogateescape"))
    assert warnings(tmp_path) == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"robot/__main__.py": ""}, 'with the line command = ["python3", "-m", "robot"]'),
        ({"pyproject.toml": "[project.scripts]\ndoor = 'door:main'\n", "src/door.py": ""},
         'with the line command = ["door"], and requirements.txt with the line .'),
        ({"pyproject.toml": "[project.scripts]\ndoor = 'door:main'\n", "requirements.txt": "."},
         'with the line command = ["door"]'),
        ({"pyproject.toml": "[project"}, "write app.py, or make a folder that has one"),
        ({"main.py": "", "robot/__main__.py": ""}, 'command = ["python3", "main.py"]'),
        ({"setup.py": "", "edge/pose.py": ""}, 'line command = ["python3", "edge/pose.py"]'),
        ({"edge/pose.py": "__main__", "edge/draw.py": ""}, '["python3", "edge/pose.py"]'),
        ({"a/b/x.py": "__main__", "a/y.py": "__main__"},
         'command = ["python3", "a/y.py"] or command = ["python3", "a/b/x.py"]'),
        ({"tests/test_a.py": "__main__", ".venv/x.py": "", "conftest.py": ""}, "write app.py, or"),
        ({"a/b/c/d/e/x.py": ""}, "write app.py, or make a folder that has one"),
        ({"pyproject.toml": "", "src/robot/__main__.py": ""},
         'line command = ["python3", "-m", "robot"], and requirements.txt with the line .'),
        ({"setup.py": "", "src/robot/__main__.py": "", "requirements.txt": "."},
         'with the line command = ["python3", "-m", "robot"]'),
        *(({"setup.py": "", "src/robot/__main__.py": "", "requirements.txt": f"numpy\n{text}\n"},
           f'with the line command = ["python3", "-m", "robot"]{more}')
          for text, more in (
              ("-e .", ""), ("-e ./[door]  # own", ""), ("./", ""), (".[a,b] ; x == 'y'", ""),
              ("numpy", ", and the line . in requirements.txt"),
              ("./lib", ", and the line . in requirements.txt"),
              (".. ", ", and the line . in requirements.txt"))),
        ({"setup.py": "", "src/robot/__main__.py": "", "reqs.txt": "numpy", "jetson.toml":
          'requirements = "reqs.txt"'}, '"robot"], and the line . in reqs.txt'),
        ({"pyproject.toml": "[project.scripts]\ndoor = 'door:main'\n", "requirements.txt": "six"},
         'with the line command = ["door"], and the line . in requirements.txt'),
        ({"setup.py": "", "src/.venv/__main__.py": "", "src/tests/__main__.py": ""}, "write app.py,"
         " or make a folder that has one"),
        ({"setup.py": "", "src/robot/__main__.py": "", "scripts/go.py": "__main__", "lib/x.py": "",
          "requirements.txt": "."}, 'command = ["python3", "-m", "robot"] or command = ["python3", '
         '"scripts/go.py"]'),
        ({"src/robot/__main__.py": ""}, 'command = ["python3", "src/robot/__main__.py"]'),
        ({"src/robot/__init__.py": "", "launch/a.launch.py": ""}, "write app.py, or make"),
    ],
)  # fmt: skip
def test_what_a_folder_without_a_program_could_run(
    tmp_path: Path, files: dict[str, str], expected: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(BadInputError) as raised:
        settings.load(tmp_path)
    assert expected in raised.value.cure
    # What follows a command would be more to write.
    assert raised.value.cure.endswith(expected) or "write app.py" in expected
