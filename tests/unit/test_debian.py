"""Mirrors, and what apt says it would install."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetson_kit import debian
from jetson_kit.debian import Mirror, host_mirror
from jetson_kit.errors import StepFailedError, ToolMissingError
from tests.support.here import needs_parts


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an apt-get on PATH whose index targets are the lines of a file."""
    program = tmp_path / "bin" / "apt-get"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n/bin/cat {tmp_path}/targets\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.delenv("KIT_DEBIAN_MIRROR", raising=False)
    (tmp_path / "targets").write_text("")
    return tmp_path / "targets"


def test_mirror_from_the_environment(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt.write_text("http://b.invalid/debian/ bookworm Debian Packages\n")
    monkeypatch.setenv("KIT_DEBIAN_MIRROR", "http://a.invalid/debian/")
    assert host_mirror() == Mirror("http://a.invalid/debian", "http://a.invalid/debian-security")


def test_mirror_from_apt(apt: Path) -> None:
    apt.write_text(
        "http://b.invalid/debian/ bookworm-updates Debian Packages\n"
        "http://s.invalid/sec/ bookworm-security Debian Packages\n"
        "http://b.invalid/debian/ bookworm Debian Translations\n"
        "http://other.invalid/x/ stable Other Packages\n"
        "http://b.invalid/debian/ bookworm Debian Packages\n"
    )
    assert host_mirror() == Mirror("http://b.invalid/debian", "http://s.invalid/sec")


def test_mirror_from_apt_without_security(apt: Path) -> None:
    apt.write_text("http://b.invalid/debian bookworm Debian Packages\n")
    assert host_mirror() == Mirror("http://b.invalid/debian", "http://b.invalid/debian-security")


def test_mirror_of_debootstrap_where_apt_is_not_debians(
    apt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt.write_text("http://u.invalid/ubuntu/ noble Ubuntu Packages\n")
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
    debian._configure(tmp_path, suite, "arm64", "")
    rows = (tmp_path / "sources.list").read_text().splitlines()
    assert [row.split()[4] for row in rows] == names


def test_no_mirror_at_all(apt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    found = debian.offered(printed, Path("x"))
    assert [(d.name, d.version, d.architecture, d.sha256) for d in found] == [
        ("libstdc++6", "12.2.0-14", "arm64", three),
        ("libz1", "1:1.2.13", "arm64", two),
        ("tzdata", "2025b-0+deb12u1", "all", one),
    ]
    assert found[1].path == Path("x/libz1_1%3a1.2.13_arm64.deb")
    with pytest.raises(StepFailedError, match="without a SHA256"):
        debian.offered("'http://a.invalid/x' a_1_all.deb 3 MD5Sum:123\n", Path("x"))


@pytest.mark.network
@needs_parts("apt")
def test_damaged_package_in_the_cache_is_not_used(tmp_path: Path) -> None:
    def fetch() -> tuple[debian.Deb, ...]:
        return debian.fetch(
            ("base-passwd",), suite="bookworm", arch="arm64", folder=tmp_path, status=STATUS
        )

    (first,) = fetch()
    raw = first.path.read_bytes()
    first.path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    (again,) = fetch()
    assert again == first
    assert again.path.read_bytes() == raw
    first.path.write_bytes(raw[:-100])
    assert fetch() == (first,)


@pytest.mark.network
def test_the_hosts_settings_choose_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chosen(folder: str) -> list[str]:
        found = debian.fetch(
            ("autodock-getdata",), suite="bookworm", arch="arm64", folder=tmp_path / folder
        )
        return [deb.name for deb in found]

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
