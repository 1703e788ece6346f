"""TLS for the kit's own registry: an authority of its own, and a certificate for one address.

Engines ask for TLS wherever a registry is not on loopback. The authority's key never leaves this
machine; devices get its certificate with the image's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from jetson_kit.fleet import certificate_parts as parts

AUTHORITY = "MediaPipe Jetson Kit registry"


@dataclass(frozen=True)
class Files:
    """Where the certificates lie."""

    ca: Path
    cert: Path
    key: Path


def ensure(folder: Path, address: str) -> Files:
    """Return the certificate for an IP address or a name; what is not there is made."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = Files(folder / "ca.crt", folder / f"{address}.crt", folder / f"{address}.key")
    ca_key = folder / "ca.key"
    if not (files.ca.is_file() and ca_key.is_file()):
        key = ec.generate_private_key(ec.SECP256R1())
        parts.write_private(ca_key, parts.private(key))
        parts.write_private(files.ca, parts.authority(AUTHORITY, key))
        files.cert.unlink(missing_ok=True)
    elif not _has(files.ca, x509.SubjectKeyIdentifier):
        # By the same key and name: what devices have of it stays good.
        parts.write_private(files.ca, parts.authority(AUTHORITY, _signer(ca_key)))
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


def _issue(files: Files, ca_key: Path, address: str) -> None:
    signer = _signer(ca_key)
    key = ec.generate_private_key(ec.SECP256R1())
    owner = x509.SubjectAlternativeName([parts.address(address)])
    builder = (
        parts.start(
            parts.common_name(AUTHORITY),
            parts.common_name(address),
            key.public_key(),
            signer.public_key(),
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(parts.usage(signs=False), critical=True)
        .add_extension(owner, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    parts.write_private(files.key, parts.private(key))
    parts.write_private(files.cert, parts.signed(builder, signer))
