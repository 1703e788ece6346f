"""Mirrors, and what apt says it would install."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from jetson_kit.core.errors import BadInputError, StepFailedError, ToolMissingError
from jetson_kit.debian import apt as debian
from jetson_kit.debian.apt import Mirror, host_mirror
from jetson_kit.debian.deb_file import Deb
from tests.support.here import needs_parts


@dataclass(frozen=True)
class Apt:
    """An apt whose sources and Release files are ours."""

    folder: Path

    def has(self, *rows: tuple[str, str, str]) -> None:
        """Have these archives: (address, codename, origin), the last "" where none was read."""
        lines = []
        for number, (place, codename, origin) in enumerate(rows):
            name = f"{number}_InRelease"
            lines.append(f"'{place}dists/{codename}/InRelease' {name} 0 \n")
            lines.append(f"'{place}dists/{codename}/main/Packages.xz' {number}_Packages 0 \n")
            if origin:
                text = (
                    f"-----BEGIN PGP SIGNED MESSAGE-----\nOrigin: {origin}\nCodename: {codename}\n"
                )
                (self.folder / name).write_text(text)
        (self.folder / "uris").write_text("".join(lines))


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Apt:
    """Put an apt-get and an apt-config on PATH that say what a test wants."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in (
        ("apt-get", f"/bin/cat {tmp_path}/uris"),
        ("apt-config", f"echo \"lists='{tmp_path}/'\""),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("KIT_DEBIAN_MIRROR", raising=False)
    result = Apt(tmp_path)
    result.has()
    return result


def test_mirror_from_the_environment(apt: Apt, monkeypatch: pytest.MonkeyPatch) -> None:
    apt.has(("http://b.invalid/debian/", "bookworm", "Debian"))
    monkeypatch.setenv("KIT_DEBIAN_MIRROR", "http://a.invalid/debian/")
    assert host_mirror() == Mirror("http://a.invalid/debian", "http://a.invalid/debian-security")


@pytest.mark.parametrize(
    "address", ["garbage", "host/debian", "http:", "http://h/a b", "[trusted=yes] http://h/a", "/d"]
)
def test_a_mirror_that_is_no_address(
    apt: Apt, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    apt.has()
    monkeypatch.setenv("KIT_DEBIAN_MIRROR", address)
    with pytest.raises(BadInputError, match=r"^KIT_DEBIAN_MIRROR is .*, no address of a Debian"):
        host_mirror()


@pytest.mark.parametrize("address", ["file:/srv/debian", "mirror+http://h/list", "tor+http://x/d"])
def test_any_address_that_apt_takes(
    apt: Apt, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    apt.has()
    monkeypatch.setenv("KIT_DEBIAN_MIRROR", f"{address}/")
    assert host_mirror().main == address


def test_mirror_from_apt(apt: Apt) -> None:
    apt.has(
        ("http://b.invalid/debian/", "bookworm-updates", "Debian"),
        ("http://s.invalid/sec/", "bookworm-security", "Debian"),
        ("http://other.invalid/x/", "stable", "Other"),
        ("http://never.invalid/read/", "bookworm", ""),
        ("http://b.invalid/debian/", "bookworm", "Debian"),
    )
    assert host_mirror() == Mirror("http://b.invalid/debian", "http://s.invalid/sec")


def test_mirror_from_apt_without_security(apt: Apt) -> None:
    apt.has(("http://b.invalid/debian/", "bookworm", "Debian"))
    assert host_mirror() == Mirror("http://b.invalid/debian", "http://b.invalid/debian-security")


def test_mirror_whose_signature_is_a_file_of_its_own(apt: Apt) -> None:
    apt.has(("http://b.invalid/debian/", "bookworm", "Debian"))
    (apt.folder / "0_InRelease").rename(apt.folder / "0_Release")
    assert host_mirror().main == "http://b.invalid/debian"


@pytest.mark.network
@needs_parts("debian-mirror")
def test_mirror_that_apt_itself_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KIT_DEBIAN_MIRROR", raising=False)
    shown = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(IDENTIFIER)"]
    rows = subprocess.run(shown, capture_output=True, text=True, check=True).stdout.split("\n")
    places = {row.split()[0].rstrip("/") for row in rows if row.endswith(" Debian Packages")}
    assert {place.rstrip("/") for place, _ in debian._sources()} == places


def test_mirror_of_debootstrap_where_apt_is_not_debians(
    apt: Apt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt.has(("http://u.invalid/ubuntu/", "noble", "Ubuntu"))
    script = tmp_path / "debootstrap"
    script.write_text('DEF_HTTPS_MIRROR="https://d.invalid/x"\nDEF_MIRROR="http://d.invalid/d"\n')
    monkeypatch.setattr(debian, "DEBOOTSTRAP", script)
    assert host_mirror() == Mirror("http://d.invalid/d", "http://d.invalid/d-security")


@pytest.mark.parametrize(
    ("suite", "names"),
    [("trixie", ["trixie", "trixie-updates", "trixie-security"]), ("sid", ["sid"])],
)
def test_a_suite_that_rolls_has_no_updates_of_its_own(
    suite: str, names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_DEBIAN_MIRROR", "http://a.invalid/debian")
    debian.configure(tmp_path, suite, "arm64", "", host_mirror())
    rows = (tmp_path / "sources.list").read_text().splitlines()
    assert [row.split()[4] for row in rows] == names


def test_no_mirror_at_all(apt: Apt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "DEBOOTSTRAP", tmp_path / "absent")
    with pytest.raises(ToolMissingError) as caught:
        host_mirror()
    assert "KIT_DEBIAN_MIRROR" in caught.value.cure


def test_what_apt_offers() -> None:
    one, two, three = "1" * 64, "2" * 64, "3" * 64
    printed = (
        "Reading package lists...\n"
        f"'http://a.invalid/tz.deb' tzdata_2025b-0+deb12u1_all.deb 301 SHA256:{one}\n"
        f"'http://a.invalid/p.deb' libz1_1%3a1.2.13_arm64.deb 302 SHA256:{two}\n"
        f"'http://a.invalid/c.deb' libstdc++6_12.2.0-14_arm64.deb 303 SHA256:{three}\n"
    )
    debs = debian.offered(printed, Path("x"))
    assert [(d.name, d.version, d.architecture, d.sha256) for d in debs] == [
        ("libstdc++6", "12.2.0-14", "arm64", three),
        ("libz1", "1:1.2.13", "arm64", two),
        ("tzdata", "2025b-0+deb12u1", "all", one),
    ]
    assert debs[1].path == Path("x/libz1_1%3a1.2.13_arm64.deb")
    with pytest.raises(StepFailedError, match="without a SHA256"):
        debian.offered("'http://a.invalid/x' a_1_all.deb 3 MD5Sum:123\n", Path("x"))


@pytest.mark.network
@needs_parts("apt")
def test_damaged_package_in_the_cache_is_not_used(tmp_path: Path) -> None:
    def fetch() -> tuple[Deb, ...]:
        return debian.fetch(
            ("base-passwd",), suite="bookworm", arch="arm64", folder=tmp_path, status=STATUS
        )

    (first,) = fetch()
    raw = first.path.read_bytes()
    first.path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    (second,) = fetch()
    assert second == first
    assert second.path.read_bytes() == raw
    first.path.write_bytes(raw[:-100])
    assert fetch() == (first,)


@pytest.mark.network
def test_the_hosts_settings_choose_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chosen(folder: str) -> list[str]:
        debs = debian.fetch(
            ("autodock-getdata",), suite="bookworm", arch="arm64", folder=tmp_path / folder
        )
        return [deb.name for deb in debs]

    assert chosen("plain") == ["autodock-getdata"]
    settings = tmp_path / "apt.conf"
    settings.write_text(
        'APT::Default-Release "trixie";\nAPT::Install-Suggests "true";\n'
        'APT::Install-Recommends "true";\nAPT::Solver "3.0";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(settings))
    assert chosen("other") == ["autodock-getdata"]


STATUS = "".join(
    f"Package: {name}\nStatus: install ok installed\nVersion: 999\nArchitecture: arm64\n"
    f"Maintainer: x\nDescription: x\n\n"
    for name in ("libc6", "libdebconfclient0", "libselinux1")
)
