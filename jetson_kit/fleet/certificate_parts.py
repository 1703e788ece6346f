"""What the kit's own certificates have in common: names, times, keys, and files of their own."""

from __future__ import annotations

import datetime
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jetson_kit.core.errors import BadInputError

# Boards without a battery start years in the past, and a clock that is behind must still find a
# certificate valid: it is named as the reason by what comes then.
FIRST = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
LAST = datetime.datetime(2049, 12, 31, tzinfo=datetime.UTC)
PEM = serialization.Encoding.PEM


def start(
    issuer: x509.Name,
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePublicKey,
    last: datetime.datetime = LAST,
) -> x509.CertificateBuilder:
    """Begin a certificate with the identifiers of both keys, without which Python 3.13 refuses."""
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(FIRST)
        .not_valid_after(last)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
    )


def authority(name: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the certificate of an authority that signs others' with this key."""
    own = common_name(name)
    builder = (
        start(own, own, key.public_key(), key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(signs=True), critical=True)
    )
    return signed(builder, key)


def signed(builder: x509.CertificateBuilder, signer: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a certificate."""
    return builder.sign(signer, hashes.SHA256()).public_bytes(PEM)


def usage(*, signs: bool) -> x509.KeyUsage:
    """Return what a key is for: signing certificates, or handshakes alone."""
    never = dict.fromkeys(
        "content_commitment key_encipherment data_encipherment key_agreement".split(), False
    )
    return x509.KeyUsage(
        **never,
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def common_name(text: str) -> x509.Name:
    """Return a name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def address(host: str) -> x509.GeneralName:
    """Return an address as a certificate has it: an IP address, or a name."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def private(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as a file has it."""
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def write_private(path: Path, raw: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    aside = path.with_name(f".{path.name}.part")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(raw)
        out.flush()
        os.fsync(out.fileno())
    aside.replace(path)


def certificate_text(path: Path) -> str:
    """Return a PEM file of certificates as text. Raises BadInputError for what is none."""
    try:
        raw = path.read_bytes()
        x509.load_pem_x509_certificates(raw)
        return raw.decode("ascii")
    except ValueError as error:
        raise BadInputError(f"{path} is no certificate", "name a PEM file") from error
