"""What of an application's folder goes into the image."""

from __future__ import annotations

import os
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from jetson_kit.app import layers, tree
from jetson_kit.app.settings import App
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.progress import Progress
from tests.unit.app.planted import plant


def names(app: App) -> list[str]:
    return [entry.name for entry in tree.read(app).entries]


def test_tools_caches_tests_and_locks_stay_out(app: App) -> None:
    plant(
        app,
        *(".git/config", ".venv/bin/python", "pkg/__pycache__/a.pyc", "jetson.toml"),
        *("tests/test_app.py", "requirements-arm64-py3.11.jetson.lock", "pkg/a b.py"),
    )
    assert names(app) == ["app.py", "pkg/a b.py"]


def test_what_the_kit_wrote_stays_out(app: App) -> None:
    """Each build would else hold the one before."""
    plant(
        app,
        *(f"out/it/{name}" for name in ("manifest.json", "sbom.cdx.json", "it.oci.tar")),
        *(f"logs/{name}" for name in ("native.log", "native.xml", "more/a.json")),
        *(".out.part/it.oci.tar", ".out.old/manifest.json"),
        *("model/manifest.json", "sbom/sbom.cdx.json", "x/native.log", "x/y/native.xml"),
    )
    assert names(app) == [
        "app.py", "model/manifest.json", "sbom/sbom.cdx.json", "x/native.log", "x/y/native.xml",
    ]  # fmt: skip


@pytest.mark.parametrize("mark", ["pyvenv.cfg", "conda-meta/history"])
def test_environments_stay_out_by_what_is_in_them(app: App, mark: str) -> None:
    plant(app, f"env/{mark}", "env/lib/a.py", f"tools/my env/{mark}", "environment/a.py")
    (app.folder / "env" / "bin").mkdir()
    (app.folder / "env" / "bin" / "python").symlink_to("/usr/bin/python3")
    assert names(app) == ["app.py", "environment/a.py"]


def test_a_module_that_is_left_out_is_found(app: App) -> None:
    left = tree.Tree((), ("pkg/testkeys.py", "other/__init__.py", "a/b/deep.py"))
    assert tree.left_out_module(left, "testkeys", "pkg/app.py") == "pkg/testkeys.py"
    assert tree.left_out_module(left, "other", "pkg/app.py") == "other/__init__.py"
    assert not tree.left_out_module(left, "deep", "a/app.py")
    assert not tree.left_out_module(left, "keys", "pkg/app.py")


def test_links_over_what_stays_out_lead_to_nothing(app: App) -> None:
    plant(app, "f.txt", "d/e/g.txt")
    links = {"l": "m", "m": "f.txt", "k": "l", "d/up": "..", "d/e/f": "../../f.txt", "h": "d/e"}
    for name, leads in links.items():
        (app.folder / name).symlink_to(leads)
    assert tree.dangling(app, tree.read(app)) == []
    left = replace(app, ignore=("m",))
    assert tree.dangling(left, tree.read(left)) == ["k", "l"]


def test_what_the_user_ignores_stays_out(app: App) -> None:
    plant(app, "raw/deep/x.bin", "x.mp4", "kept.txt")
    assert names(replace(app, ignore=("raw/*", "*.mp4"))) == ["app.py", "kept.txt"]


@pytest.mark.parametrize(
    "to", ["/etc/passwd", "../outside", "nowhere", "../it/app.py", "./../it", "a/../../it/app.py"]
)
def test_a_link_out_of_the_folder_is_refused(app: App, to: str) -> None:
    (app.folder.parent / "outside").write_text("secret")
    (app.folder / "a").mkdir()
    (app.folder / "link").symlink_to(to)
    with pytest.raises(BadInputError, match=r"is a link (out of the folder|to nothing)"):
        tree.read(app)
    assert names(replace(app, ignore=("link",))) == ["app.py"]


def test_a_folder_that_is_a_link_out_is_refused(app: App) -> None:
    (app.folder.parent / "outside").mkdir()
    (app.folder / "link").symlink_to("../outside", target_is_directory=True)
    with pytest.raises(BadInputError, match="out of the folder"):
        tree.read(app)


def test_a_link_inside_stays_a_link(app: App) -> None:
    (app.folder / "other.py").symlink_to("app.py")
    assert [entry.link for entry in tree.read(app).entries] == ["", "app.py"]


def test_links_to_what_stays_out_are_named(app: App) -> None:
    plant(app, "tests/a.txt", ".env", "data/b.txt", "old/tests/c.txt")
    leads = {"a": "tests", "b": ".env", "c": "data", "d": "app.py", "e": ".", "f": "a/a.txt"}
    for name, link in leads.items():
        (app.folder / name).symlink_to(link)
    assert tree.dangling(app, tree.read(app)) == ["a", "b", "f"]
    shown = replace(app, include=(".env",))
    assert tree.dangling(shown, tree.read(shown)) == ["a", "f"]


def test_what_is_no_file_is_refused(app: App) -> None:
    os.mkfifo(app.folder / "pipe")
    with pytest.raises(BadInputError, match="no regular file"):
        tree.read(app)


def test_a_name_that_is_no_text_is_refused(app: App) -> None:
    Path(os.fsdecode(os.fsencode(app.folder) + b"/\xff.txt")).write_text("x")
    with pytest.raises(BadInputError, match="not UTF-8") as caught:
        tree.read(app)
    assert caught.value.line().isprintable()


def test_too_much_names_the_largest_file(app: App) -> None:
    with (app.folder / "model.bin").open("wb") as stream:
        stream.truncate(3_000_000)
    with pytest.raises(
        BadInputError, match=r"has 3 MB, more than 2; the largest file is model.bin"
    ):
        tree.read(replace(app, max_mb=2))


def test_a_layer_has_names_rights_and_contents_and_nothing_of_this_machine(
    app: App, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    plant(app, "run.sh")
    (app.folder / "run.sh").chmod(0o700)
    (app.folder / "app.py").chmod(0o600)
    tar = layers._files("app", tree.read(app).entries, "{}\n")
    with tarfile.open(tar) as archive:
        rows = {info.name: (info.mode, info.uid, info.mtime) for info in archive if info.isfile()}
    assert {name: row[:2] for name, row in rows.items()} == {
        "app/app.py": (0o644, 0),
        "app/run.sh": (0o755, 0),
        "etc/mediapipe-jetson/app.json": (0o644, 0),
    }
    os.utime(app.folder / "app.py", (1, 1))
    assert layers._files("app", tree.read(app).entries, "{}\n") == tar
    plant(app, "app.py")
    assert layers._files("app", tree.read(app).entries, "{}\n") != tar


def test_a_file_that_changes_meanwhile_is_told(app: App) -> None:
    entries = tree.read(app).entries
    (app.folder / "app.py").write_text("longer than it was\n")
    with pytest.raises(BadInputError, match="was changed meanwhile"):
        tree.check_unchanged(entries)


@pytest.mark.parametrize("ignore", [(), ("secret",)])
def test_a_dockerignore_that_is_not_read_is_named(
    app: App, ignore: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(app, ".dockerignore", "secret/a.txt")
    lines: list[str] = []
    monkeypatch.setattr(Progress, "say", lambda _self, text: lines.append(text))
    base = layers.Base(Path("lock"), "1.2.2", "arm64", "3.11", "bookworm", "runtime", None)
    layers.prepare(replace(app, ignore=ignore), base, Progress())
    assert any(".dockerignore is of Dockerfiles" in line for line in lines) is not bool(ignore)


@pytest.mark.parametrize("links", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b/c", "b": "a"}])
def test_a_link_that_leads_to_itself(app: App, links: dict[str, str]) -> None:
    for name, leads in links.items():
        (app.folder / name).symlink_to(leads)
    with pytest.raises(BadInputError, match=r"/a is a link that leads to itself$") as raised:
        tree.read(app)
    assert raised.value.cure.startswith("take it out, or name it in jetson.toml")


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("**/raw", ["a/x", "app.py"]), ("**/a/raw", ["a/x", "app.py", "raw"]),
        ("a/**", ["app.py", "raw"]), ("raw/", ["a/x", "app.py"]), (".hidden", ["a/raw", "a/x", "app"
         ".py", "raw"]),
    ],
)  # fmt: skip
def test_patterns_of_gitignore_with_any_folders(app: App, pattern: str, left: list[str]) -> None:
    (app.folder / "a").mkdir()
    for name in ("a/raw", "a/x", "raw"):
        (app.folder / name).touch()
    result = tree.read(replace(app, ignore=(pattern,)))
    assert [entry.name for entry in result.entries] == left


def test_an_absolute_link_within_the_folder_is_to_be_relative(app: App) -> None:
    (app.folder / "lib").mkdir()
    (app.folder / "lib" / "a b").symlink_to(app.folder / "app.py")
    with pytest.raises(
        BadInputError, match=r"/lib/a b is a link to .*, which is no path of the im"
    ):
        try:
            tree.read(app)
        except BadInputError as error:
            subprocess.run(error.cure.partition(": ")[2], shell=True, check=True)  # noqa: S602
            raise
    names = [entry.name for entry in tree.read(app).entries if entry.link]
    assert names == ["lib/a b"]
    for name in (".venv/x.py", "tests/x.py", "made/pyvenv.cfg", "secrets.json"):
        (app.folder / name).parent.mkdir(exist_ok=True)
        (app.folder / name).touch()
    for name in (".venv/x.py", "tests", "made", "made/pyvenv.cfg", "secrets.json"):
        (app.folder / "link").symlink_to(app.folder / name)
        with pytest.raises(BadInputError, match=r"link to .*, which is no path of the im") as out:
            tree.read(app)
        assert out.value.cure == "take it out, or name it in jetson.toml: ignore = [...]"
        (app.folder / "link").unlink()
    (app.folder / "gone").symlink_to(app.folder / "none")
    with pytest.raises(BadInputError, match=r"/gone is a link out of the folder"):
        tree.read(app)


def test_a_link_below_a_file_leads_to_nothing(app: App) -> None:
    (app.folder / "a").symlink_to("app.py/x")
    with pytest.raises(BadInputError, match=r'/a is a link to nothing, "app.py/x"$'):
        tree.read(app)
    (app.folder / "a").unlink()
    (app.folder / "a").symlink_to("../it/app.py/../../outside/x")
    with pytest.raises(BadInputError, match=r"/a is a link out of the folder"):
        tree.read(app)
