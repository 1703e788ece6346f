"""What of the user's settings of uv goes on to the kit's, and how set-up comes by it."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core import uv_settings
from jetson_kit.core.paths import ROOT


def rows(folder: Path, own: str = "", machine: str = "", **more: str) -> dict[str, Any]:
    """Return what goes on, of a user's and a machine's file below a folder."""
    environ = {"XDG_CONFIG_HOME": str(folder / "own"), "XDG_CONFIG_DIRS": str(folder / "all")}
    for place, text in (("own", own), ("all", machine)):
        file = folder / place / "uv" / "uv.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tomllib.loads(uv_settings.text({**environ, **more}))


def test_of_lists_the_machines_count_behind_the_users(tmp_path: Path) -> None:
    own = 'index-strategy = "first-index"\n[[index]]\nname = "own"\nurl = "https://own"\n'
    machine = 'index-strategy = "unsafe-best-match"\n[[index]]\nname = "all"\nurl = "https://all"\n'
    result = rows(tmp_path, own, machine)
    assert [row["name"] for row in result["index"]] == ["own", "all"]
    assert result["index-strategy"] == "first-index"


@pytest.mark.parametrize("place", ["wheels", "./wheels", "../wheels", "a/../wheels"])
def test_places_beside_the_file_are_found_from_elsewhere(tmp_path: Path, place: str) -> None:
    beside = str(tmp_path / "own" / "uv" / place)
    result = rows(
        tmp_path,
        f'find-links = ["{place}"]\ncache-dir = "./c"\n[[index]]\nurl = "{place}"\n'
        f'format = "flat"\n[pip]\nindex-url = "{place}"\n',
    )
    assert result["find-links"] == [beside]
    assert result["index"] == [{"url": beside, "format": "flat"}]
    assert result["pip"] == {"index-url": beside}
    assert result["cache-dir"] == "./c"


@pytest.mark.parametrize("place", ["https://h/simple", "file:///w", "/srv/wheels"])
def test_addresses_stay_as_they_are(tmp_path: Path, place: str) -> None:
    assert rows(tmp_path, f'find-links = ["{place}"]\n') == {"find-links": [place]}


def test_what_chooses_or_unpacks_does_not_go_on(tmp_path: Path) -> None:
    own = '[[index]]\nname = "i"\nurl = "https://i"\nexclude-newer = "2020-01-01"\n'
    assert rows(tmp_path, f'link-mode = "symlink"\nresolution = "lowest"\n{own}') == {
        "index": [{"name": "i", "url": "https://i"}]
    }


def test_logins_of_the_systems_keyring_go_on(tmp_path: Path) -> None:
    features = 'preview-features = ["native-auth", "format"]\n'
    assert rows(tmp_path, features) == {"preview-features": ["native-auth"]}
    assert rows(tmp_path, 'preview-features = ["format"]\n') == {}


def test_odd_files_are_read_as_uv_reads_them(tmp_path: Path) -> None:
    assert rows(tmp_path, '\ufeffhttp-proxy = "http://p\\u007f"\n') == {
        "http-proxy": "http://p\x7f"
    }


@pytest.mark.parametrize(("value", "counts"), [("1", False), ("true", False), ("0", True)])
def test_whether_files_count_at_all(tmp_path: Path, value: str, counts: bool) -> None:
    assert bool(rows(tmp_path, "offline = true\n", UV_NO_CONFIG=value)) == counts


def test_set_up_runs_no_module_of_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(5)\n")
    (tmp_path / "jetson_kit").mkdir()
    (tmp_path / "jetson_kit" / "__init__.py").touch()
    script = (ROOT / "ci" / "setup.sh").read_text(encoding="utf-8")
    (function,) = (line for line in script.splitlines() if line.startswith("installer() "))
    names = f"root={shlex.quote(str(ROOT))} venv={shlex.quote(sys.prefix)}"
    done = subprocess.run(
        ["sh", "-c", f"{names}\n{function}\ninstaller echo here"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "here\n"), done.stderr
