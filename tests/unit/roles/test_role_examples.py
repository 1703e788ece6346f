"""The examples in the collection's pages: Ansible reads them, and their variables exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from jetson_kit.ansible_driver import ansible, environments
from jetson_kit.core.paths import COLLECTION, COLLECTION_NAME
from jetson_kit.core.run import run

PAGES = (COLLECTION / "README.md", *sorted(COLLECTION.glob("roles/*/README.md")))
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(page: Path) -> list[str]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.parent.name)
def test_an_example_gives_variables_that_its_roles_have(page: Path) -> None:
    assert examples(page)
    for text in examples(page):
        for play in yaml.safe_load(text):
            for row in play.get("roles", ()):
                name = row if isinstance(row, str) else row["role"]
                role = COLLECTION / "roles" / name.removeprefix(f"{COLLECTION_NAME}.")
                specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())
                given: dict[str, Any] = {} if isinstance(row, str) else row.get("vars", {})
                assert set(given) <= set(specs["argument_specs"]["main"]["options"])
    if page.parent != COLLECTION:
        assert f"- role: {COLLECTION_NAME}.{page.parent.name}" in examples(page)[0]


@pytest.mark.network
@pytest.mark.parametrize("core", [environments.LOCKED, environments.OLD])
def test_ansible_reads_every_example(tmp_path: Path, core: str) -> None:
    books = []
    for page in PAGES:
        for number, text in enumerate(examples(page)):
            books.append(tmp_path / f"{page.parent.name}-{number}.yml")
            books[-1].write_text(text)
    program = environments.get(core).program("ansible-playbook")
    command: list[str | Path] = [program, "--syntax-check", "-i", "jetsons,", *books]
    run(command, what="ansible-playbook", env=ansible.environment(), cwd=tmp_path)


@pytest.mark.network
@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("engines", "missing required arguments: engines_program, engines_sources"),
        ("image:fetch", "missing required arguments: image_release"),
        ("image:switch", "missing required arguments: image_id"),
    ],
)
@pytest.mark.parametrize("core", [environments.LOCKED, environments.OLD])
def test_a_missing_argument_is_named(tmp_path: Path, role: str, expected: str, core: str) -> None:
    name, _, entry = role.partition(":")
    task = {"name": f"{COLLECTION_NAME}.{name}", "tasks_from": entry or "main"}
    book, hosts = tmp_path / "play.yml", tmp_path / "hosts.yml"
    play = {"hosts": "all", "gather_facts": False}
    tasks = [{"name": "Run", "ansible.builtin.include_role": task}]
    book.write_text(yaml.safe_dump([{**play, "tasks": tasks}]))
    facts = {"ansible_connection": "local", "ansible_python_interpreter": environments.old_python()}
    hosts.write_text(yaml.safe_dump({"all": {"hosts": {"a": facts}}}))
    result, _ = ansible._run(ansible.Job(str(book), hosts), environments.get(core), ["a"], None, ())
    assert expected in " ".join(result["a"].messages)
