"""Values of the roles' variables that reach a unit, a file or a command line: which are refused."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from jetson_kit.ansible_driver import ansible, environments
from jetson_kit.ansible_driver.inventory_files import InventoryError
from jetson_kit.core.paths import COLLECTION
from jetson_kit.fleet import check
from jetson_kit.service import role_values

ROLES = sorted(path for path in (COLLECTION / "roles").iterdir() if path.is_dir())
TABLE = json.loads(role_values.PLUGIN.with_name("allowed.json").read_text())
# Beside daemon.json's own settings, which dockerd itself judges.
FREE = {"docker_engine_daemon"}


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def defaults(role: str) -> dict[str, Any]:
    result: dict[str, Any] = read(COLLECTION / "roles" / role / "defaults" / "main.yml")
    return result


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_every_text_has_a_row_and_every_role_looks_at_them(role: Path) -> None:
    specs = read(role / "meta" / "argument_specs.yml")["argument_specs"]
    rows = {re.split(r"[.\[{]", row)[0] for row in TABLE["variables"]}
    for spec in specs.values():
        for name, option in spec["options"].items():
            if option["type"] != "bool" and "choices" not in option:
                assert name in rows | FREE, name
    assert (
        f"mediapipe_jetson.kit.refused_values('{role.name}')"
        in (role / "tasks" / "preflight.yml").read_text()
    )
    assert role_values.faults(defaults(role.name)) == []


def test_every_kind_is_used_and_says_what_is_allowed() -> None:
    used = {kind.rstrip("?") for kind in TABLE["variables"].values()}
    assert used == set(TABLE["kinds"])
    for kind in TABLE["kinds"].values():
        assert kind["words"]
        for pattern in (kind.get("pattern", ""), *kind.get("refused", ())):
            re.compile(pattern)


WRONG: list[tuple[str, Any]] = [
    ("service_container.user", "0:0"),
    ("service_container.user", "0"),
    ("service_container.user", "root"),
    ("service_container.user", "10001:0"),
    ("service_container.user", "00:10001"),
    ("service_container.user", "10001"),
    ("service_container.user", "4294967296:4294967296"),
    ("service_container.user", 0),
    ("service_container.name", "--privileged"),
    ("service_container.name", "a b"),
    ("service_container.name", "a\n"),
    ("service_container.network", "none --privileged"),
    ("service_container.memory", "3g --cap-add=ALL"),
    ("service_container.memory", "0"),
    ("service_container.pids_limit", -1),
    ("service_container.pids_limit", True),
    ("service_container.init", "yes"),
    ("service_container.command", ["sleep", "infinity\nExecStart=/bin/sh"]),
    ("service_container.command", "sleep infinity"),
    ("service_container.cap_drop", ["ALL --cap-add=ALL"]),
    ("service_container.security_opt", ["seccomp=unconfined"]),
    ("service_container.security_opt", ["no-new-privileges=false"]),
    ("service_container.privileged", True),
    ("service_tmpfs", {"/tmp:exec --x": "size=1m"}),
    ("service_tmpfs", {"/tmp": "size=1m --x"}),
    ("service_reports.source", "/"),
    ("service_reports.source", "/etc"),
    ("service_reports.source", "/etc/mediapipe"),
    ("service_reports.source", "/var/lib"),
    ("service_reports.source", "/var/lib/mediapipe-jetson"),
    ("service_reports.source", "/var/lib/docker/x"),
    ("service_reports.source", "/var/lib/a/../../../etc"),
    ("service_reports.source", "/var/lib/a,readonly=false"),
    ("service_reports.target", "reports"),
    ("service_reports.owner", 0),
    ("service_reports.mode", "4755"),
    ("service_reports.file", "../x"),
    ("service_environment", {"A": "b\nExecStartPre=/bin/sh -c x"}),
    ("service_environment", {"A": "b\rc"}),
    ("service_environment", {"A": "b\u2028c"}),
    ("service_environment", {"A B": "c"}),
    ("service_environment", {"A=B": "c"}),
    ("service_environment", {"A": ["b"]}),
    ("service_environment", "A=b"),
    ("service_nvidia.runtime", "nvidia --privileged"),
    ("service_nvidia.environment", {"A": "b\nLD_PRELOAD=/x"}),
    ("service_device_nodes", ["/etc/shadow"]),
    ("service_device_nodes", ["/dev/../etc/*"]),
    ("service_extra_options", ["--privileged"]),
    ("service_extra_options", ["--privileged=true"]),
    ("service_extra_options", ["--user=0"]),
    ("service_extra_options", ["--user", "0"]),
    ("service_extra_options", ["-u0"]),
    ("service_extra_options", ["-itd"]),
    ("service_extra_options", ["--cap-add=SYS_ADMIN"]),
    ("service_extra_options", ["--security-opt=seccomp=unconfined"]),
    ("service_extra_options", ["--security-opt", "apparmor=unconfined"]),
    ("service_extra_options", ["--pid=host"]),
    ("service_extra_options", ["--read-only=false"]),
    ("service_extra_options", ["--volume=/:/host"]),
    ("service_extra_options", ["--volume", "/etc:/host"]),
    ("service_extra_options", ["-v", "/var/run/docker.sock:/s"]),
    ("service_extra_options", ["--mount=type=bind,source=/,target=/h"]),
    ("service_extra_options", ["--env=A=b\nc"]),
    ("service_healthy_limit_s", 0),
    ("service_healthy_limit_s", "nan"),
    ("service_trial_boots", -1),
    ("image_repository", "--privileged x"),
    ("image_repository", "Name"),
    ("image_repository", "a:latest"),
    ("image_repository", ""),
    ("image_packages", ["rsync --allow-unauthenticated"]),
    ("image_packages", ["-o=x"]),
    ("image_reference", "--help"),
    ("image_reference", "registry/name:latest"),
    ("image_layers", "host:/etc"),
    ("image_layers", "-e sh"),
    ("image_registry_user", "a:b"),
    ("image_registry_password", "a\nb"),
    ("image_registry_ca", "/etc/shadow"),
    ("image_keep", 0),
    ("image_retries", "many"),
    ("image_why", "a\nb"),
    ("image_allowed_signers", "a\x00b"),
    ("docker_engine_version", "28.5.2 x"),
    ("docker_engine_versions", {"22.04": "$(id)"}),
    ("docker_engine_packages", ["a;b"]),
    ("docker_engine_repository", "https://x y"),
    ("docker_engine_repository", "file:///etc"),
    ("docker_engine_repository_key_sha256", "12"),
    ("nvidia_runtime_version", "-1"),
    ("power_mode_name", "MAXN\n15W"),
    ("verify_container", "--help"),
    ("verify_reports", "/var/lib/a b"),
    ("verify_file", "a/b"),
    ("verify_tasks", ["--x"]),
    ("verify_timeout", -5),
    ("engines_folder", "/"),
    ("engines_keys", {"a": "-oX"}),
    ("jetson_facts_places", ["a"]),
    ("mediapipe_reports", "/a\nb"),
]
RIGHT: list[tuple[str, Any]] = [
    ("service_container.user", "1000:44"),
    ("service_container.command", ["python3", "-c", "print('a $b %c \"d\" \\\\')", ""][:3]),
    ("service_container.network", "host"),
    ("service_container.memory", "512m"),
    ("service_container.security_opt", ["no-new-privileges", "seccomp=/etc/m/seccomp.json"]),
    ("service_reports.source", "/data/reports"),
    ("service_reports.source", "/home/jetson/reports"),
    ("service_environment", {"A": "", "B_1": "x y 'z' {image}", "C": 5, "D": "ä"}),
    ("service_environment", {}),
    ("service_extra_options", ["--volume=/run/mediapipe-jetson:/run/mediapipe-jetson"]),
    ("service_extra_options", ["--device", "/dev/video0", "-v", "/data/models:/models:ro"]),
    ("service_extra_options", ["--env=A=b c", "--publish=8080:80", "--group-add=video"]),
    ("image_repository", "registry.example:5000/team/mediapipe-jetson"),
    ("image_reference", "registry.example:5000/team/a@sha256:" + "a" * 64),
    ("image_layers", "/home/me/.cache/kit/unpacked layers"),
    ("image_registry_password", "a b'c\"$"),
    ("docker_engine_repository", ""),
    ("docker_engine_version", "5:28.5.2-1~ubuntu.22.04~jammy"),
    ("power_mode_name", "MAXN SUPER"),
    ("jetson_facts_places", ["/", "/var/lib"]),
]  # fmt: skip


def changed(name: str, value: Any) -> dict[str, Any]:
    """Return a variable with its default, but for one value."""
    variable, _, key = name.partition(".")
    if not key:
        return {variable: value}
    role = next(path.name for path in ROLES if variable.startswith(f"{path.name}_"))
    result = copy.deepcopy(defaults(role)[variable])
    result[key] = value
    return {variable: result}


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda item: repr(item)[:50])
def test_refused(name: str, value: Any) -> None:
    lines = role_values.faults(changed(name, value))
    assert lines
    for line in lines:
        assert line.startswith(name.partition(".")[0])
        assert re.search(r"; (write|it has) ?", line), line
        assert line.isprintable()
        assert "a\\nb" not in line or "password" not in name


@pytest.mark.parametrize(("name", "value"), RIGHT, ids=lambda item: repr(item)[:50])
def test_allowed(name: str, value: Any) -> None:
    assert role_values.faults(changed(name, value)) == []


def test_a_field_that_is_missing() -> None:
    own = copy.deepcopy(defaults("service")["service_container"])
    del own["user"]
    assert any("service_container.user is missing" in fault
               for fault in role_values.faults({"service_container": own}))  # fmt: skip


@pytest.mark.slow
def test_an_inventory_with_them_touches_no_board(tmp_path: Path) -> None:
    hosts = {"a": changed("service_container.user", "{{ 0 }}:{{ 0 }}"), "b": {"image_keep": "x"}}
    path = tmp_path / "hosts.yml"
    path.write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    with pytest.raises(InventoryError) as caught:
        check.check(path)
    lines = list(caught.value.lines())
    assert 'a: service_container.user is "0:0"; write UID:GID in numbers' in lines[0]
    assert 'b: image_keep is "x"; write a count from 1 to 1000' in lines[1]


PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: Look
      ansible.builtin.include_role: {name: mediapipe_jetson.kit.ROLE, tasks_from: preflight}
"""


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("core", [environments.LOCKED, environments.OLD])
def test_the_role_refuses_them_by_itself(tmp_path: Path, core: str) -> None:
    """Both ansible-cores, with the values that a play gives it and no inventory has."""
    book, hosts = tmp_path / "play.yml", tmp_path / "hosts.yml"
    book.write_text(PLAY.replace("ROLE", "service"))
    facts = {"ansible_connection": "local", "ansible_python_interpreter": environments.old_python()}
    hosts.write_text(yaml.safe_dump({"all": {"hosts": {"a": facts}}}))
    variables = changed("service_container.user", "0:0") | {"service_environment": {"A": "b\nc"}}
    job = ansible.Job(str(book), hosts, variables=variables)
    result, _ = ansible._run(job, environments.get(core), ["a"], None, ())
    message = " ".join(result["a"].messages)
    assert 'service_container.user is "0:0"; write UID:GID in numbers' in message
    assert 'service_environment.A is "b\\nc"; write one line without control characters' in message
