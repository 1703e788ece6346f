"""A module that an application's command runs has to be in the image, and no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.app import program, settings, tree
from jetson_kit.core.errors import BadInputError


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ('["python3", "-m", "pkg.main"]', "pkg/main.py"),
        ('["python3", "-um", "pkg"]', "pkg/__main__.py"),
        ('["env", "A=1", "python3", "-mpkg.sub"]', "pkg/sub/__main__.py"),
        ('["python3", "-m", "pkg.cli"]', ""),
        ('["python3", "-m", "other.main"]', ""),
        ('["python3", "-m", "split.main"]', ""),
        ('["python3", "-P", "-m", "pkg.main"]', ""),
        ('["env", "-C", "/opt", "python3", "-m", "pkg.main"]', ""),
        ('["python3", "-m", "pkg.main"]\nenvironment.PYTHONPATH = "lib"', ""),
        ('["python3", "-m", "pkg.main"]\nservice.volumes = ["/a:/app/pkg"]', ""),
    ],
)
def test_a_module_of_a_package_that_is_there_must_be_there(
    tmp_path: Path, command: str, missing: str
) -> None:
    for name in ("pkg/__init__.py", "pkg/cli.py", "pkg/sub/__init__.py", "split/__init__.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "split" / "__init__.py").write_text("__path__ = extend(__path__)\n")
    (tmp_path / "jetson.toml").write_text(f"command = {command}\n")
    app = settings.load(tmp_path)
    if not missing:
        program.check_start(app, tree.read(app))
        return
    with pytest.raises(BadInputError, match=rf"the image will have no {missing}$"):
        program.check_start(app, tree.read(app))


KEY = f'A = """-----BEGIN PRIVATE KEY-----\n{"MIIEvQIB" * 8}\n"""\n'


@pytest.mark.parametrize(
    ("module", "says", "cure"),
    [
        ("pkg.key", "runs pkg/key.py, which looks like a secret and is left out", "pkg/key.py"),
        ("pkg.inner", "runs pkg/inner/__main__.py, which looks", "pkg/inner/__main__.py"),
        ("pkg.none", "runs the module pkg.none, and the image will have no pkg/none.py", ""),
        ("pkg.sub.mod", "", ""),
        ("pkg.sub", "", ""),
        ("far.mod", "", ""),
    ],
)
def test_a_module_that_is_run(tmp_path: Path, module: str, says: str, cure: str) -> None:
    for name in ("pkg/__init__.py", "pkg/inner/__init__.py", "other/__init__.py", "other/mod.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "pkg" / "key.py").write_text(KEY)
    (tmp_path / "pkg" / "inner" / "__main__.py").write_text(KEY)
    (tmp_path / "pkg" / "sub").symlink_to("../other")
    (tmp_path / "far").symlink_to("other")
    (tmp_path / "jetson.toml").write_text(f'name = "a"\ncommand = ["python3", "-m", "{module}"]\n')
    app = settings.load(tmp_path)
    if not says:
        program.check_start(app, tree.read(app))
        return
    with pytest.raises(BadInputError) as raised:
        program.check_start(app, tree.read(app))
    assert says in raised.value.message
    if cure:
        assert raised.value.cure == f'write include = ["{cure}"] in jetson.toml'
