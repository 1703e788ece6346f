"""Arguments of AWX's modules, by documentation that is small and known."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from jetson_kit.ansible_driver import awx_check, collections
from jetson_kit.core import paths

NODE = {"identifier": {"type": "str", "required": True}, "timeout": {"type": "int"}}
DOCS = {
    "awx.awx.thing": {
        "doc": {
            "options": {
                "name": {"type": "str", "required": True},
                "pull": {"type": "str", "choices": ["always", "missing"]},
                "enabled": {"type": "bool", "aliases": ["on_it"]},
                "nodes": {"type": "list", "suboptions": NODE},
            }
        }
    }
}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"name": "a"}, []),
        ({"name": "a", "pull": "missing", "enabled": False}, []),
        ({"name": "{{ item.name }}", "enabled": "{{ item.on }}"}, []),
        ({"name": "a", "on_it": True}, []),
        ({"pull": "missing"}, ["lacks name"]),
        ({"name": "a", "nmae": "b"}, ["has no option nmae"]),
        ({"name": "a", "pull": "never"}, ["pull is 'never', not one of"]),
        ({"name": "a", "enabled": "yes"}, ["enabled is 'yes', not bool"]),
        ({"name": True}, ["name is True, not str"]),
        ({"name": "a", "nodes": [{"identifier": "x", "timeout": 5}]}, []),
        ({"name": "a", "nodes": [{"timeout": "5"}]}, ["timeout is '5', not int", "lacks identi"]),
    ],
)
def test_what_no_module_takes_is_named(given: dict[str, Any], expected: list[str]) -> None:
    faults = list(awx_check.wrong([{"name": "A task", "awx.awx.thing": given}], DOCS))
    assert len(faults) == len(expected)
    assert all(text in fault for text, fault in zip(expected, faults, strict=True))


def test_job_templates_name_playbooks_that_are_there() -> None:
    objects = yaml.safe_load((awx_check.HOME / "objects.yml").read_text("utf-8"))
    playbooks = [row["playbook"] for row in objects["kit_awx_job_templates"]]
    assert playbooks
    assert all((paths.ROOT / name).is_file() for name in playbooks)
    configure = (awx_check.HOME / "configure.yml").read_text("utf-8")
    names = {row["name"] for row in objects["kit_awx_job_templates"]}
    nodes = yaml.safe_load(configure)[0]["tasks"][-1]["awx.awx.workflow_job_template"]
    used = {
        node["unified_job_template"]["name"] for node in nodes["workflow_nodes"]
        if node["unified_job_template"]["type"] == "job_template"
    }  # fmt: skip
    assert used <= names


def test_the_environment_has_the_versions_that_the_kit_runs_with() -> None:
    body = yaml.safe_load((awx_check.HOME / awx_check.DEFINITION).read_text("utf-8"))
    core = body["dependencies"]["ansible_core"]["package_pip"]
    assert core in (paths.ROOT / "requirements" / "host.txt").read_text("utf-8")
    pinned = {item.name: item.version for item in collections.load().collections}
    rows = [row for row in body["dependencies"]["galaxy"]["collections"] if "version" in row]
    assert rows
    assert all(pinned[row["name"]] == row["version"] for row in rows)
