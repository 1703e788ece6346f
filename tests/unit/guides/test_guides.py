"""The checks of docs/: links and anchors, commands of both READMEs, variables, generated pages."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.paths import ROOT
from jetson_kit.guides import causes, check, environment, links, named_tests, programs


def test_the_docs_are_in_order() -> None:
    done = subprocess.run(
        [sys.executable, "-m", check.__name__],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("docs/there.md", ""),
        ("docs/there.md#a-heading-with-code-and-a-link", ""),
        ("docs/there.md#twice-1", ""),
        ("#own", ""),
        ("https://example.org/nothing.md#there", ""),
        ("<docs/there.md>", ""),
        ("docs", ""),
        ("docs/gone.md", "docs/gone.md is not there"),
        ("docs/there.md#gone", "docs/there.md#gone: no such heading"),
        ("docs/there.md#not-a-heading", "docs/there.md#not-a-heading: no such heading"),
        ("docs/there.md#twice-2", "docs/there.md#twice-2: no such heading"),
        ("#gone", "#gone: no such heading"),
        ("../outside.md", "../outside.md leads out of the project"),
        ("/docs/there.md", "/docs/there.md leads out of the project"),
    ],
)
def test_a_link(tmp_path: Path, link: str, problem: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "there.md").write_text(
        "# A heading with `code` and a [link](there.md)\n\n## Twice\n\n## Twice\n"
        "```sh\n# not a heading\n```\n"
    )
    (tmp_path / "README.md").write_text(
        f"# Own\n\n[text]({link}) `[code](gone.md)`\n\n```\n[code](gone.md)\n```\n"
    )
    assert links.problems(tmp_path) == ([f"README.md: {problem}"] if problem else [])


def test_a_page_that_nothing_lists(tmp_path: Path) -> None:
    (tmp_path / "docs" / "contributing").mkdir(parents=True)
    for name in ("a", "b", "contributing/c", "contributing/d"):
        (tmp_path / "docs" / f"{name}.md").write_text("# Page\n")
    (tmp_path / "docs" / "index.md").write_text("[a](a.md#page)\n")
    (tmp_path / "CONTRIBUTING.md").write_text("[c](docs/contributing/c.md)\n")
    assert [line.partition(":")[0] for line in links.unlisted(tmp_path)] == [
        "docs/b.md",
        "docs/contributing/d.md",
    ]


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("test_it_holds", True),
        ("test_it_holds_in_a_class", True),
        ("test_a.py", True),
        ("tests/unit/test_a.py", True),
        ("tests/unit/test_a.py::test_it_holds", True),
        ("tests/unit", True),
        ("test_it_fails", False),
        ("test_b.py", False),
        ("tests/test_a.py", False),
        ("tests/unit/test_a.py::test_it_fails", False),
    ],
)
def test_a_test_that_a_page_names(tmp_path: Path, name: str, there: bool) -> None:
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    (tmp_path / "tests" / "unit" / "test_a.py").write_text(
        "def test_it_holds():\n    pass\n\n\nclass Test:\n    def test_it_holds_in_a_class(self):\n"
        "        pass\n"
    )
    (tmp_path / "README.md").write_text(f"# Page\n\nShown by `{name}`.\n")
    problem = f"README.md: there is no test {name}"
    assert named_tests.problems(tmp_path) == ([] if there else [problem])


def test_commands_of_a_page() -> None:
    text = (
        "```sh\n./inv build   # why\n\n# a comment\ndocker run \\\n  image\n```\n"
        "```python\nprint()\n```\n```console\n$ ./inv test\nline of output\n```\n"
    )
    result = ["./inv build", "docker run image", "$ ./inv test", "line of output"]
    assert check.commands(text) == result


@pytest.mark.parametrize(
    ("file", "text", "name"),
    [
        ("jetson_kit/a.py", 'NAME = "KIT_NEW"', "KIT_NEW"),
        ("jetson_kit/a.py", 'os.environ.get("OTHER")', "OTHER"),
        ("bench/a.py", 'os.environ["OTHER"]', "OTHER"),
        ("ci/a.sh", "echo ${KIT_NEW:-}", "KIT_NEW"),
        ("wheels/mediapipe-jetson/native/a.c", 'getenv("OTHER")', "OTHER"),
    ],
)
def test_a_variable_that_no_row_names(tmp_path: Path, file: str, text: str, name: str) -> None:
    places = tmp_path / "jetson_kit" / "core" / "paths.py"
    places.parent.mkdir(parents=True)
    places.write_text("")
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    problems = environment.problems(tmp_path)
    assert f"{file}: environment.toml lacks {name}" in problems
    assert "environment.toml: nothing reads KIT_DEBUG" in problems


def test_the_causes_need_their_place() -> None:
    with pytest.raises(IntegrityError, match="lacks"):
        causes.page("# A page\n")
    page = causes.page(f"before\n{causes.START}old\n{causes.END}after\n")
    assert page.startswith(f"before\n{causes.START}| cause | why | cure |\n")
    assert page.endswith(f"{causes.END}after\n")
    assert "old\n" not in page
    assert "{" not in page


def test_every_option_of_the_devices_programs_is_explained() -> None:
    page = programs.page()
    for command in ("selftest", "engines build", "healthcheck", "switch", "poll"):
        assert f"### `{command}`\n\n" in page
    assert "| `--level quick\\|full\\|soak` |" in page
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert not [row for row in rows if row.endswith("|  |")]
    headings = [part.partition("\n\n")[2] for part in page.split("\n### ")[1:]]
    assert not [about for about in headings if not about.strip() or about.startswith("|")]


def test_each_example_is_one_command_that_stands_there_once() -> None:
    text = (ROOT / "docs/reference.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^### `(\./inv \S+)`.*?^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 50
    for task, block in blocks:
        lines = block.splitlines()
        assert len(lines) == len(set(lines)), task
        for line in lines:
            assert shlex.split(line)[0] == "./inv", task
            assert ";" not in line, task
