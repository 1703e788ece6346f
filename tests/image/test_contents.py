"""What is in the default Jetson image, read from its archive by tools that are not ours."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import ssl
import subprocess
import tarfile
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from jetson_kit.build import manifest
from jetson_kit.containers.layers import EPOCH
from jetson_kit.core.paths import cache_dir
from jetson_kit.models import bundles as models
from jetson_kit.models import legacy as legacy_models
from jetson_kit.targets import table as targets
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels import repack
from jetson_kit.wheels.repack import PROVENANCE
from tests.image.kit import NEEDS, Image, Tree, unpack
from tests.support.here import needs_parts

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]
SITE = "opt/mediapipe/lib/python3.11/site-packages"
VENDOR_PLACES = ("usr/share/glvnd/egl_vendor.d/", "etc/glvnd/egl_vendor.d/")
VULKAN_PLACES = ("etc/vulkan/icd.d/", "usr/share/vulkan/icd.d/")


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_nothing_stands_where_the_driver_is_injected(files: Tree) -> None:
    for place in (*VENDOR_PLACES, *VULKAN_PLACES):
        assert files.matching(place) == []
    assert not [name for name in files.members if "_mesa.so" in name or "_dri.so" in name]
    assert [name for name in files.members if name.endswith("/libEGL.so.1")]
    assert [name for name in files.members if name.endswith("/libvulkan.so.1")]


def test_the_emulated_variant_has_software_drivers(emulated: Image, tmp_path: Path) -> None:
    tree = unpack(emulated, tmp_path)
    assert [n for place in VENDOR_PLACES for n in tree.matching(place) if "mesa" in n]
    assert [n for place in VULKAN_PLACES for n in tree.matching(place) if "lvp" in n]
    shutil.rmtree(tmp_path)


def test_the_loader_knows_the_driver_folders(files: Tree) -> None:
    listed = (files.root / "etc/ld.so.conf.d/000-nvidia-injected.conf").read_text().split()
    assert tuple(listed) == targets.load().default.driver_dirs
    assert all(folder.startswith("/usr/lib/") for folder in listed)
    assert "ld.so.conf.d/*.conf" in (files.root / "etc/ld.so.conf").read_text()


def debs(files: Tree) -> list[list[str]]:
    admin = files.root / "var/lib/dpkg"
    form = "${Package}\t${Version}\t${Architecture}\t${Status}\n"
    done = subprocess.run(
        ["dpkg-query", "--admindir", str(admin), "-W", "-f", form],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert {row[3] for row in rows} == {"install ok installed"}
    return [row[:3] for row in rows]


@needs_parts("dpkg")
def test_dpkg_knows_its_packages_and_files(files: Tree, jetson: Image) -> None:
    known = [row for row in debs(files) if row[0] != "nvidia-driver-injected"]
    assert sorted(known) == sorted(jetson.manifest["debian"])
    libc = "/usr/lib/aarch64-linux-gnu/libc.so.6"
    done = subprocess.run(
        ["dpkg-query", "--admindir", str(files.root / "var/lib/dpkg"), "-S", libc],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"libc6:arm64: {libc}\n", done.stderr


def test_certificates_load(files: Tree) -> None:
    context = ssl.create_default_context(cafile=files.root / "etc/ssl/certs/ca-certificates.crt")
    assert len(context.get_ca_certs()) > 100
    link = files.members["usr/lib/ssl/cert.pem"]
    assert link.linkname == "/etc/ssl/certs/ca-certificates.crt"


def test_models_are_the_published_bytes(files: Tree, jetson: Image) -> None:
    folder = files.root / "opt/mediapipe/models"
    known = {model.filename: model.sha256 for model in models.select()}
    known |= {model.filename: model.sha256 for model in legacy_models.listed()}
    assert jetson.manifest["models"] == known
    assert {path.name: sha(path) for path in folder.iterdir() if path.suffix != ".json"} == known
    listed = json.loads((folder / "manifest.json").read_text())["models"]
    assert {row["file"]: row["sha256"] for row in listed} == known


def test_no_file_is_newer_than_the_epoch_and_owners_are_few(jetson: Image) -> None:
    for layer in jetson.layers():
        with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
            late = [(info.name, info.mtime) for info in archive if info.mtime > EPOCH]
            assert not late
            assert {info.uid for info in archive} <= {0, 10001}


def test_modes(files: Tree) -> None:
    assert files.members["tmp"].mode & 0o7777 == 0o1777
    assert files.members["var/tmp"].mode & 0o7777 == 0o1777
    assert files.members["root"].mode & 0o7777 == 0o700
    privileged = [
        name for name, info in files.members.items() if info.isfile() and info.mode & 0o6000
    ]
    # Debian's own; nothing of ours may run with others' rights.
    assert not [name for name in privileged if name.startswith("opt/")]


def test_every_python_package_has_the_files_that_it_records(files: Tree, jetson: Image) -> None:
    site = files.root / SITE
    seen = {dist.metadata["Name"]: dist.version for dist in distributions(path=[str(site)])}
    assert seen == jetson.manifest["python"]
    missing = []
    for record in site.glob("*.dist-info/RECORD"):
        for path, digest, _ in csv.reader(record.read_text().splitlines()):
            if not (site / path).is_file() and digest:
                missing.append(path)
    assert not missing


def test_native_library_and_provenance_are_the_official_wheels(files: Tree, jetson: Image) -> None:
    source = jetson.manifest["plan"]["mediapipe"]
    (pin,) = [pin for pin in wheels.pins() if pin.sha256 == source["sha256"]]
    site = files.root / SITE
    with zipfile.ZipFile(wheels.fetch(pin)) as official:
        libraries = [name for name in official.namelist() if name.endswith(".so")]
        assert libraries
        hashes = {name: hashlib.sha256(official.read(name)).hexdigest() for name in libraries}
    (info,) = site.glob("mediapipe-*.dist-info")
    provenance = json.loads((info / PROVENANCE).read_text())
    rows = {row["path"]: row for row in provenance["native_libraries"]}
    assert {name: row["official_sha256"] for name, row in rows.items()} == hashes
    assert {name: row["sha256"] for name, row in rows.items()} == {
        name: sha(site / name) for name in libraries
    }
    assert pin.sha256 in json.dumps(provenance)
    with zipfile.ZipFile(repacked(jetson)) as wheel:
        for name in wheel.namelist():
            if not name.endswith("/RECORD"):
                assert wheel.read(name) == (site / name).read_bytes(), name


def repacked(jetson: Image) -> Path:
    source = jetson.manifest["plan"]["mediapipe"]
    (pin,) = [pin for pin in wheels.pins() if pin.sha256 == source["sha256"]]
    path = repack.build(pin, cache_dir("wheels"))
    assert sha(path) == jetson.manifest["wheel"]["sha256"]
    return path


@needs_parts("dpkg")
def test_sbom(files: Tree, jetson: Image) -> None:
    text = (jetson.folder / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    rows = json.loads(text)["components"]
    purls = [row.get("purl", "") for row in rows]
    listed = sorted(
        [r["name"], r["version"]] for r in rows if r.get("purl", "").startswith("pkg:deb/")
    )
    installed = [row[:2] for row in debs(files) if row[0] != "nvidia-driver-injected"]
    assert listed == sorted(installed)
    python = {r["name"]: r["version"] for r in rows if r.get("purl", "").startswith("pkg:pypi/")}
    assert python == jetson.manifest["python"]
    assert len(purls) - purls.count("") == len(set(purls) - {""})
    bundles = {r["name"]: r["hashes"][0]["content"] for r in rows if not r.get("purl")}
    assert bundles == jetson.manifest["models"]


def test_image_says_what_it_is(files: Tree, jetson: Image) -> None:
    about = json.loads((files.root / "etc/mediapipe-jetson/plan.json").read_text())
    plan = {key: value for key, value in jetson.manifest["plan"].items() if key != "output"}
    assert about == plan
    assert jetson.manifest["schema"] == manifest.SCHEMA


@needs_parts("skopeo")
def test_skopeo_takes_the_archive(jetson: Image, tmp_path: Path) -> None:
    place = f"oci-archive:{jetson.archive}"
    seen = json.loads(skopeo("inspect", place))
    assert seen["Architecture"] == "arm64"
    assert seen["Digest"] == jetson.manifest["archive"]["digest"]
    raw = json.loads(skopeo("inspect", "--raw", place))
    assert {layer["mediaType"] for layer in raw["layers"]} == {
        "application/vnd.oci.image.layer.v1.tar+zstd"
    }
    config = json.loads(skopeo("inspect", "--config", place))
    assert config["rootfs"]["diff_ids"] == jetson.diff_ids
    # dir: is checked digest by digest while it is written; with layers decompressed by skopeo
    # their names are the digests of what is in them.
    skopeo("copy", place, f"dir:{tmp_path / 'zstd'}")
    skopeo("copy", "--dest-decompress", place, f"dir:{tmp_path / 'plain'}")
    unpacked = json.loads((tmp_path / "plain" / "manifest.json").read_text())["layers"]
    assert [layer["digest"] for layer in unpacked] == jetson.diff_ids
    for layer in unpacked:
        assert "sha256:" + sha(tmp_path / "plain" / layer["digest"][7:]) == layer["digest"]
    shutil.rmtree(tmp_path)


def skopeo(*arguments: str) -> str:
    done = subprocess.run(["skopeo", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
