"""TLS for the kit's own registry: an authority of its own, and a certificate for one address.

Engines ask for TLS wherever a registry is not on loopback. The authority's key never leaves this
machine; devices get its certificate with the image's name.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Boards without a battery start years in the past, and a wrong clock is no reason to have no image.
FIRST = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
LAST = datetime.datetime(2049, 12, 31, tzinfo=datetime.UTC)
AUTHORITY = "MediaPipe Jetson Kit registry"


@dataclass(frozen=True)
class Files:
    """Where the certificates lie."""

    ca: Path
    cert: Path
    key: Path


def ensure(folder: Path, address: str) -> Files:
    """Return the certificate for an IP address, made where there is none; the authority is kept."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = Files(folder / "ca.crt", folder / f"{address}.crt", folder / f"{address}.key")
    ca_key = folder / "ca.key"
    if not (files.ca.is_file() and ca_key.is_file()):
        key = ec.generate_private_key(ec.SECP256R1())
        _write(ca_key, _private(key))
        _write(files.ca, _authority(key))
        files.cert.unlink(missing_ok=True)
    elif not _has(files.ca, x509.SubjectKeyIdentifier):
        # By the same key and name: what devices have of it stays good.
        _write(files.ca, _authority(_signer(ca_key)))
    if not (
        files.cert.is_file()
        and files.key.is_file()
        and _has(files.cert, x509.AuthorityKeyIdentifier)
    ):
        _issue(files, ca_key, address)
    return files


def _has(path: Path, extension: type[x509.ExtensionType]) -> bool:
    """Tell whether a certificate has an extension; strict clients ask for more than older ones."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return any(isinstance(item.value, extension) for item in certificate.extensions)


def _signer(ca_key: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(ca_key.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{ca_key} is none of ours")
    return key


def _authority(key: ec.EllipticCurvePrivateKey) -> bytes:
    name = _name(AUTHORITY)
    builder = (
        _start(name, name, key.public_key(), key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(_PEM)


def _issue(files: Files, ca_key: Path, address: str) -> None:
    signer = _signer(ca_key)
    key = ec.generate_private_key(ec.SECP256R1())
    owner = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    builder = (
        _start(_name(AUTHORITY), _name(address), key.public_key(), signer.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(owner, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    _write(files.key, _private(key))
    _write(files.cert, builder.sign(signer, hashes.SHA256()).public_bytes(_PEM))


def _usage(*, signs: bool) -> x509.KeyUsage:
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


def _start(
    issuer: x509.Name,
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    """Begin a certificate with the identifiers of both keys, without which Python 3.13 refuses."""
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(FIRST)
        .not_valid_after(LAST)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _write(path: Path, raw: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    aside = path.with_name(f".{path.name}.part")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(raw)
        out.flush()
        os.fsync(out.fileno())
    aside.replace(path)


_PEM = serialization.Encoding.PEM
