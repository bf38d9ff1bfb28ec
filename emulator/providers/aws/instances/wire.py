"""Conversions between Pulumi inputs and EC2's API: metadata options and user data."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from emulator.providers.errors import ProviderError

WAIT = {"Delay": 2, "MaxAttempts": 300}
"""Settings of boto3's waiters for an instance: seconds between attempts, and how many."""
GONE = frozenset({"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"})
"""The codes with which EC2 says that an instance does not exist."""
METADATA = {
    "httpEndpoint": "HttpEndpoint",
    "httpProtocolIpv6": "HttpProtocolIpv6",
    "httpPutResponseHopLimit": "HttpPutResponseHopLimit",
    "httpTokens": "HttpTokens",
    "instanceMetadataTags": "InstanceMetadataTags",
}
# RunInstances: user data is limited to 16 KB, before it is base64-encoded. Moto takes any.
_USER_DATA_BYTES = 16384


def metadata(options: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata options as EC2 takes them."""
    return {wire: options[name] for name, wire in METADATA.items() if name in options}


def user_data(name: str, value: str) -> bytes:
    """The user data in an input.

    Raises:
        ProviderError: it is larger than EC2 allows.
    """
    data = value.encode() if name == "userData" else base64.b64decode(value)
    if len(data) > _USER_DATA_BYTES:
        raise ProviderError(
            f"AWS refused RunInstances: InvalidParameterValue: {name} has {len(data)} bytes, and "
            f"user data is limited to {_USER_DATA_BYTES}"
        )
    return data
