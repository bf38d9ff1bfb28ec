"""A valid config of the modernized experience that has nearly every key."""

from __future__ import annotations

import json
from typing import Any

from tests.settings import configs

_AZURE = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-machines/providers"
_NETWORK = f"{_AZURE}/Microsoft.Network"
_COMPUTE = f"{_AZURE}/Microsoft.Compute"
_COMMANDS = {"windows": ["Stop-Service W3SVC"], "linux": ["systemctl stop nginx"]}


def full() -> dict[str, Any]:
    """The config; each call makes a new one."""
    config = configs.modernized()
    config |= {
        "experience": "modernized",
        "allowRetiredClassic": False,
        "sourceInfrastructure": "active",
        "promotion": {"after": "staging", "except": ["data"]},
        "convergence": {
            "wait": "2h",
            "poll": "1m",
            "onPending": "fail",
            "requireTestFailover": True,
            "requireApproval": False,
            "window": _window(),
            "maxFailoversPerUp": 5,
            "maxRpoMinutes": 30,
            "offlinePreview": False,
        },
    }
    config["source"] = {
        "vpcId": "vpc-0123456789abcdef0",
        "replicationAppliance": {
            "subnetId": "subnet-0123456789abcdef0",
            "name": "asr-one",
            "amiId": "ami-0123456789abcdef0",
            "instanceType": "c5.2xlarge",
            "cacheGiB": 700,
            "privateIp": "10.0.0.9",
            "installation": "unattended",
            "installer": _package("setup.zip"),
        },
        "proxy": {"url": "http://proxy.example.com:3128", "bypass": ["internal.example.com"]},
        "tags": {"CostCenter": "7"},
    }
    config["replication"] = {
        "recoveryPointRetentionHours": 24,
        "appConsistentFrequencyMinutes": 60,
        "crashConsistentFrequencyMinutes": 5,
        "recoveryPointThresholdMinutes": 15,
        "runAsAccounts": {"windows": "WindowsAccount", "linux": "LinuxAccount"},
        "registrationTimeout": "30m",
        "agent": {
            "installation": "ssm",
            "windows": _package("agent.exe"),
            "linux": _package("agent.tar.gz"),
        },
    }
    config["target"] |= {
        "machinesResourceGroup": "rg-machines",
        "machinesSubscriptionId": "11111111-1111-1111-1111-111111111111",
        "cacheResourceGroup": "rg-cache",
        "adopt": ["machinesResourceGroup"],
        "tags": {"team": "shop"},
    }
    for part in ("network", "testNetwork"):
        config["target"][part]["resourceGroup"] = "rg-network"
        config["target"][part]["subnet"]["networkSecurityGroup"] = (
            f"{_NETWORK}/networkSecurityGroups/nsg-team"
        )
    config["machines"]["web-01"] |= {
        "os": {"name": "windows-server-2019", "unsupported": "accepted"},
        "drivers": "aws-pv",
        "target": {
            **_shared(),
            "vmName": "vm-web-01",
            "privateIp": "10.20.1.10",
            "testPrivateIp": "10.21.1.10",
            "interfaces": {
                "1": {
                    "subnet": "servers",
                    "privateIp": "10.20.1.11",
                    "testSubnet": "servers",
                    "testPrivateIp": "10.21.1.11",
                    "leaveOut": False,
                }
            },
            "disks": {
                "/dev/sdf": {
                    "type": "StandardSSD_LRS",
                    "diskEncryptionSet": f"{_COMPUTE}/diskEncryptionSets/des",
                }
            },
        },
        **_of_a_failover(),
    }
    config["waves"]["data"] |= {
        "target": _shared(),
        "requireTestFailover": True,
        "recoveryPoint": "latest",
        "window": _window(),
        "maxFailoversPerUp": 2,
        "maxRpoMinutes": 15,
        "after": ["pilot"],
        "approval": {"by": "Ada", "ticket": "CHG-1", "for": "failed-over"},
        **_of_a_failover(),
        "cutover": {"mode": "latest"},
        "recoveryPlan": {
            "groups": [
                ["db-01"],
                {
                    "machines": ["web-02"],
                    "pre": [{"manual": "Check the database."}],
                    "post": [
                        {
                            "runbook": {
                                "id": f"{_AZURE}/Microsoft.Automation/automationAccounts/a/runbooks/r",
                                "timeout": "30m",
                            }
                        }
                    ],
                },
            ]
        },
    }
    config["waves"]["selected"] = {
        "phase": "protected",
        "select": {"move": "yes"},
        "selectName": "Name",
        # No machine with reserved capacity may be in a set or a placement group.
        "target": {"capacityReservationGroup": f"{_COMPUTE}/capacityReservationGroups/crg"},
    }
    # Values that are used twice become two, as in a file.
    whole: dict[str, Any] = json.loads(json.dumps(config))
    return whole


def _package(name: str) -> dict[str, str]:
    return {"url": f"https://packages.example.com/{name}", "sha256": "ab" * 32}


def _window() -> dict[str, Any]:
    return {
        "from": "22:00",
        "to": "04:00",
        "timezone": "Europe/Berlin",
        "days": ["saturday", "sunday"],
    }


def _shared() -> dict[str, Any]:
    return {
        "vmSize": "Standard_D2s_v5",
        "diskType": "Premium_LRS",
        "availabilitySet": f"{_COMPUTE}/availabilitySets/set",
        "proximityPlacementGroup": f"{_COMPUTE}/proximityPlacementGroups/ppg",
        "diskEncryptionSet": f"{_COMPUTE}/diskEncryptionSets/des",
        "licenseType": "WindowsServer",
        "linuxLicenseType": "NoLicenseType",
        "sqlServerLicenseType": "AHUB",
        "tags": {"app": "web"},
        "tagsFromSource": ["*", "!app-*"],
        "subnet": "servers",
    }


def _of_a_failover() -> dict[str, Any]:
    return {
        "cutover": {
            "mode": "lossless",
            "consistency": "crash",
            "quiesce": {"ssm": _COMMANDS, "resume": _COMMANDS, "timeout": "10m"},
            "at": "2026-12-05T22:00:00+01:00",
            "recoveryPointWait": "30m",
            "onFailure": "restore",
        },
        "source": {"terminateAfter": "14d"},
        "afterFailover": {"after": "4h", "do": "wait"},
        "hooks": {
            "beforeFailover": [{"ssm": _COMMANDS}],
            "afterFailover": [{"command": ["./after.sh", "x"], "timeout": "5m"}],
            "beforeCompletion": [
                {"webhook": {"url": "https://hooks.example.com/x", "secretEnv": "HOOK_SECRET"}}
            ],
        },
        "checks": [
            {"running": {"within": "20m"}},
            {"azureRunCommand": _COMMANDS, "timeout": "10m"},
            {"tcp": 443, "from": "runner", "host": "10.20.1.10"},
            {
                "http": {
                    "path": "/health",
                    "status": 200,
                    "port": 443,
                    "tls": True,
                    "verify": False,
                },
                "from": "runner",
            },
        ],
    }
