"""The collection as others get it: its archive, its metadata, and nothing that needs the kit."""

from __future__ import annotations

import ast
import gzip
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from jetson_kit import __version__
from jetson_kit.ansible_driver import collection_archive, collections, environments
from jetson_kit.core.errors import IntegrityError, StepFailedError
from jetson_kit.core.paths import COLLECTION, COLLECTION_NAME
from jetson_kit.guides import links

GALAXY = yaml.safe_load((COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))
ROLES = sorted(path.name for path in (COLLECTION / "roles").iterdir() if path.is_dir())
FILTERS = sorted(path.stem for path in (COLLECTION / "plugins" / "filter").glob("*.yml"))
MODULES = sorted(path.stem for path in (COLLECTION / "plugins" / "modules").glob("*.py"))
BOOKS = sorted((COLLECTION / "playbooks").glob("*.yml"))
TASKS = sorted(
    path
    for part in ("tasks", "handlers")
    for path in (COLLECTION / "roles").glob(f"*/{part}/*.yml")
)
ROLE = re.compile(r"(?:include|import)_role:\s+name: (\S+)|- role: (\S+)")


def test_it_has_the_kits_version() -> None:
    assert collection_archive.version() == __version__
    assert f"{GALAXY['namespace']}.{GALAXY['name']}" == COLLECTION_NAME


def test_a_file_without_a_version_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "galaxy.yml").write_text("namespace: a\n")
    with pytest.raises(IntegrityError, match=r"galaxy\.yml has no version"):
        collection_archive.version(tmp_path)


def test_it_takes_each_ansible_core_of_the_kit() -> None:
    runtime = yaml.safe_load((COLLECTION / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    allowed = SpecifierSet(runtime["requires_ansible"])
    assert all(f"{core}.0" in allowed for core in (environments.OLD, environments.LOCKED))


def test_it_depends_on_the_collections_that_it_uses_as_the_kit_runs_them() -> None:
    known = {collection.name: collection.version for collection in collections.load().collections}
    text = "".join(path.read_text(encoding="utf-8") for path in TASKS)
    used = {name for name in known if f" {name}." in text}
    assert GALAXY["dependencies"] == {name: f">={known[name]}" for name in used}


@pytest.mark.parametrize("path", [*TASKS, *BOOKS], ids=lambda path: "-".join(path.parts[-3:]))
def test_roles_filters_and_modules_go_by_their_full_names(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for parts in ROLE.findall(text):
        name = "".join(parts).strip("\"'")
        assert name.startswith(f"{COLLECTION_NAME}."), name
    short = "|".join(FILTERS)
    assert not re.search(rf"\|\s*({short})\b", text)
    short = "|".join(MODULES)
    assert not re.search(rf"^\s+({short}):$", text, re.MULTILINE)


def test_a_short_name_would_be_found() -> None:
    assert ROLE.findall("include_role:\n        name: image\n")[0][0] == "image"
    assert ROLE.findall("    - role: image\n")[0][1] == "image"
    assert len([item for path in BOOKS for item in ROLE.findall(path.read_text())]) >= len(BOOKS)


def test_every_role_playbook_and_entry_point_is_in_the_readme() -> None:
    text = (COLLECTION / "README.md").read_text(encoding="utf-8")
    for role in ROLES:
        assert f"](roles/{role}/README.md)" in text
    for book in BOOKS:
        assert f"`{book.stem}`" in text, book


def test_no_page_leads_out_of_the_collection() -> None:
    for page in COLLECTION.rglob("*.md"):
        for link in links.links(page.read_text(encoding="utf-8")):
            if not links.OUTSIDE.match(link):
                target = (page.parent / link.partition("#")[0]).resolve()
                assert target.is_relative_to(COLLECTION.resolve()), f"{page}: {link}"


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 131070, 131071])
def test_what_is_stored_is_a_gzip_file(size: int) -> None:
    content = os.urandom(size)
    assert gzip.decompress(collection_archive.gzip_stored(content)) == content


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return collection_archive.build(tmp_path_factory.mktemp("archive"))


def test_the_same_files_make_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    """In another folder, written in another order, at another time, beside caches."""
    copy = tmp_path / "copy"
    for path in sorted(COLLECTION.rglob("*"), reverse=True):
        if path.is_file() and "__pycache__" not in path.parts:
            target = copy / path.relative_to(COLLECTION)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            os.utime(target, (1_000_000_000, 1_000_000_000))
    for cache in ("__pycache__/a.pyc", "roles/image/files/.ruff_cache/a", ".mypy_cache/a"):
        (copy / cache).parent.mkdir(parents=True, exist_ok=True)
        (copy / cache).write_text("x")
    (copy / "roles" / "empty" / "tasks").mkdir(parents=True)
    other = collection_archive.build(tmp_path / "out", copy)
    assert other.read_bytes() == archive.read_bytes()


def test_it_holds_what_boards_need_and_no_settings_of_linters(archive: Path) -> None:
    with tarfile.open(archive) as result:
        names = result.getnames()
    assert names[:2] == ["FILES.json", "MANIFEST.json"]
    program = COLLECTION / "roles" / "image" / "files" / "mediapipe_image"
    for path in (*program.glob("*.py"), COLLECTION / "LICENSE", COLLECTION / "README.md"):
        assert str(path.relative_to(COLLECTION)) in names
    assert not [name for name in names if "ruff" in name or "cache" in name]


def test_ansible_galaxy_installs_it_and_finds_every_file_right(archive: Path) -> None:
    collection_archive.verify(archive)


@pytest.mark.parametrize("damage", ["content", "list", "cut"])
def test_a_damaged_archive_is_refused(archive: Path, tmp_path: Path, damage: str) -> None:
    whole = gzip.decompress(archive.read_bytes())
    changed = {
        "content": whole.replace(b"mediapipe.service", b"mediapipe-service", 1),
        "list": whole.replace(b'"chksum_sha256": "', b'"chksum_sha256": "0', 1),
        "cut": whole[: len(whole) // 2],
    }[damage]
    assert changed != whole
    other = tmp_path / archive.name
    other.write_bytes(gzip.compress(changed))
    with pytest.raises(StepFailedError, match="ansible-galaxy collection install"):
        collection_archive.verify(other)


PLUGINS = [
    path
    for folder in ("modules", "callback")
    for path in sorted((COLLECTION / "plugins" / folder).glob("*.py"))
]


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.stem))
def test_documentation_stands_before_imports_as_ansible_test_wants_it(path: Path) -> None:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    lines = {
        type(node): node.lineno
        for node in body
        if isinstance(node, ast.Import)
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DOCUMENTATION")
    }
    assert lines[ast.Assign] < lines[ast.Import]


def test_what_ansible_test_ignores_is_there_and_has_its_reason() -> None:
    (listed,) = (COLLECTION / "tests" / "sanity").glob("ignore-*.txt")
    assert listed.stem == f"ignore-{environments.LOCKED}"
    for line in listed.read_text(encoding="utf-8").splitlines():
        path, _, rest = line.partition(" ")
        assert (COLLECTION / path).is_file(), line
        assert re.fullmatch(r"[a-z-]+:[a-z0-9-]+ # \S.*", rest), line


def test_no_task_names_a_folder_of_the_kit() -> None:
    for path in (*TASKS, *BOOKS):
        assert "jetson_kit/" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("owner", ["own", "another"])
def test_what_git_does_not_have_stays_out_of_the_archive(
    owner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "checkout"
    shutil.copytree(COLLECTION, source, ignore=shutil.ignore_patterns("__pycache__"))
    for arguments in (("init", "-q"), ("add", "-A")):
        subprocess.run(["git", *arguments], cwd=source, check=True)
    (source / "roles" / "image" / "secret.pem").write_text("a key")
    if owner == "another":
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with tarfile.open(collection_archive.build(tmp_path, source)) as archive:
        names = archive.getnames()
    assert "roles/image/README.md" in names
    assert not [name for name in names if "secret" in name or name.startswith(".git/")]
