"""The linters, and which files each of them reads."""

from __future__ import annotations

import sys
from pathlib import Path

from jetson_kit.core.paths import ROOT

SCRIPTS = (
    "inv",
    ".ci/run",
    "ansible/secret-become",
    "ansible/secret-vault",
    "jetson_kit/fleet/sites/join.sh",
    *(
        str(path.relative_to(ROOT))
        for folder in ("ci", "jetson_kit/virtual_devices", "jetson_kit/virtual_devices/stand_ins")
        for path in sorted((ROOT / folder).glob("*.sh"))
    ),
)
GITHUB = (
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / ".github/workflows").glob("*.yml"))),
    "ci/app/github.yml",
)
ACTIONS = ("ci/app/action.yml",)
WORKFLOWS = (
    ("github-workflows", GITHUB),
    ("github-actions", ACTIONS),
    ("gitlab-ci", ("ci/gitlab.yml", "ci/app/gitlab.yml")),
    ("azure-pipelines", ("ci/app/azure.yml",)),
    ("buildkite", ("ci/app/buildkite.yml",)),
    ("circle-ci", ("ci/app/circleci.yml",)),
)


def commands() -> list[list[str]]:
    """Return the command of each linter, and of each check of what is generated."""
    here = str(Path(sys.executable).parent)
    result = [
        [f"{here}/ruff", "check", "--quiet", "."],
        [f"{here}/ruff", "format", "--quiet", "--check", "."],
        [f"{here}/mypy"],
        [f"{here}/lint-imports", "--no-logo", "--no-cache"],
        [sys.executable, "-m", "jetson_kit.data_update.check"],
        [sys.executable, "-m", "jetson_kit.guides.check"],
    ]
    # Azure's schema has patterns that are none in JavaScript's mode of Unicode.
    schema_check = [f"{here}/check-jsonschema", "--quiet", "--regex-variant", "nonunicode"]
    result += [
        [*schema_check, "--builtin-schema", f"vendor.{schema}", *files]
        for schema, files in WORKFLOWS
    ]
    # PyPI has these for x86_64 alone. zizmor: actions without a commit, rights and secrets at
    # large, words of strangers in lines of a shell.
    tools = (
        ("shellcheck", SCRIPTS),
        ("hadolint", ("docker/Dockerfile",)),
        ("zizmor", ("--offline", "--no-progress", "--quiet", *GITHUB, *ACTIONS)),
    )
    for tool, arguments in tools:
        if Path(here, tool).exists():
            result.append([f"{here}/{tool}", *arguments])
    return result
