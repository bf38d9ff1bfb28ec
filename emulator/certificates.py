"""A certificate authority of the emulator's own, for clients that speak https only.

Everything is in the folder `tls` of the clouds' directory and valid on loopback only. The
authority's private key is not kept: nothing more can be signed with it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Apple's clients refuse certificates of servers that are valid for longer than 825 days.
_LIFETIME = timedelta(days=800)
_LEFT = timedelta(days=30)
_NAMES = [
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
]


@dataclass(frozen=True)
class Certificates:
    """The paths of the certificate files.

    Args:
        directory: the folder of all the files.
    """

    directory: Path

    @property
    def authority(self) -> Path:
        """The authority's certificate, PEM."""
        return self.directory / "ca.pem"

    @property
    def bundle(self) -> Path:
        """The public authorities and this one, PEM: for clients that take one file for all."""
        return self.directory / "bundle.pem"

    @property
    def server(self) -> Path:
        """The server's key and certificate, PEM, readable by their owner only."""
        return self.directory / "server.pem"

    def environment(self) -> dict[str, str]:
        """The variables by which clients trust the authority.

        `REQUESTS_CA_BUNDLE` is read by az and other users of requests, `SSL_CERT_FILE` by Go, curl
        and Python's ssl module, `NODE_EXTRA_CA_CERTS` by Node.js.
        """
        bundle = str(self.bundle.resolve())
        return {
            "REQUESTS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
            "NODE_EXTRA_CA_CERTS": str(self.authority.resolve()),
        }

    def ensure(self) -> None:
        """Make the files, unless they are there and valid for another month."""
        if self._usable():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC)
        authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        issuer = _name("Local emulator of Azure")
        usage = dict.fromkeys(
            (
                "content_commitment",
                "crl_sign",
                "data_encipherment",
                "decipher_only",
                "digital_signature",
                "encipher_only",
                "key_agreement",
                "key_cert_sign",
                "key_encipherment",
            ),
            False,
        )
        identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
        authority = (
            _builder(issuer, issuer, authority_key, now)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(**{**usage, "key_cert_sign": True, "crl_sign": True}), critical=True
            )
            .add_extension(identifier, critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        server = (
            _builder(_name("localhost"), issuer, key, now)
            .add_extension(x509.SubjectAlternativeName(_NAMES), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(**{**usage, "digital_signature": True}), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
                critical=False,
            )
            .sign(authority_key, hashes.SHA256())
        )
        self.server.touch(mode=0o600)
        self.server.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + server.public_bytes(serialization.Encoding.PEM)
        )
        pem = authority.public_bytes(serialization.Encoding.PEM)
        self.bundle.write_bytes(Path(certifi.where()).read_bytes() + pem)
        self.authority.write_bytes(pem)

    def remove(self) -> None:
        """Remove the files, and the folder if it is empty then."""
        for file in (self.authority, self.bundle, self.server):
            file.unlink(missing_ok=True)
        if self.directory.is_dir() and not any(self.directory.iterdir()):
            self.directory.rmdir()

    def _usable(self) -> bool:
        if not (self.server.exists() and self.bundle.exists() and self.authority.exists()):
            return False
        certificate = x509.load_pem_x509_certificate(self.authority.read_bytes())
        return certificate.not_valid_after_utc - datetime.now(UTC) > _LEFT


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
    )
