"""What docker buildx bake's files say of Dockerfiles: arguments, contexts, platforms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.doctor_scenes import judged, lines

R32, R36 = "nvcr.io/nvidia/l4t-base:r32.7.1", "nvcr.io/nvidia/l4t-jetpack:r36.4.0"
ARGS = f'args = {{ BASE = "{R32}" }}'
DOCKERFILE = f"ARG BASE={R36}\nFROM ${{BASE}}\nRUN pip install mediapipe==1.2.2\n"
PARTS = """\
variable "L4T" {
  default = "r32.7.1"
}
variable "REGISTRY" { default = "nvcr.io/nvidia" }
/* what all
   have */
target "_common" {
  context = "."
  args = {
    NOTHING = upper("a"), BASE = "${REGISTRY}/l4t-base:${L4T}"
  }
}
"""
BAKED = {
    "plain": {"docker-bake.hcl": f'target "a" {{\n  args = {{ BASE = "{R32}" }}\n}}\n'},
    "quoted names": {
        "docker-bake.hcl": f'target "a" {{\n  args = {{\n  "BASE": "{R32}",\n }}\n}}\n',
    },
    "inherited": {
        "docker-bake.hcl": PARTS
        + 'target "a" {\n  inherits = ["_common"]\n  tags = ["x:${L4T}"] # }\n}\n'
    },
    "a folder": {
        "Dockerfile": "FROM python:3.11\n",
        "docker/Dockerfile.l4t": DOCKERFILE,
        "docker-bake.hcl": PARTS
        + 'target "a" {\n  inherits = ["_common"]\n  dockerfile = "docker/Dockerfile.l4t"\n}\n',
    },
    "below": {"deploy/docker-bake.hcl": f'target "a" {{\n  context = ".."\n  {ARGS}\n}}\n'},
    "a matrix": {
        "docker-bake.hcl": 'target "a" {\n  matrix = {\n l4t = ["r32.7.1"]\n'
        '  item = [{ n = "l4t-base" }] }\n'
        '  name = "a-${l4t}"\n  args = { BASE = "nvcr.io/nvidia/${item.n}:${l4t}" }\n}\n'
    },
    "another name": {"images.hcl": f'target "a" {{\n  args = {{ BASE = "{R32}" }}\n}}\n'},
    "json": {
        "docker-bake.json": json.dumps(
            {
                "variable": {"L4T": {"default": "r32.7.1"}},
                "target": {"a": {"args": {"BASE": "nvcr.io/nvidia/l4t-base:${L4T}"}}},
            }
        )
    },
    "in it": {
        "Dockerfile": "FROM python:3.11\n",
        "docker-bake.hcl": f'target "a" {{\n  dockerfile-inline = <<EOT\nFROM {R32}\nEOT\n}}\n',
    },
    "for boards alone": {
        "docker-bake.hcl": f'target "a" {{\n  platforms = ["linux/arm64"]\n  {ARGS}\n}}\n'
        f'target "b" {{\n  platforms = ["linux/amd64"]\n  args = {{ BASE = "{R36}" }}\n}}\n'
    },
}


@pytest.mark.parametrize("kind", BAKED)
def test_arguments_of_a_target_count_for_more_than_defaults(tmp_path: Path, kind: str) -> None:
    here = judged(tmp_path, {"Dockerfile": DOCKERFILE, **BAKED[kind]}, device="orin")
    answer = here["image-for-another-l4t"]
    assert answer.result.status == "bad", lines(answer)
    assert f"{R32} is for L4T 32.7.1" in lines(answer)
    assert "not read" not in lines(answer)


@pytest.mark.parametrize(
    "text",
    [
        'target "a" {\n  args = { BASE = BASE }\n}\n',
        'variable "V" {}\ntarget "a" {\n  args = { BASE = "x:${V}" }\n}\n',
        'target "a" {\n  args = { BASE = V != "" ? "a:1" : "b:2" }\n}\n',
        f'target "a" {{\n  dockerfile = "Other"\n  args = {{ BASE = "{R32}" }}\n}}\n',
        f'target "a" {{\n  context = "https://example.org/x.git"\n  {ARGS}\n}}\n',
        f'target "a" {{\n  inherits = ["a"]\n  args = {{ OTHER = "{R32}" }}\n}}\n',
    ],
)
def test_arguments_that_are_not_told_leave_the_default(tmp_path: Path, text: str) -> None:
    files = {"Dockerfile": DOCKERFILE, "docker-bake.hcl": text}
    answer = judged(tmp_path, files, device="orin")["image-for-another-l4t"]
    assert answer.result.status != "bad", lines(answer)


def test_targets_for_other_machines_alone_are_no_image_for_a_board(tmp_path: Path) -> None:
    text = 'target "a" {\n  tags = ["x"]\n  platforms = ["linux/amd64"]\n}\n'
    files = {"Dockerfile": DOCKERFILE, "docker-bake.hcl": text}
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert answer.result.status == "bad"
    assert "docker-bake.hcl:3" in answer.cure
    assert "target a is taken for linux/amd64" in lines(answer)


@pytest.mark.parametrize(
    "platforms", ['["linux/amd64", "linux/arm64"]', '["linux/arm64/v8"]', "[PLATFORM]", "[]"]
)
def test_targets_for_boards_too_are_right(tmp_path: Path, platforms: str) -> None:
    text = f'target "a" {{\n  platforms = {platforms}\n}}\n'
    files = {"Dockerfile": DOCKERFILE, "docker-bake.hcl": text}
    assert judged(tmp_path, files, device="orin")["project-python"].result.status == "ok"


def test_a_dockerfile_for_other_machines_is_none_of_a_boards(tmp_path: Path) -> None:
    text = 'target "pc" {\n  dockerfile = "pc/Dockerfile"\n  platforms = ["linux/amd64"]\n}\n'
    text += 'target "board" {\n  platforms = ["linux/arm64"]\n}\n'
    old = "FROM python:3.8\nRUN pip install mediapipe==0.10.9\n"
    files = {"Dockerfile": DOCKERFILE, "pc/Dockerfile": old, "docker-bake.hcl": text}
    here = judged(tmp_path, files, device="orin")
    assert here["project-python"].result.status == "ok"
    assert here["old-requirement"].result.status == "ok", lines(here["old-requirement"])


@pytest.mark.parametrize(
    "text",
    [
        'target "a" {\n  args = {\n',
        'target "a" {\n  tags = ["x\n}\n',
        'target "a" {\n  dockerfile-inline = <<EOT\nFROM x\n}\n',
        "}{",
        'target "a" {\n  tags = [}\n}\n',
        'target "a" {\n  tags = ["x" case )]\n}\n',
        'target "a" ' + "{a = [" * 60,
        "target a = {",
        "{" * 5000,
    ],
)
def test_what_is_no_hcl_is_listed(tmp_path: Path, text: str) -> None:
    files = {"Dockerfile": DOCKERFILE, "docker-bake.hcl": text}
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert "not read: docker-bake.hcl" in lines(answer)


STAGES = (
    f"FROM {R32} AS nano\nRUN pip install mediapipe\n"
    f"FROM {R36} AS orin\nRUN pip install mediapipe==1.2.2\n"
)
ORIN = {
    "its own": 'target "a" {\n  target = "orin"\n}\n',
    "the last one": 'target "a" {\n  tags = ["x"]\n}\n',
    "inherited": 'target "_c" {\n  target = "orin"\n}\ntarget "a" {\n  inherits = ["_c"]\n}\n',
    "a template's": (
        'target "_c" {\n  target = "nano"\n}\n'
        'target "a" {\n  inherits = ["_c"]\n  target = "orin"\n}\n'
    ),
    "of a matrix": (
        'target "a" {\n  name = "a-${t}"\n  matrix = {\n    t = ["orin"]\n  }\n  target = t\n}\n'
    ),
    "a target's name": 'target "nano" {\n  target = "orin"\n}\n',
}
TEMPLATE = 'target "_c" {\n  target = "nano"\n}\n'
INHERITS = 'target "a" {\n  inherits = ["_c"]\n  target = "orin"\n}\n'
ORIN["a template of a file with groups"] = (
    f'{TEMPLATE}{INHERITS}group "default" {{\n  targets = ["a"]\n}}\n'
)
NANO = {
    **{
        f"a template that {how}": f"{TEMPLATE}{INHERITS}{text}"
        for how, text in {
            "a group names": 'group "default" {\n  targets = ["a", "_c"]\n}\n',
            "a variable names": (
                'variable "T" {\n  default = "_c"\n}\ngroup "x" {\n  targets = ["${T}"]\n}\n'
            ),
            "a function may name": 'group "x" {\n  targets = [lower("_C")]\n}\n',
            "a list that is not known may name": 'group "x" {\n  targets = f("_c")\n}\n',
            "another is made from": (
                'target "b" {\n  target = "orin"\n  contexts = {\n    x = "target:_c"\n  }\n}\n'
            ),
        }.items()
    },
    "its own": 'target "a" {\n  target = "nano"\n}\n',
    "one of two": 'target "a" {\n  target = "orin"\n}\ntarget "b" {\n  target = "nano"\n}\n',
    "a variable": 'variable "B" {\n  default = "orin"\n}\ntarget "a" {\n  target = B\n}\n',
    "a function": 'target "a" {\n  target = lower("orin")\n}\n',
    "in a matrix": (
        'target "a" {\n  name = "${t}"\n  matrix = { t = ["orin", "nano"] }\n  target = t\n}\n'
    ),
}


@pytest.mark.parametrize("kind", ORIN)
def test_a_target_has_the_stages_that_it_is_built_of(tmp_path: Path, kind: str) -> None:
    files = {"Dockerfile": STAGES, "docker-bake.hcl": ORIN[kind]}
    here = judged(tmp_path, files, device="orin")
    assert here["project-python"].result.status == "ok", lines(here["project-python"])
    assert R32 not in lines(here["image-for-another-l4t"])


@pytest.mark.parametrize("kind", NANO)
def test_stages_that_a_target_is_or_may_be_built_of_count(tmp_path: Path, kind: str) -> None:
    files = {"Dockerfile": STAGES, "docker-bake.hcl": NANO[kind]}
    answer = judged(tmp_path, files, device="orin")["project-python"]
    assert answer.result.status == "bad", lines(answer)
    assert R32 in lines(answer)


def test_a_template_counts_that_a_group_in_json_names(tmp_path: Path) -> None:
    targets = {"_c": {"target": "nano"}, "a": {"inherits": ["_c"], "target": "orin"}}
    for number, names in enumerate((["a"], ["a", "_c"])):
        baked = json.dumps({"group": {"default": {"targets": names}}, "target": targets})
        files = {"Dockerfile": STAGES, "docker-bake.json": baked}
        answer = judged(tmp_path / str(number), files, device="orin")["project-python"]
        assert answer.result.status == ("bad" if number else "ok"), lines(answer)
