"""Certificates: an authority of this router's own, and the server certificate that it signs, in the data directory."""

import os
import socket
from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from router.secrets import write_private

DIRECTORY: Final = "tls"
CA_FILE: Final = "ca.pem"
AUTHORITY_DAYS: Final = 3650
SERVER_DAYS: Final = 397
RENEWED_BEFORE: Final = timedelta(days=30)
_ALWAYS: Final = ("localhost", "127.0.0.1", "::1")


class Certificates(NamedTuple):
    """Files, all PEM: the authority that clients have to trust, the server's chain and its key."""

    authority: Path
    server: Path
    key: Path


def ensure_certificates(data_dir: Path, names: Iterable[str], now: datetime) -> Certificates:
    """Return the certificates of a data directory; they are made, or made anew when they end or lack a name."""
    folder = data_dir / DIRECTORY
    folder.mkdir(parents=True, exist_ok=True)
    files = Certificates(folder / CA_FILE, folder / "server.pem", folder / "server.key")
    authority_key = folder / "ca.key"
    wanted = list(dict.fromkeys((*_ALWAYS, *names)))
    if not (files.authority.exists() and authority_key.exists()) or _is_ending(files.authority, now):
        _make_authority(files.authority, authority_key, now)
        files.server.unlink(missing_ok=True)
    if not (files.server.exists() and files.key.exists()) or _is_ending(files.server, now) or _lacks(files, wanted):
        _make_server(files, authority_key, wanted, now)
    return files


def machine_names(host: str, public_host: str | None) -> list[str]:
    """Return what this machine is called beside `localhost`: its host name, and where it listens."""
    listens = [host] if host not in ("0.0.0.0", "::") else []  # noqa: S104 (recognised, not bound)
    return [name for name in (socket.gethostname(), *listens, public_host) if name]


def _make_authority(path: Path, key_path: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "workspace-event-router"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"router authority {x509.random_serial_number():x}"[:40]),
        ]
    )
    builder = _builder(name, name, key.public_key(), key.public_key(), now, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certificate = builder.add_extension(_usage(signs_certificates=True), critical=True).sign(key, hashes.SHA256())
    _write_key(key_path, key)
    _write(path, certificate.public_bytes(serialization.Encoding.PEM).decode())


def _make_server(files: Certificates, authority_key: Path, names: list[str], now: datetime) -> None:
    authority = x509.load_pem_x509_certificate(files.authority.read_bytes())
    signer = serialization.load_pem_private_key(authority_key.read_bytes(), password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is an elliptic-curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    builder = _builder(name, authority.subject, key.public_key(), signer.public_key(), now, SERVER_DAYS)
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(one) for one in names]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    _write_key(files.key, key)
    chain = [certificate, authority]
    _write(files.server, "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in chain))


def _builder(  # noqa: PLR0913, PLR0917 (what every certificate says)
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePublicKey,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _is_ending(path: Path, now: datetime) -> bool:
    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc < now + RENEWED_BEFORE


def _lacks(files: Certificates, names: list[str]) -> bool:
    certificate = x509.load_pem_x509_certificate(files.server.read_bytes())
    has = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return not {_general_name(name) for name in names} <= set(has)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(path, pem.decode())


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all, for its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    write_private(draft, text)
    draft.replace(path)
