"""The mesh's own certificate authority, and the keys by which a site knows its controller's work.

A node's certificate holds its name as Receptor reads it: an other name of Red Hat's OID in the
subject's alternative names (Receptor's documentation, "TLS support").
"""

from __future__ import annotations

import datetime
import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.files import disk_guard
from jetson_kit.fleet import certificate_parts as parts
from jetson_kit.fleet.certificate_parts import PEM, write_private

NAME = "MediaPipe Jetson Kit sites"
RECEPTOR_NAME = ObjectIdentifier("1.3.6.1.4.1.2312.19.1")
VALID_DAYS = 730


@dataclass(frozen=True)
class Authority:
    """Where the authority's files lie; the keys never leave this machine."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """Return the authority's certificate: each node has it."""
        return self.folder / "ca.crt"

    @property
    def key(self) -> Path:
        """Return the key that signs certificates."""
        return self.folder / "ca.key"

    @property
    def signing_key(self) -> Path:
        """Return the key that signs work, as Receptor reads it."""
        return self.folder / "work.key"

    @property
    def verification_key(self) -> Path:
        """Return the public half: each site has it."""
        return self.folder / "work.pub"


def ensure(folder: Path) -> Authority:
    """Return the authority of a folder, made where there is none of it; never made over.

    The public half of the key that signs work is made again where it is missing or damaged.
    Raises IntegrityError for any other part that is.
    """
    authority = Authority(folder)
    with disk_guard(folder):
        parts = (authority.key, authority.certificate, authority.signing_key)
        if not any(path.exists() for path in (*parts, authority.verification_key)):
            _make(folder.resolve())
        for path in parts:
            if not path.exists():
                raise _broken(path, "is missing")
        key = _load_key(authority.key)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise _broken(authority.key, "is damaged")
        certificate = _load_certificate(authority.certificate)
        if certificate is None:
            raise _broken(authority.certificate, "is damaged")
        if certificate.public_key() != key.public_key():
            raise _broken(authority.certificate, f"is not of {authority.key.name}")
        signer = _load_key(authority.signing_key)
        if not isinstance(signer, rsa.RSAPrivateKey):
            raise _broken(authority.signing_key, "is damaged")
        public = _public(signer)
        half = authority.verification_key
        if not half.is_file() or half.read_bytes() != public:
            write_private(half, public)
    return authority


def holds(by: Authority, certificate: Path, key: Path, days: int) -> bool:
    """Tell whether a node's certificate is whole, of its key, by this authority, and for `days`."""
    own, root = _load_certificate(certificate), _load_certificate(by.certificate)
    private = _load_key(key)
    if own is None or root is None or not isinstance(private, ec.EllipticCurvePrivateKey):
        return False
    try:
        own.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature):
        return False
    left = own.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return own.public_key() == private.public_key() and left >= datetime.timedelta(days=days)


def request(key: Path, node: str) -> bytes:
    """Make a node's key; return the request for its certificate, in PEM."""
    generate_private_key = ec.generate_private_key(ec.SECP256R1())
    with disk_guard(key.parent):
        write_private(key, parts.private(generate_private_key))
    builder = x509.CertificateSigningRequestBuilder().subject_name(parts.common_name(node))
    result: bytes = builder.sign(generate_private_key, hashes.SHA256()).public_bytes(PEM)
    return result


def issue(
    by: Authority, request_pem: bytes, node: str, hosts: tuple[str, ...] = (), days: int = 0
) -> bytes:
    """Return a certificate in PEM for a request, of which only the key counts.

    `hosts` are addresses at which others dial this node. Raises IntegrityError for a request that
    its key did not sign.
    """
    try:
        pem_x509_csr = x509.load_pem_x509_csr(request_pem)
        key = pem_x509_csr.public_key()
        whole = pem_x509_csr.is_signature_valid and isinstance(key, ec.EllipticCurvePublicKey)
    except ValueError:
        whole = False
    if not whole or not isinstance(key, ec.EllipticCurvePublicKey):
        raise IntegrityError(f"the request for {node}'s certificate is damaged", "join again")
    signer = serialization.load_pem_private_key(by.key.read_bytes(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise IntegrityError(f"{by.key} is no key of the kit's", "restore it from a backup")
    names: list[x509.GeneralName] = [_receptor_name(node), *map(parts.address, hosts)]
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        parts.start(
            parts.common_name(NAME),
            parts.common_name(node),
            key,
            signer.public_key(),
            now + datetime.timedelta(days=days or VALID_DAYS),
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )
    return parts.signed(builder, signer)


def fingerprint(certificate: bytes) -> str:
    """Return a certificate's sha256, its bytes separated by colons as Receptor pins it."""
    raw = x509.load_pem_x509_certificate(certificate).public_bytes(serialization.Encoding.DER)
    return ":".join(f"{item:02x}" for item in hashlib.sha256(raw).digest())


def _make(folder: Path) -> None:
    """Make a new authority whole: a half of one would be taken for one that lost its other half."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as name:
        aside = Authority(Path(name) / "new")
        aside.folder.mkdir(mode=0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        write_private(aside.key, parts.private(key))
        write_private(aside.certificate, parts.authority(NAME, key))
        signer = rsa.generate_private_key(public_exponent=65537, key_size=3072)
        traditional = serialization.PrivateFormat.TraditionalOpenSSL
        none = serialization.NoEncryption()
        write_private(aside.signing_key, signer.private_bytes(PEM, traditional, none))
        write_private(aside.verification_key, _public(signer))
        try:
            aside.folder.replace(folder)
        except OSError as error:
            raise BadInputError(
                f"{folder} can't take a new authority: {error.strerror}",
                "move it away, whatever it holds, and run ./inv sites.up",
            ) from error


def _broken(path: Path, what: str) -> IntegrityError:
    return IntegrityError(
        f"the authority's {path} {what}",
        f"restore it from a backup; or begin anew: move {path.parent} away, run ./inv sites.up, "
        "and let every site join again",
    )


def _public(key: rsa.RSAPrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(PEM, form)


def _load_key(path: Path) -> object:
    """Return a private key, None where there is none or it is damaged."""
    try:
        return serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _load_certificate(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _receptor_name(node: str) -> x509.OtherName:
    raw = node.encode()
    if len(raw) > 127:
        raise BadInputError(f"the name {node[:20]}... is too long", "name nodes in 63 characters")
    return x509.OtherName(RECEPTOR_NAME, bytes((0x0C, len(raw))) + raw)  # DER: UTF8String
