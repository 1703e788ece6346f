"""The steps of each system's template of CI, and the shell that it runs them in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from jetson_kit.app_testing import scaffold


def template(name: str) -> dict[str, Any]:
    path, _ = scaffold.CI[name]
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def github() -> tuple[list[str], list[str]]:
    steps = template("github")["jobs"]["image"]["steps"]
    artifacts = [step["with"]["path"] for step in steps if "upload" in step.get("uses", "")]
    return [step["run"] for step in steps if "run" in step], artifacts


def azure() -> tuple[list[str], list[str]]:
    (job,) = template("azure")["jobs"]
    scripts = [step for step in job["steps"] if "bash" in step]
    assert {step["workingDirectory"] for step in scripts} == {"$(Pipeline.Workspace)"}
    artifacts = [Path(step["publish"]).name for step in job["steps"] if "publish" in step]
    return [step["bash"] for step in scripts], artifacts


def circleci() -> tuple[list[str], list[str]]:
    steps = template("circleci")["jobs"]["image"]["steps"]
    artifacts = [step["store_artifacts"]["path"] for step in steps if "store_artifacts" in step]
    return [step["run"]["command"] for step in steps if "run" in step], artifacts


def jenkins() -> tuple[list[str], list[str]]:
    text = scaffold.CI["jenkins"][0].read_text(encoding="utf-8")
    artifacts = re.findall(r"(\w+)/\*\*", text)
    scripts = re.findall(r"\bsh \'\'\'(.*?)\'\'\'", text, re.DOTALL)
    # Groovy would read a backslash before the shell does, and `sh` has one form here.
    assert len(scripts) == text.count("sh '")
    assert not any("\\" in script for script in scripts)
    return scripts, artifacts


def gitlab() -> tuple[list[str], list[str]]:
    job = template("gitlab")["app"]
    return ["\n".join(job["script"])], job["artifacts"]["paths"]


def buildkite() -> tuple[list[str], list[str]]:
    (step,) = template("buildkite")["steps"]
    lines = "\n".join(step["commands"])
    # Its upload puts in the value of what has one dollar, and leaves one of two.
    assert "$" not in lines.replace("$$", "")
    return [lines.replace("$$", "$")], [path.split("/")[0] for path in step["artifact_paths"]]


# Systems that check out into a folder of our choice: each step is a shell of its own.
BESIDE = {"github": github, "azure": azure, "circleci": circleci, "jenkins": jenkins}
# Systems that start in the checkout, with the names of its folder and of the project.
INSIDE = {
    "gitlab": (gitlab, "CI_PROJECT_DIR", "CI_PROJECT_NAME"),
    "buildkite": (buildkite, "BUILDKITE_BUILD_CHECKOUT_PATH", "BUILDKITE_PIPELINE_SLUG"),
}
SHELL = {"jenkins": ("sh", "-xe", "-c"), "azure": ("bash", "--noprofile", "--norc", "-c")}
BASH = ("bash", "-e", "-o", "pipefail", "-c")
