"""Valid configs, and functions that change one value of them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import settings

GONE = object()
"""As a value, it removes the key."""

_VALID: dict[str, Any] = {
    "aws:region": "eu-west-1",
    "azure-native:location": "westeurope",
    "azure-native:subscriptionId": "11111111-1111-1111-1111-111111111111",
    "source": {"vpcId": "vpc-0123456789abcdef0"},
    "target": {
        "resourceGroup": "rg-migration",
        "vault": "rsv-migration",
        "network": {
            "name": "vnet-prod",
            "addressSpace": "10.20.0.0/16",
            "subnet": {"name": "servers", "addressPrefix": "10.20.1.0/24"},
        },
        "testNetwork": {
            "name": "vnet-test",
            "addressSpace": "10.21.0.0/16",
            "subnet": {"name": "servers", "addressPrefix": "10.21.1.0/24"},
        },
        "cacheStorageAccount": "stmigration",
    },
    "machines": {
        "web-01": {"instanceId": "i-00000000000000001"},
        "web-02": {"instanceId": "i-00000000000000002"},
        "db-01": {"instanceId": "i-00000000000000003"},
    },
    "waves": {
        "pilot": {"phase": "test-failover", "machines": ["web-01"]},
        "data": {"phase": "protected", "machines": ["web-02", "db-01"]},
    },
}


_CLASSIC: dict[str, Any] = {
    "experience": "classic",
    "source": {
        "vpcId": "vpc-0123456789abcdef0",
        "configurationServer": {
            "subnetId": "subnet-0123456789abcdef0",
            "amiId": "ami-0123456789abcdef0",
        },
    },
}
_MODERNIZED: dict[str, Any] = {
    "source": {
        "vpcId": "vpc-0123456789abcdef0",
        "replicationAppliance": {"subnetId": "subnet-0123456789abcdef0"},
    },
    "replication": {
        "agent": {
            "windows": {"url": "https://packages.example.com/agent.exe"},
            "linux": {"url": "https://packages.example.com/agent.tar.gz"},
        }
    },
}


def valid() -> dict[str, Any]:
    """A config of the classic experience."""
    return deepcopy({**_VALID, **_CLASSIC})


def modernized() -> dict[str, Any]:
    """The same config with the modernized experience, which is the default."""
    return deepcopy({**_VALID, **_MODERNIZED})


def put(config: dict[str, Any], *location: str | int, value: Any) -> dict[str, Any]:
    """Set a value and make missing mappings on the way, or remove it with `GONE`."""
    part: Any = config
    for key in location[:-1]:
        part = part.setdefault(key, {}) if isinstance(part, dict) else part[key]
    if value is GONE:
        del part[location[-1]]
    elif isinstance(part, list) and location[-1] == len(part):
        part.append(value)
    else:
        part[location[-1]] = value
    return config


def changed(*location: str | int, value: Any) -> dict[str, Any]:
    """The valid config with one value changed."""
    return put(valid(), *location, value=value)


def report(config: dict[str, Any]) -> dict[str, str]:
    """The problems of a config by path, each with its way out."""
    return {
        problem.path: f"{problem.what}. {problem.way_out}"
        for problem in settings.read(config).problems
    }


def fleet(count: int) -> dict[str, Any]:
    """A valid config with this number of machines in one wave, and a server for them."""
    config = valid()
    names = [f"machine-{index:03}" for index in range(count)]
    config["machines"] = {
        name: {"instanceId": f"i-{index:017x}"} for index, name in enumerate(names)
    }
    config["waves"] = {"all": {"phase": "protected", "machines": names}}
    config["source"]["configurationServer"] |= {"instanceType": "m5.4xlarge", "cacheGiB": 1000}
    return config
