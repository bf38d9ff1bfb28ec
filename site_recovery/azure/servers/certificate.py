"""The certificate with which a configuration server registers with its vault."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Certificate:
    """A certificate with its private key.

    Attributes:
        public: the certificate alone (DER).
        store: the certificate with its key (PKCS #12, without a password); never shown.
        expires: when it ends.
    """

    public: bytes
    store: bytes = field(repr=False)
    expires: datetime


def make(begins: datetime, ends: datetime) -> Certificate:
    """Make a certificate that is valid for some time.

    Args:
        begins: when it begins to be valid.
        ends: when it ends.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    # The subject is not read, and the name of the certificate in the vault is too long for one.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Windows Azure Tools")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Certificate(
        signed.public_bytes(Encoding.DER),
        pkcs12.serialize_key_and_certificates(None, key, signed, None, NoEncryption()),
        signed.not_valid_after_utc,
    )
