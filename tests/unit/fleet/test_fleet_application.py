"""An application that no board would run is refused before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit.ansible_driver.inventory_files import InventoryError
from jetson_kit.app import service, settings
from jetson_kit.app.service import FILE, GROUP, PLACE
from jetson_kit.build import plan, view
from jetson_kit.build.request import Request
from jetson_kit.fleet import check
from jetson_kit.fleet.release.release import Release
from tests.fleet.small_release import build
from tests.support.here import needs_parts
from tests.unit.fleet.release_keys import task

pytestmark = [pytest.mark.slow, needs_parts("ssh-keygen")]
HOSTS = """\
all:
  hosts: {one: {ansible_host: 192.0.2.1}, two: {ansible_host: 192.0.2.2}}
  children: {doors: {hosts: {one: }}}
"""
REFUSED = "would run sleep infinity, the default of service_container, and not the application door"
# With another command than that of service.yml, which is none.
OWN = "OWN %s"


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    """Return the release of an application, with the file that its build writes."""
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    result = build(tmp_path / "dist", "1", bulk=1000, runnable=False, application="door")
    (result.folder / FILE).write_text(service.variables_file(application(tmp_path)))
    assert result.application == "door"
    return result


def application(folder: Path) -> settings.App:
    place = folder / "door"
    place.mkdir(exist_ok=True)
    (place / "app.py").touch()
    return settings.load(place)


def site(folder: Path, files: dict[str, str]) -> Path:
    for name, text in {"hosts.yml": HOSTS, **files}.items():
        path = folder / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "site" / "hosts.yml"


def faults(inventory: Path, release: Release) -> list[str]:
    try:
        check.check(inventory, release=check.needs(release))
    except InventoryError as error:
        return list(error.lines()[:-1])
    return []


@pytest.mark.parametrize(
    ("files", "where"),
    [
        ({}, "two, one"),
        ({f"group_vars/{FILE}": "FILE"}, "two, one"),
        ({PLACE: "FILE"}, ""),
        ({"group_vars/all.yml": "FILE"}, ""),
        ({"group_vars/doors/service.yml": "FILE"}, "two"),
        ({"group_vars/doors.yml": "FILE", "host_vars/two.yml": "FILE"}, ""),
        ({PLACE: OWN % '["sleep", "infinity"]'}, "two, one"),
        ({PLACE: OWN % '["sleep", "{{ \\"infinity\\" }}"]'}, "two, one"),
        ({PLACE: OWN % '["python3", "main.py"]'}, ""),
        ({PLACE: "service_container: '{{ ansible_facts.x }}'\n"}, ""),
    ],
)
def test_boards_that_would_not_run_it_are_named(
    tmp_path: Path, release: Release, files: dict[str, str], where: str
) -> None:
    file = (release.folder / FILE).read_text()
    own = {name: text.partition("OWN ")[2] for name, text in files.items() if "OWN " in text}
    contents = {name: text.replace("FILE", file) for name, text in files.items()}
    changed = {name: file.replace('"command": []', f'"command": {it}') for name, it in own.items()}
    inventory = site(tmp_path, contents | changed)
    result = faults(inventory, release)
    assert len(result) == bool(where), result
    for line in result:
        assert line.startswith(f"error: {where}: {REFUSED}; ")
        assert f"copy {release.folder / FILE} to {PLACE} beside {inventory}" in line
        assert line.endswith(f"(for one group: {GROUP}), then ./inv fleet.provision")


def test_what_is_there_is_moved_where_ansible_reads_both(tmp_path: Path, release: Release) -> None:
    inventory = site(tmp_path, {"group_vars/all.yml": "mediapipe_expect: gpu\n"})
    (line,) = faults(inventory, release)
    assert "; move group_vars/all.yml into the folder group_vars/all, copy " in line
    file = (release.folder / FILE).read_text()
    site(tmp_path, {PLACE: file})
    (line,) = faults(inventory, release)
    assert line.startswith("error: group_vars/all.yml: Ansible does not read it: ")
    (tmp_path / "site/group_vars/all.yml").rename(tmp_path / "site/group_vars/all/all.yml")
    assert faults(inventory, release) == []


def test_an_image_without_an_application_idles(tmp_path: Path, release: Release) -> None:
    plain = build(tmp_path / "plain", "2", bulk=1000, runnable=False)
    assert plain.application == ""
    assert faults(site(tmp_path, {}), plain) == []


@pytest.mark.parametrize("more", [("--plan",), ()])
def test_the_rollout_refuses_before_it_begins(
    tmp_path: Path, release: Release, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    done = task("rollout", str(release.folder), "-i", str(site(tmp_path, {})), *more)
    assert (done.returncode, done.stdout) == (2, "")
    assert REFUSED in done.stderr
    assert done.stderr.splitlines()[-1].endswith("no host was touched")


def test_the_build_names_the_same_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    app = application(tmp_path)
    request = Request(jetson=True, app=app, output=str(tmp_path / "out"))
    rows = dict(view.application_rows(plan.make(request)))
    file = tmp_path / "out" / FILE
    assert rows["fleet"] == f"copy {file} to {PLACE} beside the inventory; to {GROUP} for one group"
    assert PLACE in service.variables_file(app).splitlines()[0]


def test_an_image_for_this_machine_names_no_files_of_boards(tmp_path: Path) -> None:
    request = Request(jetson=False, app=application(tmp_path), output=str(tmp_path / "out"))
    assert {"compose", "fleet"}.isdisjoint(dict(view.application_rows(plan.make(request))))
