"""Certificates and tokens of the mesh: who is let in, once, and until when."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from jetson_kit.core.errors import BadInputError, CheckFailedError, IntegrityError
from jetson_kit.fleet.sites import authority, joining, members, remote
from jetson_kit.fleet.sites.replies import Hello


def test_a_node_has_its_name_where_receptor_reads_it(tmp_path: Path) -> None:
    by = authority.ensure(tmp_path / "a")
    issue = authority.issue(by, authority.request(tmp_path / "k", "x"), "berlin", ("203.0.113.7",))
    certificate = x509.load_pem_x509_certificate(issue)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    other = names.get_values_for_type(x509.OtherName)[0]
    assert other.type_id.dotted_string == "1.3.6.1.4.1.2312.19.1"
    assert other.value == b"\x0c\x06berlin"
    assert str(names.get_values_for_type(x509.IPAddress)[0]) == "203.0.113.7"
    # The subject that the request asked for counts for nothing.
    assert certificate.subject.rfc4514_string() == "CN=berlin"
    x509.load_pem_x509_certificate(by.certificate.read_bytes()).public_key()
    certificate.verify_directly_issued_by(
        x509.load_pem_x509_certificate(by.certificate.read_bytes())
    )


def test_an_authority_stays(tmp_path: Path) -> None:
    first = {path.name: path.read_bytes() for path in authority.ensure(tmp_path).folder.iterdir()}
    second = {path.name: path.read_bytes() for path in authority.ensure(tmp_path).folder.iterdir()}
    assert first == second
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_a_request_that_its_key_did_not_sign(tmp_path: Path) -> None:
    by = authority.ensure(tmp_path / "a")
    request = x509.load_pem_x509_csr(authority.request(tmp_path / "k", "berlin"))
    raw = bytearray(request.public_bytes(serialization.Encoding.DER))
    raw[-3] ^= 1
    damaged = x509.load_der_x509_csr(bytes(raw)).public_bytes(serialization.Encoding.PEM)
    for content in (damaged, b"none", b""):
        with pytest.raises(IntegrityError, match="damaged"):
            authority.issue(by, content, "berlin")


def test_a_token_is_good_once_and_for_one_request(tmp_path: Path) -> None:
    token, _ = members.new_token(tmp_path, "berlin", 1)
    assert token not in "".join(path.read_text() for path in tmp_path.rglob("*.json"))
    assert members.claim(tmp_path, token, "first") == "berlin"
    # An answer that was lost is given again; a thief's request is another one.
    assert members.claim(tmp_path, token, "first") == "berlin"
    with pytest.raises(members.RefusedTokenError, match="was used at"):
        members.claim(tmp_path, token, "second")


@pytest.mark.parametrize("token", ["", "x" * 43, "../members", "\0"])
def test_an_unknown_token(tmp_path: Path, token: str) -> None:
    members.new_token(tmp_path, "berlin", 1)
    with pytest.raises(members.RefusedTokenError, match="unknown"):
        members.claim(tmp_path, token, "first")


def test_an_expired_token(tmp_path: Path) -> None:
    token, _ = members.new_token(tmp_path, "berlin", -1)
    with pytest.raises(members.RefusedTokenError, match="expired"):
        members.claim(tmp_path, token, "first")


def test_a_newer_token_takes_the_place_of_one_that_was_not_used(tmp_path: Path) -> None:
    old, _ = members.new_token(tmp_path, "berlin", 1)
    other, _ = members.new_token(tmp_path, "tokyo", 1)
    members.new_token(tmp_path, "berlin", 1)
    with pytest.raises(members.RefusedTokenError, match="unknown"):
        members.claim(tmp_path, old, "first")
    assert members.claim(tmp_path, other, "first") == "tokyo"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"7", b"\xff\xfe", b"{}", b'{"site": "berlin"}',
        b'{"site": 7, "expires": "2030-01-01T00:00:00+00:00"}',
        b'{"site": "berlin", "expires": "tomorrow"}',
        b'{"site": "berlin", "expires": "2030-01-01T00:00:00"}',
        b'{"site": "berlin", "expires": "2030-01-01T00:00:00+00:00", "request": "x"}',
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_damaged_token_is_one_line_and_lets_nobody_in(tmp_path: Path, content: bytes) -> None:
    other, _ = members.new_token(tmp_path, "tokyo", 1)
    token, _ = members.new_token(tmp_path, "berlin", 1)
    path = members._path(tmp_path, token)
    path.write_bytes(content)
    with pytest.raises(members.RefusedTokenError, match="damaged"):
        members.claim(tmp_path, token, "first")
    for site in ("berlin", "tokyo"):
        with pytest.raises(IntegrityError, match=f"{path.name} is damaged") as caught:
            members.forget_tokens(tmp_path, site)
        assert "\n" not in caught.value.line()
    # Nothing is lost by it: the others are as they were.
    assert members.claim(tmp_path, other, "first") == "tokyo"


def test_members_change_whole_or_not_at_all(tmp_path: Path) -> None:
    row = members.Member("aa:bb", "2026-01-01T00:00:00+00:00", "2028-01-01T00:00:00+00:00")
    with members.changing(tmp_path) as rows:
        rows["berlin"] = row
    with pytest.raises(RuntimeError), members.changing(tmp_path) as rows:
        rows.clear()
        raise RuntimeError
    assert members.load(tmp_path) == {"berlin": row}
    (tmp_path / members.FILE).write_text('{"berlin": {')
    with pytest.raises(IntegrityError, match="damaged"):
        members.load(tmp_path)


def facts(**days: int) -> dict[str, str]:
    now = datetime.datetime.now(datetime.UTC)
    return {
        name: (now + datetime.timedelta(days=count)).isoformat() for name, count in days.items()
    }


def test_a_clock_that_is_a_year_behind_is_named_as_a_site_joins() -> None:
    with pytest.raises(BadInputError, match="clock says"):
        joining._clock(facts(made=365, expires=366))


def test_a_token_that_has_expired_and_a_clock_ahead_are_told_apart_by_the_user() -> None:
    with pytest.raises(CheckFailedError, match="expired") as caught:
        joining._clock(facts(made=-366, expires=-365))
    assert "set the clock" in caught.value.cure


@pytest.mark.parametrize(("days", "expected"), [(365, "365 days ahead"), (-365, "365 days behind")])
def test_a_clock_that_is_a_year_off_keeps_a_site_out_of_a_rollout(days: int, expected: str) -> None:
    hello = Hello("", "", days * 86400.0, 0, "", "")
    with pytest.raises(CheckFailedError, match=expected):
        remote.check_clock("berlin", hello, 300)


def test_a_clock_that_is_seconds_off_is_none_of_our_business() -> None:
    remote.check_clock("berlin", Hello("", "", -20, 0, "", ""), 300)


def test_a_revoked_site_has_no_token_left(tmp_path: Path) -> None:
    token, _ = members.new_token(tmp_path, "berlin", 1)
    members.forget_tokens(tmp_path, "berlin")
    with pytest.raises(members.RefusedTokenError, match="unknown"):
        members.claim(tmp_path, token, json.dumps({}))


@pytest.mark.parametrize("expires", ["2028-01-01T00:00:00", "2028-01-01", "soon", "", None, 7])
def test_a_member_whose_end_is_no_time_is_damage(tmp_path: Path, expires: object) -> None:
    row = {"fingerprint": "x", "joined": "2026-01-01T00:00:00+00:00", "expires": expires}
    (tmp_path / members.FILE).write_text(json.dumps({"berlin": row}))
    with pytest.raises(IntegrityError, match="is damaged"):
        members.load(tmp_path)


def test_tokens_beside_a_damaged_one_are_taken_away_where_a_site_is_removed(tmp_path: Path) -> None:
    token, _ = members.new_token(tmp_path, "berlin", 1)
    (tmp_path / members.TOKENS / ("0" * 64 + ".json")).write_bytes(b"")
    with pytest.raises(IntegrityError, match="is damaged"):
        members.forget_tokens(tmp_path, "berlin", past_damaged=True)
    with pytest.raises(members.RefusedTokenError, match="unknown"):
        members.claim(tmp_path, token, "first")
