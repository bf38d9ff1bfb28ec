"""Certificates that are not trusted: a firewall or a gateway whose authority this computer lacks.

No later try helps, and no other credentials.

Sources: `SSL_CERT_FILE` is read by Python's ssl module (OpenSSL, X509_get_default_cert_file_env) and
by Go's crypto/x509, in which Pulumi's plugins are written; `AWS_CA_BUNDLE` and `REQUESTS_CA_BUNDLE`
by botocore.
"""

from __future__ import annotations

import re

CA_VARIABLE = "SSL_CERT_FILE"
"""The file of authorities that all clients of a run trust: ours, and those of the plugins."""

WAY_OUT = (
    f"Set {CA_VARIABLE} to a PEM file with the public authorities and the one of your proxy or "
    "firewall"
)
_UNTRUSTED = re.compile(
    r"CERTIFICATE_VERIFY_FAILED\W*(?:certificate verify failed: )?([^(\]\n]*)", re.IGNORECASE
)
_HOST = re.compile(r"(?:connect to host |https://)([\w.-]+(?::\d+)?)")


def distrusted(error: BaseException) -> str | None:
    """What is wrong with a certificate, and of which host; None if the error is another one.

    Args:
        error: an error of an SDK, whose text has that of OpenSSL in it.
    """
    text = str(error)
    found = _UNTRUSTED.search(text)
    if found is None:
        return None
    host = _HOST.search(text)
    return (
        f"TLS: the certificate of {host[1] if host else 'the server'} is not trusted "
        f"({found[1].strip() or 'its authority is not known'})"
    )
