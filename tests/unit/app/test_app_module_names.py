"""Files of an application that would be imported in place of the image's modules."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from jetson_kit.app import base_packages, inputs, module_names, settings, tree
from jetson_kit.app.module_names import Python
from jetson_kit.app.settings import App
from jetson_kit.containers.layers import LayerTar
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT
from jetson_kit.wheels import device_wheel, litert

PYTHON = Python("3.11", "arm64")
HELD = frozenset({"numpy", "mediapipe", "mediapipe-jetson", "opencv-python-headless"})


@pytest.fixture
def app(tmp_path: Path) -> App:
    (tmp_path / "app.py").write_text("print(1)\n")
    return settings.load(tmp_path)


def plant(app: App, *names: str) -> None:
    for name in names:
        path = app.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("queue.py", "Python's own module queue"),
        ("types.py", "Python's own module types"),
        ("random/__init__.py", "Python's own module random"),
        ("mediapipe/__init__.py", "the image's module mediapipe (package mediapipe)"),
        ("mediapipe_jetson.py", "the image's module mediapipe_jetson (package mediapipe-jetson)"),
        ("cv2.cpython-311-aarch64-linux-gnu.so", "module cv2 (package opencv-python-headless)"),
        ("numpy/__init__.abi3.so", "the image's module numpy"),
    ],
)
def test_a_name_of_the_images_is_refused(app: App, name: str, expected: str) -> None:
    plant(app, name)
    with pytest.raises(BadInputError) as caught:
        inputs.check_folder(app, PYTHON, HELD)
    assert str(caught.value).startswith(f"{app.folder / name} has the name of ")
    assert expected in str(caught.value)
    inputs.check_folder(replace(app, ignore=(name.split("/", maxsplit=1)[0],)), PYTHON, HELD)


@pytest.mark.parametrize(
    "name",
    [
        *("data/json.py", "mediapipe/graph.pbtxt", "numpy/deep/__init__.py", "queue.txt"),
        *("google/__init__.py", "Queue.py", "typesx.py", "random-1.py", "telnetlib3.py"),
        *("queue.old.py", "numpy.v2.py", "select.cpython-39-x86_64-linux-gnu.so", "tests/queue.py"),
        *("random/cat.png", "email/a/b.jpg", "door/types.py", "door/__init__.py"),
    ],
)
def test_what_hides_nothing_is_taken(app: App, name: str) -> None:
    plant(app, name)
    inputs.check_folder(app, PYTHON, HELD)


def test_a_link_that_makes_a_package_counts(app: App) -> None:
    plant(app, "vendor/mp/__init__.py", "vendor/data/x.txt")
    (app.folder / "cv2").symlink_to("vendor/data")
    inputs.check_folder(app, PYTHON, HELD)
    (app.folder / "mediapipe").symlink_to("vendor/mp")
    with pytest.raises(BadInputError, match="/mediapipe has the name of the image's module"):
        inputs.check_folder(app, PYTHON, HELD)


@pytest.mark.parametrize(
    ("command", "environment"),
    [
        (("python3", "src/app.py"), {}),
        (("python3", "/app/./src/app.py"), {}),
        (("python3", "-m", "door"), {"PYTHONPATH": "/usr/lib/x:/app/src"}),
    ],
)
def test_the_folder_of_the_program_and_pythonpath_count(
    app: App, command: tuple[str, ...], environment: dict[str, str]
) -> None:
    plant(app, "src/app.py", "src/queue.py", "src/more/types.py")
    inputs.check_folder(app, PYTHON, HELD)
    with pytest.raises(BadInputError, match=r"src/queue\.py has the name of Python's own"):
        inputs.check_folder(replace(app, command=command, environment=environment), PYTHON, HELD)


@pytest.mark.parametrize(
    ("command", "module", "taken"),
    [
        (("python3", "main.py", "--config", "conf/run.py"), "conf/logging.py", True),
        (("gunicorn", "-c", "deploy/gunicorn.conf.py", "main:app"), "deploy/logging.py", True),
        (("python3", "-m", "bin.app"), "bin/types.py", True),
        (("python3", "-I", "bin/app"), "bin/types.py", True),
        (("bash", "-c", "python3 bin/app"), "bin/types.py", True),
        (("./bin/app",), "bin/types.py", False),
        (("python3", "-u", "-X", "dev", "bin/app"), "bin/types.py", False),
        (("env", "A=1", "python3", "bin/app"), "bin/types.py", False),
    ],
)
@pytest.mark.parametrize("line", ["#!/usr/bin/env python3", "#!/usr/bin/env -S python3 -u"])
def test_only_the_program_itself_counts(
    app: App, command: tuple[str, ...], module: str, line: str, *, taken: bool
) -> None:
    plant(app, "main.py", "conf/run.py", module)
    (app.folder / "bin").mkdir(exist_ok=True)
    (app.folder / "bin/app").write_text(f"{line}\n")
    (app.folder / "bin/app").chmod(0o755)
    app = replace(app, command=command)
    if taken:
        inputs.check_folder(app, PYTHON, HELD)
        return
    with pytest.raises(BadInputError, match="has the name of Python's own module"):
        inputs.check_folder(app, PYTHON, HELD)


def test_the_images_python_decides() -> None:
    at = {version: module_names.standard(version) for version in ("3.9", "3.11", "3.12", "3.13")}
    assert [name in at["3.11"] for name in ("telnetlib", "asyncore", "tomllib")] == [True] * 3
    assert [name in at["3.12"] for name in ("telnetlib", "asyncore")] == [True, False]
    assert "telnetlib" not in at["3.13"]
    assert [name in at["3.9"] for name in ("tomllib", "parser", "graphlib")] == [False, True, True]
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert module_names.standard(here) == sys.stdlib_module_names


def test_every_package_of_every_image_has_its_modules() -> None:
    rows = module_names.of_packages(frozenset(module_names._table()["packages"]))
    known = set(rows.values())
    for lock in sorted((ROOT / "wheels" / "locks").glob("*-py*.txt")):
        _, arch, python = lock.stem.split("-")
        for path in (lock, litert.lock_for(arch, python.removeprefix("py"))):
            for line in path.read_text(encoding="utf-8").splitlines():
                name = line.partition("==")[0]
                assert "==" not in line or name in known, f"{path.name}: {name}"
    lock = ROOT / "wheels" / "locks" / "armv82-arm64-py3.11.txt"
    held = base_packages.of(lock, "1.2.2", "arm64", "3.11", "bookworm").names
    assert {"mediapipe", "mediapipe_jetson", "numpy", "cv2", "ml_dtypes"} <= set(
        module_names.of_packages(held)
    )
    assert (device_wheel.SOURCE / "src" / rows_of("mediapipe-jetson")[0]).is_dir()


def rows_of(package: str) -> list[str]:
    return list(module_names.of_packages(frozenset({package})))


def test_the_applications_own_packages_are_compared(app: App, tmp_path: Path) -> None:
    site = tmp_path / "site"
    for name in ("door/__init__.py", "six.py", "yaml/x.py", "door-1.dist-info/METADATA", "a.pth"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).touch()
    with LayerTar(tmp_path / "layer.tar") as layer:
        layer.tree("opt/mediapipe/lib/python3.11/site-packages", site)
    names = module_names.in_layer(tmp_path / "layer.tar", PYTHON)
    assert names == {"door", "six", "yaml"}
    (app.folder / "site").rename(tmp_path.with_suffix(".gone"))
    plant(app, "door/__init__.py", "door/more.py", "six.py", "yaml.txt")
    entries = tree.read(app).entries
    assert module_names.hidden(app, entries, PYTHON, names) == ["door/__init__.py", "six.py"]


@pytest.mark.parametrize("name", ["mediapipe/__init__.py", "queue.py"])
def test_a_plan_refuses_it(app: App, name: str) -> None:
    plant(app, name)
    done = subprocess.run(
        [sys.executable, "tasks.py", "build", "--jetson", "--plan", "--app", app.folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert str(app.folder / name) in done.stderr
    assert done.stderr.count("\n") == 1
