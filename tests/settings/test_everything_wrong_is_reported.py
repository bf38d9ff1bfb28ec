from __future__ import annotations

from typing import Any

import pytest

import settings
from tests.settings import configs
from tests.settings.configs import GONE

I1 = "i-00000000000000001"
VPC = "vpc-0123456789abcdef0"
SUBNET = "subnet-0123456789abcdef0"
REGISTERED = {
    "name": "asr-appliance",
    "securityGroupId": "sg-0123456789abcdef0",
    "privateIp": "10.10.2.9",
}

# location, value, the path in the report, and words in its message
ONE_FAULT: list[tuple[tuple[str | int, ...], Any, str, list[str]]] = [
    # unknown words
    (("waves", "pilot", "phase"), "protectd", "waves.pilot.phase", ["'protected'", "migrated"]),
    (("waves", "pilot", "phase"), "committed", "waves.pilot.phase", ["failed-over, migrated"]),
    (("waves", "pilot", "phase"), None, "waves.pilot.phase", ["protected"]),
    (("wavez",), {}, "wavez", ["unknown key", "'waves'"]),
    (("source", "vpcID"), "x", "source.vpcID", ["unknown key", "'vpcId'"]),
    (("source", "vpc_id"), "x", "source.vpc_id", ["unknown key", "'vpcId'"]),
    (("machines", "web-01", "instanceid"), I1, "machines.web-01.instanceid", ["'instanceId'"]),
    (
        ("machines", "web-01", "target"),
        {"vmname": "a"},
        "machines.web-01.target.vmname",
        ["'vmName'"],
    ),
    (("waves", "pilot", "machine"), ["a"], "waves.pilot.machine", ["'machines'"]),
    (
        ("machines", "web-01", "target", "targetNsg"),
        "x",
        "machines.web-01.target.targetNsg",
        ["unknown key", "It is called networkSecurityGroup here"],
    ),
    (
        ("waves", "pilot", "target", "nsg"),
        "x",
        "waves.pilot.target.nsg",
        ["It is called networkSecurityGroup here"],
    ),
    (
        ("machines", "web-01", "targetNsgId"),
        "x",
        "machines.web-01.targetNsgId",
        ["It is called target.networkSecurityGroup here"],
    ),
    (("replication", "zzz"), 1, "replication.zzz", ["unknown key", "runAsAccounts"]),
    (("convergence", "onPending"), "ignore", "convergence.onPending", ["fail, warn"]),
    (("experience",), "modern", "experience", ["classic", "'modernized', if that is meant"]),
    (("machines", "web-01", "drivers"), "xen", "machines.web-01.drivers", ["citrix-pv"]),
    # missing values
    (("aws:region",), GONE, "aws:region", ["missing", "Add"]),
    (("azure-native:location",), GONE, "azure-native:location", ["missing"]),
    (("azure-native:subscriptionId",), "mine", "azure-native:subscriptionId", ["az account"]),
    (("target", "testNetwork"), GONE, "target.testNetwork", ["missing"]),
    (("machines", "db-01", "instanceId"), GONE, "machines.db-01.instanceId", ["missing"]),
    (("waves", "data", "machines"), [], "waves.data.machines", ["at least"]),
    # types of values
    (("machines",), [], "machines", ["a list", "mapping"]),
    (("waves", "pilot"), "protected", "waves.pilot", ["mapping"]),
    (("waves", "pilot", "machines"), "web-01", "waves.pilot.machines", ["a list"]),
    (("waves", "pilot", "machines", 0), 7, "waves.pilot.machines[0]", ["text", "Quote it"]),
    (
        ("replication", "recoveryPointRetentionHours"),
        "24",
        "replication.recoveryPointRetentionHours",
        ["a whole number"],
    ),
    (
        ("convergence", "offlinePreview"),
        "yes",
        "convergence.offlinePreview",
        ["true or false"],
    ),
    (("target", "tags"), {"cost": 7}, "target.tags.cost", ["text", "Quote it"]),
    (("target", "tags"), {"a/b": "x"}, 'target.tags["a/b"]', ["none of"]),
    # limits
    (
        ("replication", "recoveryPointRetentionHours"),
        73,
        "replication.recoveryPointRetentionHours",
        ["at most 72"],
    ),
    (
        ("replication", "recoveryPointRetentionHours"),
        0,
        "replication.recoveryPointRetentionHours",
        ["at least 1"],
    ),
    (
        ("replication",),
        {"recoveryPointRetentionHours": 1, "appConsistentFrequencyMinutes": 61},
        "replication.appConsistentFrequencyMinutes",
        ["at most 60"],
    ),
    (("convergence", "wait"), 90, "convergence.wait", ["units", "90s"]),
    (("convergence", "wait"), "soon", "convergence.wait", ["units"]),
    (("convergence", "wait"), "0s", "convergence.wait", ["1s to 168h"]),
    (
        ("replication", "registrationTimeout"),
        "25h",
        "replication.registrationTimeout",
        ["1m to 24h"],
    ),
    # names that a cloud refuses
    (("source", "vpcId"), "vpc-1", "source.vpcId", ["id of a VPC"]),
    (
        ("source", "configurationServer", "amiId"),
        "windows-2016",
        "source.configurationServer.amiId",
        ["ami-"],
    ),
    (
        ("source", "configurationServer", "name"),
        "configuration-server-1",
        "source.configurationServer.name",
        ["1 to 15"],
    ),
    (
        ("source", "configurationServer", "privateIp"),
        "10.10.2.300",
        "source.configurationServer.privateIp",
        ["IPv4 address"],
    ),
    (("machines", "web-01", "instanceId"), "web-01", "machines.web-01.instanceId", ["i-"]),
    (("target", "resourceGroup"), "rg.", "target.resourceGroup", ["full stop"]),
    (("target", "vault"), "1vault", "target.vault", ["a letter first"]),
    (("target", "cacheStorageAccount"), "st-migration", "target.cacheStorageAccount", ["3 to 24"]),
    (
        ("target", "cacheStorageAccount"),
        "stwindowscache",
        "target.cacheStorageAccount",
        ["reserved", "windows"],
    ),
    (
        ("machines", "web-01", "target"),
        {"vmName": "web_01"},
        "machines.web-01.target.vmName",
        ["1 to 63"],
    ),
    (
        ("machines", "web-01", "target"),
        {"vmName": "w" * 64},
        "machines.web-01.target.vmName",
        ["1 to 63"],
    ),
    (
        ("machines", "web-01", "target"),
        {"vmName": "w" * 60},
        "machines.web-01.target.vmName",
        ["at most 59"],
    ),
    (
        ("machines", "web-01", "target"),
        {"vmName": "xbox"},
        "machines.web-01.target.vmName",
        ["reserved"],
    ),
    (
        ("machines", "web.03"),
        {"instanceId": "i-00000000000000009"},
        'machines["web.03"]',
        ["target.vmName"],
    ),
    (
        ("machines", "login-01"),
        {"instanceId": "i-00000000000000009"},
        "machines.login-01",
        ["reserved", "target.vmName"],
    ),
    (
        ("machines", "a b"),
        {"instanceId": "i-00000000000000009", "target": {"vmName": "ab"}},
        'machines["a b"]',
        ["cannot name a machine"],
    ),
    (("waves", "my wave"), {"phase": "protected", "machines": ["x"]}, 'waves["my wave"]', ["name"]),
    # values that contradict each other
    (("waves", "pilot", "machines", 1), "web-03", "waves.pilot.machines[1]", ["web-0", "declare"]),
    (("waves", "data", "machines", 2), "web-02", "waves.data.machines[2]", ["data.machines[0]"]),
    (("waves", "data", "machines", 2), "web-01", "waves.data.machines[2]", ["'pilot'"]),
    (("machines", "db-01", "instanceId"), I1, "machines.db-01.instanceId", ["machines.web-01"]),
    (
        ("machines", "WEB-01"),
        {"instanceId": "i-00000000000000009", "target": {"vmName": "other"}},
        "machines.WEB-01",
        ["case"],
    ),
    (
        ("machines", "db-01", "target"),
        {"vmName": "WEB-01"},
        "machines.db-01.target.vmName",
        ["machines.web-01", "another target.vmName"],
    ),
    (
        ("machines", "db-01", "target"),
        {"vmName": "web-01-test"},
        "machines.db-01.target.vmName",
        ["test failover of machines.web-01"],
    ),
    (
        ("target", "network", "subnet", "addressPrefix"),
        "10.22.1.0/24",
        "target.network.subnet.addressPrefix",
        ["not inside 10.20.0.0/16"],
    ),
    (
        ("target", "network", "addressSpace"),
        "10.20.0.1/16",
        "target.network.addressSpace",
        ["host bits"],
    ),
    (
        ("target", "network", "subnet", "addressPrefix"),
        "10.20.1.0/30",
        "target.network.subnet.addressPrefix",
        ["/29"],
    ),
    (("target", "testNetwork", "name"), "VNET-prod", "target.testNetwork.name", ["production"]),
    (
        ("target", "testNetwork"),
        {
            "name": "vnet-test",
            "addressSpace": "10.20.128.0/17",
            "subnet": {"name": "servers", "addressPrefix": "10.20.129.0/24"},
        },
        "target.testNetwork.addressSpace",
        ["overlaps"],
    ),
    (
        ("target", "machinesResourceGroup"),
        "RG-Migration",
        "target.machinesResourceGroup",
        ["deleted with the stack"],
    ),
    # the configuration server
    (
        ("source", "configurationServer", "instanceType"),
        "c5.xlarge",
        "source.configurationServer.instanceType",
        ["4 vCPUs", "needs 8 vCPUs", "c5.2xlarge"],
    ),
    (
        ("source", "configurationServer", "instanceType"),
        "c4.2xlarge",
        "source.configurationServer.instanceType",
        ["15 GiB", "16 GiB"],
    ),
    (
        ("source", "configurationServer", "instanceType"),
        "m6g.2xlarge",
        "source.configurationServer.instanceType",
        ["Arm"],
    ),
    (
        ("source", "configurationServer", "cacheGiB"),
        299,
        "source.configurationServer.cacheGiB",
        ["at least 300"],
    ),
]

# the same, in a config of the modernized experience
ONE_FAULT_OF_MODERNIZED: list[tuple[tuple[str | int, ...], Any, str, list[str]]] = [
    # the server
    (
        ("source", "replicationAppliance"),
        GONE,
        "source.replicationAppliance",
        ["missing", "experience is modernized", "subnetId, or registered"],
    ),
    (
        ("source",),
        {"vpcId": VPC, "configurationServer": {"subnetId": SUBNET}},
        "source.replicationAppliance",
        ["set experience: classic"],
    ),
    (
        ("experience",),
        "classic",
        "source.configurationServer",
        ["missing", "set experience: modernized"],
    ),
    (
        ("source", "replicationAppliance"),
        {"name": "asr"},
        "source.replicationAppliance.subnetId",
        ["missing", "registered"],
    ),
    (
        ("source", "replicationAppliance"),
        {"registered": REGISTERED},
        "target.adopt",
        ["registered", "[resourceGroup, vault]"],
    ),
    (
        ("source", "replicationAppliance", "cacheGiB"),
        619,
        "source.replicationAppliance.cacheGiB",
        ["at least 620"],
    ),
    (
        ("source", "replicationAppliance", "instanceType"),
        "c5.xlarge",
        "source.replicationAppliance.instanceType",
        ["a replication appliance for 3 machines needs 8 vCPUs"],
    ),
    (
        ("source", "replicationAppliance", "installation"),
        "by hand",
        "source.replicationAppliance.installation",
        ["unattended, manual"],
    ),
    # packages
    (
        ("source", "replicationAppliance", "installer"),
        {"url": "http://example.com/a.zip"},
        "source.replicationAppliance.installer.url",
        ["https"],
    ),
    (
        ("replication", "agent", "windows"),
        {"url": "https://user@example.com/a.exe"},
        "replication.agent.windows.url",
        ["no user name"],
    ),
    (
        ("replication", "agent", "linux"),
        {"url": "https://example.com/$(reboot)"},
        "replication.agent.linux.url",
        ["shell"],
    ),
    (
        ("replication", "agent", "linux"),
        {"url": "https://example.com/a.tar.gz", "sha256": "abc"},
        "replication.agent.linux.sha256",
        ["64 hexadecimal digits"],
    ),
    (("replication", "agent", "linux"), {}, "replication.agent.linux.url", ["missing"]),
    (
        ("replication", "agent", "installation"),
        "push",
        "replication.agent.installation",
        ["only the configuration server", "ssm, or manual"],
    ),
    # limits
    (
        ("replication", "recoveryPointRetentionHours"),
        361,
        "replication.recoveryPointRetentionHours",
        ["at most 360"],
    ),
    # what exists already
    (("target", "adopt"), ["vaults"], "target.adopt", ["'vaults'", "machinesResourceGroup"]),
    (("target", "adopt"), "yes", "target.adopt", ["true, false, or a list"]),
    (("target", "adopt"), ["vault"], "target.adopt", ["Add resourceGroup"]),
    (("target", "adopt"), ["network"], "target.adopt", ["Add machinesResourceGroup"]),
    (
        ("target", "network", "resourceGroup"),
        "RG-Migration",
        "target.network.resourceGroup",
        ["deleted with the stack"],
    ),
    (
        ("target", "network", "subnet", "networkSecurityGroup"),
        "nsg-servers",
        "target.network.subnet.networkSecurityGroup",
        ["is not a valid id of a network security group"],
    ),
    # targets
    (
        ("machines", "web-01", "target"),
        {"privateIp": "10.20.2.10"},
        "machines.web-01.target.privateIp",
        ["10.20.1.0/24"],
    ),
    (
        ("machines", "web-01", "target"),
        {
            "availabilityZone": "1",
            "availabilitySet": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute"
            "/availabilitySets/web",
        },
        "machines.web-01.target.availabilitySet",
        ["availability zone 1 too", "Remove one of the two"],
    ),
    (
        ("machines", "web-01", "target"),
        {"diskEncryptionSet": "keys"},
        "machines.web-01.target.diskEncryptionSet",
        ["is not a valid id of a disk encryption set"],
    ),
    (
        ("machines", "web-01", "target"),
        {"testPrivateIp": "10.20.1.10"},
        "machines.web-01.target.testPrivateIp",
        ["10.21.1.0/24"],
    ),
    (
        ("machines", "web-01", "target"),
        {"privateIp": "10.20.1.3"},
        "machines.web-01.target.privateIp",
        ["first four"],
    ),
    (
        ("machines", "web-01", "target"),
        {"privateIp": "10.20.1.255"},
        "machines.web-01.target.privateIp",
        ["the last"],
    ),
    (
        ("machines", "web-01", "target"),
        {"subnet": "data"},
        "machines.web-01.target.subnet",
        ["no subnet 'data'", "'servers'"],
    ),
    *(
        (
            ("machines", "web-01", "target"),
            {"privateIp": "10.20.1.10", "interfaces": {key: interface}},
            f"machines.web-01.target.interfaces.{place}",
            words,
        )
        for key, interface, place, words in (
            ("eth1", {}, "eth1", ["names no network interface", '"1"']),
            ("-1", {}, "-1", ["names no network interface"]),
            ("0", {"subnet": "servers"}, "0", ["first network interface", "subnet, privateIp"]),
            ("00", {}, "00", ["first network interface"]),
            ("1", {"subnet": "data"}, "1.subnet", ["target.network has no subnet 'data'"]),
            (
                "1",
                {"testSubnet": "dmz"},
                "1.testSubnet",
                ["target.testNetwork has no", "'servers'"],
            ),
            ("1", {"privateIp": "10.20.2.10"}, "1.privateIp", ["10.20.1.0/24"]),
            ("1", {"testPrivateIp": "10.20.1.9"}, "1.testPrivateIp", ["10.21.1.0/24"]),
            ("1", {"privateIp": "10.20.1.10"}, "1.privateIp", ["machines.web-01 too"]),
            ("1", {"privateIP": "10.20.1.11"}, "1.privateIP", ["unknown key", "'privateIp'"]),
            ("1", {"leaveOut": True, "subnet": "servers"}, "1", ["Remove one of the two"]),
            ("1", {"leaveOut": "maybe"}, "1.leaveOut", ["true"]),
        )
    ),
    (("waves", "data", "target"), {"subnet": "dmz"}, "waves.data.target.subnet", ["'dmz'"]),
    (
        ("waves", "data", "target"),
        {"interfaces": {"1": {}}},
        "waves.data.target.interfaces",
        ["unknown key"],
    ),
    (
        ("waves", "data", "target"),
        {"vmName": "a"},
        "waves.data.target.vmName",
        ["unknown key"],
    ),
    # members of waves
    (("waves", "data", "machines"), GONE, "waves.data.machines", ["missing", "select"]),
    (
        ("waves", "data", "select"),
        {"move": "yes"},
        "waves.data.machines",
        ["set together with select"],
    ),
]


@pytest.mark.parametrize(("location", "value", "place", "words"), ONE_FAULT_OF_MODERNIZED)
def test_a_fault_of_a_modernized_config_is_the_only_one_that_is_reported(
    location: tuple[str | int, ...], value: Any, place: str, words: list[str]
) -> None:
    report = configs.report(configs.put(configs.modernized(), *location, value=value))
    assert list(report) == [place]
    for word in words:
        assert word in report[place]


def test_a_registered_appliance_stands_alone_and_is_named_by_what_aws_calls_it() -> None:
    config = configs.modernized()
    config["target"]["adopt"] = ["resourceGroup", "vault"]
    appliance = config["source"]["replicationAppliance"]
    appliance["registered"] = {**REGISTERED, "securityGroupId": "default"}
    report = configs.report(config)
    place = "source.replicationAppliance.registered"
    assert set(report) == {place, f"{place}.securityGroupId"}
    assert "together with subnetId" in report[place]
    assert "sg-" in report[f"{place}.securityGroupId"]
    config["source"]["replicationAppliance"] = {"registered": REGISTERED}
    assert configs.report(config) == {}


def test_the_source_side_is_retired_when_every_wave_is_to_be_migrated() -> None:
    config = {**configs.modernized(), "sourceInfrastructure": "retired"}
    config["waves"]["pilot"]["phase"] = "migrated"
    report = configs.report(config)
    assert list(report) == ["sourceInfrastructure"]
    assert "the phase of wave data is protected" in report["sourceInfrastructure"]
    config["waves"]["data"]["phase"] = "migrated"
    assert configs.report(config) == {}
    assert "sourceInfrastructure" in configs.report({**config, "sourceInfrastructure": "gone"})


def test_two_machines_may_not_have_one_address() -> None:
    config = configs.modernized()
    config["machines"]["web-01"]["target"] = {"privateIp": "10.20.1.10"}
    config["machines"]["db-01"]["target"] = {"privateIp": "10.20.1.10"}
    report = configs.report(config)
    assert list(report) == ["machines.db-01.target.privateIp"]
    assert "machines.web-01" in report["machines.db-01.target.privateIp"]


def test_a_machine_may_not_have_too_many_tags_together_with_its_wave() -> None:
    config = configs.modernized()
    config["waves"]["data"]["target"] = {"tags": {f"wave-{n}": "x" for n in range(30)}}
    config["machines"]["db-01"]["target"] = {"tags": {f"own-{n}": "x" for n in range(18)}}
    assert configs.report(config) == {}
    config["machines"]["db-01"]["target"]["tags"]["one"] = "more"
    assert list(configs.report(config)) == ["machines.db-01.target.tags"]


def test_an_adopted_network_may_have_subnets_and_addresses_that_the_config_does_not_know() -> None:
    config = configs.modernized()
    config["target"]["adopt"] = True
    config["waves"]["data"]["target"] = {"subnet": "data"}
    config["machines"]["db-01"]["target"] = {"privateIp": "10.20.7.10"}
    assert configs.report(config) == {}


def test_an_adopted_resource_group_may_hold_the_machines_too() -> None:
    config = configs.modernized()
    config["target"] |= {
        "machinesResourceGroup": config["target"]["resourceGroup"],
        "adopt": ["resourceGroup", "machinesResourceGroup"],
    }
    assert configs.report(config) == {}
    config["target"]["adopt"] = ["resourceGroup"]
    assert list(configs.report(config)) == ["target.machinesResourceGroup"]


@pytest.mark.parametrize(
    ("churn", "kind", "place"),
    [
        (500, "c5.2xlarge", None),
        (501, "c5.2xlarge", "source.configurationServer.instanceType"),
        (1000, "c5.4xlarge", None),
        (2000, "c5.4xlarge", "source.configurationServer.cacheGiB"),
        (2001, "c5.9xlarge", "source.configurationServer.churnGiBPerDay"),
    ],
)
def test_the_configuration_server_must_be_large_enough_for_the_churn(
    churn: int, kind: str, place: str | None
) -> None:
    config = configs.valid()
    cache = 1000 if churn > 2000 else 600
    config["source"]["configurationServer"] |= {
        "instanceType": kind,
        "churnGiBPerDay": churn,
        "cacheGiB": cache,
    }
    assert list(configs.report(config)) == ([place] if place else [])


@pytest.mark.parametrize(
    ("machines", "kind", "cache", "place"),
    [
        (150, "c5.2xlarge", 620, None),
        (151, "c5.2xlarge", 1024, "source.replicationAppliance.instanceType"),
        (151, "c5.4xlarge", 620, "source.replicationAppliance.cacheGiB"),
        (200, "c5.4xlarge", 1024, None),
        (201, "c5.4xlarge", 1024, "waves"),
    ],
)
def test_the_appliance_must_be_large_enough_for_the_fleet(
    machines: int, kind: str, cache: int, place: str | None
) -> None:
    config = configs.modernized() | {
        key: configs.fleet(machines)[key] for key in ("machines", "waves")
    }
    config["source"]["replicationAppliance"] |= {"instanceType": kind, "cacheGiB": cache}
    report = configs.report(config)
    assert list(report) == ([place] if place else [])
    if place == "waves":
        assert "one replication appliance" in report[place]
        assert "Split them" in report[place]


@pytest.mark.parametrize("hours", [73, 360])
def test_recovery_points_are_kept_longer_by_modernized(hours: int) -> None:
    for config, fine in ((configs.modernized(), True), (configs.valid(), False)):
        configs.put(config, "replication", "recoveryPointRetentionHours", value=hours)
        assert (configs.report(config) == {}) == fine


@pytest.mark.parametrize(("location", "value", "place", "words"), ONE_FAULT)
def test_a_fault_is_reported_at_its_place_with_the_way_out(
    location: tuple[str | int, ...], value: Any, place: str, words: list[str]
) -> None:
    report = configs.report(configs.changed(*location, value=value))
    assert place in report
    for word in words:
        assert word in report[place]


def test_the_valid_config_has_nothing_to_report() -> None:
    assert configs.report(configs.valid()) == {}


def test_faults_in_every_part_come_in_one_report() -> None:
    config = configs.valid()
    config["aws:region"] = ""
    config["surprise"] = 1
    config["source"]["vpcId"] = "vpc"
    config["target"]["network"]["addressSpace"] = "10.20.0.0"
    config["replication"] = {"recoveryPointRetentionHours": 100}
    config["convergence"] = {"poll": "x"}
    config["machines"]["web-02"]["instanceId"] = I1
    config["waves"]["data"]["phase"] = "migrate"
    config["waves"]["data"]["machines"].append("nobody")
    with pytest.raises(settings.SettingsError) as caught:
        settings.load(config)
    places = [problem.path for problem in caught.value.problems]
    assert places == [
        "aws:region",
        "convergence.poll",
        "machines.web-02.instanceId",
        "replication.recoveryPointRetentionHours",
        "source.vpcId",
        "surprise",
        "target.network.addressSpace",
        "waves.data.machines[2]",
        "waves.data.phase",
    ]
    title, *lines = str(caught.value).splitlines()
    assert "9 problems" in title
    assert [line.split(": ")[0].strip(" -") for line in lines] == places


@pytest.mark.parametrize("raw", [{}, {"machines": 3}, {"source": [], "target": None, "waves": "x"}])
def test_a_config_that_is_nothing_like_one_is_reported_too(raw: dict[str, Any]) -> None:
    assert {"aws:region", "source", "target", *raw} <= set(configs.report(raw))


@pytest.mark.parametrize(
    ("machines", "kind", "cache", "place"),
    [
        (99, "c5.2xlarge", 300, None),
        (100, "c5.2xlarge", 600, "source.configurationServer.instanceType"),
        (100, "c5.4xlarge", 300, "source.configurationServer.cacheGiB"),
        (150, "c5.4xlarge", 600, None),
        (151, "c5.4xlarge", 600, "source.configurationServer.cacheGiB"),
        (200, "c5.4xlarge", 1000, None),
        (201, "c5.9xlarge", 1000, "waves"),
    ],
)
def test_the_server_must_be_large_enough_for_the_fleet(
    machines: int, kind: str, cache: int, place: str | None
) -> None:
    config = configs.fleet(machines)
    config["source"]["configurationServer"] |= {"instanceType": kind, "cacheGiB": cache}
    assert list(configs.report(config)) == ([place] if place else [])


def test_an_instance_type_that_is_not_known_is_left_to_the_cloud() -> None:
    config = configs.changed("source", "configurationServer", "instanceType", value="m9x.2xlarge")
    assert configs.report(config) == {}


def test_only_machines_of_a_wave_count_for_the_servers_size() -> None:
    config = configs.fleet(120)
    config["waves"]["all"]["machines"] = config["waves"]["all"]["machines"][:99]
    config["source"]["configurationServer"] = {
        **config["source"]["configurationServer"],
        "instanceType": "c5.2xlarge",
    }
    assert configs.report(config) == {}
