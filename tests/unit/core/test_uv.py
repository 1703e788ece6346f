"""What uv and its pip say becomes one typed error."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.version import Version

from jetson_kit.core import uv, uv_settings
from jetson_kit.core.errors import BadInputError, IntegrityError, NetworkError, StepFailedError
from jetson_kit.core.paths import ROOT
from tests.unit import small_index
from tests.unit.small_wheels import plain_wheel


def test_uv_is_the_locked_one() -> None:
    assert uv.program() == Path(sys.executable).with_name("uv")
    assert Version(uv.uv(["--version"], what="asking uv").split()[1]) >= Version("0.5")


def test_a_failure_carries_its_step_and_reason() -> None:
    with pytest.raises(StepFailedError, match="making a mess failed: unrecognized"):
        uv.uv(["no-such-command"], what="making a mess")


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_a_home_that_cannot_be_written_is_not_needed(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("UV_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "/dev/null/home")
    monkeypatch.setenv("KIT_CACHE", str(tmp_path))
    output = uv.uv(["cache", "dir"], what="asking")
    assert output.strip() == str(tmp_path / "uv")
    python = f"3.{sys.version_info.minor}"
    assert uv.uv(["python", "find", python], what="looking for Python")
    monkeypatch.setenv(variable, str(tmp_path / "home"))
    assert str(tmp_path / "home") in uv.uv(["cache", "dir"], what="asking")


def test_only_the_folder_that_cannot_be_used_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "kit"))
    monkeypatch.delenv("UV_CACHE_DIR", raising=False)
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".cache").write_text("no folder\n")
    ask = ("cache", "dir"), ("python", "dir")
    cache, pythons = (uv.uv(arguments, what="asking").strip() for arguments in ask)
    assert cache == str(tmp_path / "kit" / "uv")
    assert pythons == str(tmp_path / ".local/share/uv/python")
    monkeypatch.setenv("HOME", "/dev/null/home")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "mine"))
    cache, pythons = (uv.uv(arguments, what="asking").strip() for arguments in ask)
    assert cache == str(tmp_path / "mine")
    assert pythons == str(tmp_path / "kit" / "uv" / "pythons")


def test_the_users_settings_choose_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "index"
    empty.mkdir()
    monkeypatch.setenv("UV_FIND_LINKS", str(empty))  # how the index is reached stays the user's
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_COMPILE_BYTECODE", "1")
    monkeypatch.setenv("UV_NO_BINARY", "1")
    plain_wheel(empty, "plain", "1.0", {"plain.py": b"x = 1\n"})
    into = tmp_path / "into"
    uv.uv(["pip", "install", "--quiet", "--target", into, "plain"], what="trying")
    assert any(into.rglob("*.py"))
    assert not list(into.rglob("*.pyc"))


# A robot's project and a person's uv.toml: what they choose is for others than the kit.
CHOICES = """\
python-preference = "only-managed"
exclude-newer = "2020-01-01T00:00:00Z"
constraint-dependencies = ["plain<1"]
required-version = ">=99"
compile-bytecode = true
no-binary = true
"""


@pytest.mark.parametrize("where", ["project", "own", "named"])
def test_the_users_files_choose_no_byte_but_say_where_the_index_is(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, own = tmp_path / "robot" / "src", tmp_path / "config" / "uv"
    for folder in (project, own, own / "wheels"):
        folder.mkdir(parents=True)
    for name in ("UV_CONFIG_FILE", "UV_NO_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(own.parent))
    monkeypatch.chdir(project)
    plain_wheel(own / "wheels", "plain", "1.0", {"plain.py": b"x = 1\n"})
    index = 'no-index = true\nfind-links = ["./wheels"]\n'
    pip = f'target = "{tmp_path}/other"\nuniversal = true\n'
    (own / "uv.toml").write_text(f"{CHOICES}{index}[pip]\n{pip}")
    if where == "project":
        (own / "uv.toml").write_text(index)
        (project.parent / "pyproject.toml").write_text(f"[tool.uv]\n{CHOICES}[tool.uv.pip]\n{pip}")
    if where == "named":
        (own / "uv.toml").rename(own / "mine.toml")
        monkeypatch.setenv("UV_CONFIG_FILE", str(own / "mine.toml"))
    into = tmp_path / "into"
    uv.uv(["pip", "install", "--quiet", "--target", into, "plain"], what="trying")
    assert [path.name for path in into.glob("*.py*")] == ["plain.py"]
    assert not (tmp_path / "other").exists()
    lock = uv.compile_lock(["plain"], platform="aarch64-manylinux_2_28", python="3.11")
    assert lock.startswith("plain==1.0")


def test_a_python_of_the_current_folder_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    for place in (tmp_path / ".venv" / "bin" / "python", tmp_path / "bin" / "python3"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("#!/bin/sh\necho an old Python >&2; exit 1\n")
        place.chmod(0o755)
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.setenv(name, str(tmp_path / ".venv"))
    monkeypatch.chdir(tmp_path)
    plain_wheel(tmp_path, "plain", "1.0", {"plain.py": b"x = 1\n"})
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    uv.uv(["pip", "install", "--quiet", "--target", tmp_path / "into", "plain"], what="trying")
    assert (tmp_path / "into" / "plain.py").exists()


def test_a_program_of_the_set_up_gets_what_leads_to_indexes_alone(tmp_path: Path) -> None:
    reaching = {"UV_DEFAULT_INDEX": "https://i", "PIP_INDEX_URL": "https://i", "PIP_CERT": "x"}
    others = {"UV_SYSTEM_PYTHON": "1", "UV_PYTHON": "3.8", "UV_TARGET": "/", "PIP_PYTHON": "x",
              "PIP_CONSTRAINT": "x", "VIRTUAL_ENV": "/v", "CONDA_PREFIX": "/c"}  # fmt: skip
    command = [sys.executable, "-m", "jetson_kit.core.uv_environment"]
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), **reaching, **others}
    done = subprocess.run(
        [*command, "env"], env=environment, capture_output=True, text=True, check=True
    )
    seen = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert seen.items() >= reaching.items()
    assert seen.pop("UV_PYTHON") == sys.executable
    assert not seen.keys() & {*others, "PYTHONPATH"}
    assert subprocess.run([*command, "false"], env=environment, check=False).returncode == 1


def test_settings_of_uv_that_cannot_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CONFIG_FILE", str(tmp_path / "uv.toml"))
    for text in (None, "= 1\n"):
        if text:
            (tmp_path / "uv.toml").write_text(text)
        with pytest.raises(BadInputError, match=r"uv\.toml can't be read"):
            uv.uv(["--version"], what="asking")


def test_settings_of_uv_are_written_as_they_were(tmp_path: Path) -> None:
    own = {
        "index": [
            {
                "name": "a b",
                "url": "https://u:p@h/\N{LATIN SMALL LETTER E WITH ACUTE}\"'",
                "default": True,
            }
        ],
        "concurrent-downloads": 5,
        "native-tls": False,
        "pip": {"extra-index-url": ["https://h/\\", "https://h/#"]},
    }
    file = tmp_path / "uv.toml"
    file.write_text(
        'concurrent-downloads = 5\nnative-tls = false\n[[index]]\nname = "a b"\n'
        'url = "https://u:p@h/\N{LATIN SMALL LETTER E WITH ACUTE}\\"\'"\ndefault = true\n'
        "[pip]\nextra-index-url = ['https://h/\\', \"https://h/#\"]\nemit-index-url = true\n"
    )
    assert tomllib.loads(uv_settings.text({"UV_CONFIG_FILE": str(file)})) == own
    assert uv_settings.text({"UV_NO_CONFIG": "1"}) == ""


@dataclass(frozen=True)
class Index:
    """A package index with one wheel, which uv and pip ask."""

    wheel: str
    sha256: str
    raw: bytes


@pytest.fixture(params=["open", "with a password"])
def index(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Index]:
    """Serve an index; uv and pip know its password where it has one."""
    folder = tmp_path / "index"
    folder.mkdir()
    path, sha256 = plain_wheel(folder, "plain", "1.0", {"plain.py": b"x = 1\n"})
    small_index.renew(folder)
    login = "" if request.param == "open" else "user:secret"
    with small_index.served(folder, login) as address:
        at = address.replace("://", f"://{login}@") if login else address
        for name, value in small_index.environment(at).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield Index(path.name, sha256, path.read_bytes())


def test_a_wheel_comes_byte_for_byte(index: Index, tmp_path: Path) -> None:
    path = uv.download_wheel(index.wheel, index.sha256, tmp_path)
    assert path == tmp_path / index.wheel
    assert path.read_bytes() == index.raw
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_wheel_that_the_index_lacks(index: Index, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    with pytest.raises(NetworkError, match="the package index does not offer it"):
        uv.download_wheel("plain-1.1-py3-none-any.whl", "0" * 64, tmp_path)
    assert set(tmp_path.iterdir()) == before


def test_a_wheel_of_other_bytes(index: Index, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    with pytest.raises(IntegrityError):
        uv.download_wheel(index.wheel, "0" * 64, tmp_path)
    assert set(tmp_path.iterdir()) == before
