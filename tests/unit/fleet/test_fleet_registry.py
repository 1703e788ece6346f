"""The kit's registry: what is asked of it, its certificates, who may use it."""

from __future__ import annotations

import ipaddress
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from jetson_kit.core.errors import BadInputError
from jetson_kit.fleet import certificate_parts
from jetson_kit.fleet.release import certificates, registry_push
from jetson_kit.fleet.release.registry import Registry, RegistryOptions


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"address": "controller"}, "is no address of this machine"),
        ({"port": 0}, "0 is no port"),
        ({"cert": "c"}, "a certificate needs its key"),
        ({"ca": "c"}, "--ca names the authority of --cert"),
        ({"htpasswd": "/nowhere"}, "there is no file /nowhere"),
    ],
)
def test_what_is_wrong_is_told(options: dict[str, str], expected: str) -> None:
    with pytest.raises(BadInputError, match=expected):
        RegistryOptions(**options)  # type: ignore[arg-type]


def test_only_loopback_goes_without_tls() -> None:
    assert RegistryOptions("127.0.0.1").local
    assert RegistryOptions("::1").local
    assert not RegistryOptions("192.0.2.1").local


def test_the_certificate_is_good_for_its_address_alone(tmp_path: Path) -> None:
    """By OpenSSL itself, in a handshake."""
    files = certificates.ensure(tmp_path / "tls", "127.0.0.1")
    other = certificates.ensure(tmp_path / "tls", "192.0.2.1")
    assert handshake(files, files.ca) == ""
    assert "not valid for '127.0.0.1'" in handshake(other, files.ca)
    strange = certificates.ensure(tmp_path / "strange", "127.0.0.1")
    assert "certificate verify failed" in handshake(files, strange.ca)


def handshake(served: certificates.Files, trusted: Path, *, strict: bool = True) -> str:
    """Shake hands with 127.0.0.1; return what the client has against it."""
    into = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    into.load_cert_chain(served.cert, served.key)
    context = ssl.create_default_context(cafile=str(trusted))
    if strict:  # the default from Python 3.13 on
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    else:
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    client_in, client_out = ssl.MemoryBIO(), ssl.MemoryBIO()
    server_in, server_out = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(client_in, client_out, server_hostname="127.0.0.1")
    server = into.wrap_bio(server_in, server_out, server_side=True)
    for _ in range(6):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError as error:
                return str(error)
            server_in.write(client_out.read())
            client_in.write(server_out.read())
    return ""


def test_certificates_are_kept_and_the_keys_are_ours_alone(tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path, "192.0.2.1")
    before = files.cert.read_bytes()
    second = certificates.ensure(tmp_path, "192.0.2.1")
    assert second.cert.read_bytes() == before
    for path in (files.key, tmp_path / "ca.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_certificates_of_an_older_kit_are_renewed_by_the_same_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bare(
        issuer: x509.Name,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        signer: ec.EllipticCurvePublicKey,
    ) -> x509.CertificateBuilder:
        del signer
        return (
            x509.CertificateBuilder(issuer, subject, key)
            .serial_number(1)
            .not_valid_before(certificate_parts.FIRST)
            .not_valid_after(certificate_parts.LAST)
        )

    with monkeypatch.context() as older:
        older.setattr(certificate_parts, "start", bare)
        files = certificates.ensure(tmp_path, "127.0.0.1")
        on_boards = tmp_path / "on-boards.crt"
        on_boards.write_bytes(files.ca.read_bytes())
    assert handshake(files, files.ca)
    files = certificates.ensure(tmp_path, "127.0.0.1")
    assert handshake(files, files.ca) == ""
    assert handshake(files, on_boards, strict=False) == ""


def test_a_board_whose_clock_stands_in_the_past_accepts_it(tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path, "192.0.2.1")
    certificate = x509.load_pem_x509_certificate(files.cert.read_bytes())
    assert certificate.not_valid_before_utc.year == 2000
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("192.0.2.1")]


def test_a_user_needs_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(registry_push.USER, "board")
    monkeypatch.delenv(registry_push.PASSWORD, raising=False)
    with pytest.raises(BadInputError, match="needs KIT_REGISTRY_PASSWORD"):
        registry_push.credentials()


def test_its_name_is_what_references_begin_with() -> None:
    assert Registry(1, "1", "192.0.2.1", 5000, True, "", "").name == "192.0.2.1:5000"
    assert Registry(1, "1", "2001:db8::1", 5000, True, "", "").name == "[2001:db8::1]:5000"
