"""Which machines the support matrix refuses, and with which messages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from site_recovery.aws import images
from site_recovery.aws.disks import Disk
from site_recovery.aws.ec2 import MachineFacts
from site_recovery.aws.inventory import Driver
from site_recovery.aws.support_check import Stated, drivers_matter, problems, remark
from site_recovery.aws.support_matrix import matrix
from site_recovery.fleet import ExperienceName

WINDOWS = MachineFacts(
    instance_id="i-1",
    state="running",
    private_ip="10.10.1.11",
    platform="windows",
    os="windows-server-2012-r2",
    image_name="Windows_Server-2012-R2_RTM-English-64Bit-Base-2017.09.13",
    architecture="x86_64",
    virtualization="hvm",
    instance_type="m4.large",
    vpc_id="vpc-1",
    subnet_id="subnet-1",
    network_interface_id="eni-1",
    security_group_ids=("sg-1",),
    disks=(Disk("/dev/sda1", 50, "vol-1"),),
)
RHEL = replace(WINDOWS, platform="linux", os="rhel-6.7")
W2008 = replace(WINDOWS, os="windows-server-2008-r2-sp1")
NOTHING = Stated()


@pytest.mark.parametrize(
    ("facts", "stated"),
    [
        (WINDOWS, NOTHING),
        (replace(WINDOWS, os="windows-server-2012"), NOTHING),
        (replace(WINDOWS, virtualization="paravirtual"), NOTHING),
        (W2008, Stated(drivers="citrix-pv")),
        (W2008, Stated(drivers="aws-pv")),
        (RHEL, NOTHING),
        (replace(WINDOWS, os=None), Stated(os="windows-server-2012")),
    ],
)
def test_what_the_procedure_supports_is_taken(facts: MachineFacts, stated: Stated) -> None:
    assert problems("web-01", facts, stated, "classic") == []


@pytest.mark.parametrize(
    ("facts", "stated", "where", "words"),
    [
        (replace(WINDOWS, state="stopped"), NOTHING, "machines.web-01.instanceId", "stopped"),
        (replace(WINDOWS, state="terminated"), NOTHING, "machines.web-01.instanceId", "terminated"),
        (replace(RHEL, architecture="arm64"), NOTHING, "machines.web-01", "arm64"),
        (replace(RHEL, os="amazon-linux"), NOTHING, "machines.web-01", "amazon-linux"),
        (replace(RHEL, os="rhel-7.2"), NOTHING, "machines.web-01", "rhel-7.2"),
        (replace(RHEL, virtualization="paravirtual"), NOTHING, "machines.web-01", "paravirtual"),
        (W2008, NOTHING, "machines.web-01.drivers", "EC2 cannot say"),
        (W2008, Stated(drivers="redhat-pv"), "machines.web-01.drivers", "redhat-pv"),
        (WINDOWS, Stated(drivers="redhat-pv"), "machines.web-01.drivers", "redhat-pv"),
        (replace(WINDOWS, os=None, image_name=None), NOTHING, "machines.web-01.os", "image"),
        (WINDOWS, Stated(os="windows-server-2003"), "machines.web-01.os", "windows-server-2003"),
        (
            replace(WINDOWS, disks=(Disk("/dev/sda1", 2049, "v"),)),
            NOTHING,
            "machines.web-01",
            "2049 GiB",
        ),
        (
            replace(WINDOWS, disks=tuple(Disk(f"d{n}", 10, "v") for n in range(66))),
            NOTHING,
            "machines.web-01",
            "65 data disks",
        ),
        (
            replace(WINDOWS, disks=(*WINDOWS.disks, Disk("/dev/xvdb", 40000, "v"))),
            NOTHING,
            "machines.web-01",
            "40000 GiB",
        ),
    ],
)
def test_what_it_does_not_support_is_refused_by_place_and_name(
    facts: MachineFacts, stated: Stated, where: str, words: str
) -> None:
    [problem] = problems("web-01", facts, stated, "classic")
    assert problem.path == where
    assert words in problem.what
    assert problem.way_out


@pytest.mark.parametrize("facts", [W2008, WINDOWS])
@pytest.mark.parametrize(
    ("listed", "stated"),
    [
        (("aws-pv",), None),
        (("citrix-pv",), None),
        (("aws-pv", "citrix-pv"), None),
        (("citrix-pv",), "citrix-pv"),
        (("aws-pv", "citrix-pv"), "citrix-pv"),
        (("aws-pv", "redhat-pv"), "aws-pv"),
    ],
)
def test_drivers_that_the_inventory_lists_count_as_those_that_are_stated(
    facts: MachineFacts, listed: tuple[Driver, ...], stated: Driver | None
) -> None:
    told = replace(facts, drivers=listed)
    assert problems("web-01", told, Stated(drivers=stated), "classic") == []


@pytest.mark.parametrize("facts", [W2008, WINDOWS])
@pytest.mark.parametrize(
    ("listed", "stated", "words", "way_out"),
    [
        (("redhat-pv",), None, ["redhat-pv drivers are not", "i-1"], "Install the Citrix PV"),
        (("aws-pv",), "citrix-pv", ["says citrix-pv", "lists aws-pv", "i-1"], "leave it out"),
        (("redhat-pv",), "aws-pv", ["says aws-pv", "lists redhat-pv"], "leave it out"),
        (("aws-pv",), "redhat-pv", ["says redhat-pv", "lists aws-pv"], "leave it out"),
        (
            ("aws-pv", "citrix-pv"),
            "redhat-pv",
            ["says redhat-pv", "lists aws-pv and citrix-pv"],
            "leave it out",
        ),
        (("citrix-pv", "redhat-pv"), None, ["lists citrix-pv and redhat-pv"], "state it"),
        (("citrix-pv", "redhat-pv"), "redhat-pv", ["redhat-pv drivers are not"], "then state"),
    ],
)
def test_drivers_that_the_inventory_lists_may_be_refused(
    facts: MachineFacts,
    listed: tuple[Driver, ...],
    stated: Driver | None,
    words: list[str],
    way_out: str,
) -> None:
    told = replace(facts, drivers=listed)
    [problem] = problems("web-01", told, Stated(drivers=stated), "classic")
    assert problem.path == "machines.web-01.drivers"
    assert all(word in problem.what for word in words)
    assert way_out in problem.way_out


def test_unknown_drivers_may_be_declared_or_gathered() -> None:
    [problem] = problems("web-01", W2008, NOTHING, "classic")
    assert "citrix-pv | aws-pv" in problem.way_out
    assert "AWS-GatherSoftwareInventory with i-1" in problem.way_out


@pytest.mark.parametrize(
    ("facts", "stated", "experience", "matter"),
    [
        (W2008, NOTHING, "classic", True),
        (W2008, Stated(drivers="aws-pv"), "classic", True),
        (WINDOWS, NOTHING, "classic", True),
        (replace(WINDOWS, os=None), Stated(os="windows-server-2012"), "classic", True),
        (replace(WINDOWS, os=None), NOTHING, "classic", False),
        (replace(WINDOWS, os="windows-server-2022"), NOTHING, "classic", False),
        (replace(W2008, state="stopped"), NOTHING, "classic", False),
        (RHEL, NOTHING, "classic", False),
        (W2008, NOTHING, "modernized", False),
    ],
)
def test_drivers_matter_where_a_running_windows_could_be_refused_for_them(
    facts: MachineFacts, stated: Stated, experience: ExperienceName, matter: bool
) -> None:
    assert drivers_matter(facts, stated, experience) == matter


def test_all_problems_of_a_machine_are_told_at_once() -> None:
    hopeless = replace(RHEL, state="stopped", architecture="arm64", os="amazon-linux")
    assert len(problems("web-01", hopeless, NOTHING, "classic")) == 3


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (
            "Windows_Server-2008-R2_SP1-English-64Bit-Base-2017.09.13",
            "windows-server-2008-r2-sp1",
        ),
        ("Windows_Server-2012-RTM-English-64Bit-Base-2017.09.13", "windows-server-2012"),
        ("Windows_Server-2012-R2_RTM-English-64Bit-Base-2017.09.13", "windows-server-2012-r2"),
        ("Windows_Server-2016-English-Full-Base-2019.01.10", "windows-server-2016"),
        ("RHEL-6.7_HVM_GA-20160412-x86_64-1-Hourly2-GP2", "rhel-6.7"),
        ("RHEL-7.2_HVM-20161025-x86_64-1-Hourly2-GP2", "rhel-7.2"),
        ("amzn2-ami-hvm-2.0.20190618-x86_64-gp2", "amazon-linux"),
        ("ubuntu/images/hvm-ssd/ubuntu-xenial-16.04-amd64-server-20190628", "ubuntu-16.04"),
        ("our golden image", None),
    ],
)
def test_an_image_name_tells_its_operating_system(name: str, key: str | None) -> None:
    assert images.operating_system(name) == key


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Windows_Server-2019-English-Full-Base-2024.01.10", "windows-server-2019"),
        ("OL8.7-x86_64-HVM-2023-03-22", "oracle-8.7"),
        ("CentOS Linux 7 x86_64 HVM EBS ENA 1901_01", "centos-7"),
        ("CentOS 8.4.2105 x86_64", "centos-8.4"),
        ("suse-sles-15-sp4-v20230428-hvm-ssd-x86_64", "sles-15-sp4"),
        ("al2023-ami-2023.1.20230719.0-kernel-6.1-x86_64", "amazon-linux"),
        ("amzn-ami-hvm-2018.03.0.20200318.1-x86_64-gp2", "amazon-linux"),
        ("amzn2-ami-kernel-5.10-hvm-2.0.20231218.0-x86_64-gp2", "amazon-linux"),
        ("amzn2-x86_64-SQL_2017_Standard-2021.06.24", "amazon-linux"),
        ("amzn2-ami-ecs-hvm-2.0.20240109-x86_64-ebs", "amazon-linux"),
        ("al2022-ami-2022.0.20221019.4-kernel-5.15-x86_64", "amazon-linux"),
        ("al2023-ami-minimal-2023.3.20240108.0-kernel-6.1-x86_64", "amazon-linux"),
        ("amazon-eks-node-1.27-v20240110", "amazon-linux"),
        ("Rocky-8-ec2-8.6-20220515.0.x86_64", "rocky-8.6"),
        ("Rocky-8-EC2-Base-8.9-20231119.0.x86_64", "rocky-8.9"),
        ("Rocky-9-EC2-LVM-9.3-20231113.0.x86_64-2b91b1a9-8b5a-4b4b-9b0a-5f5f5f5f5f5f", "rocky-9.3"),
        ("AlmaLinux OS 8.9.20231123 x86_64", "alma-8.9"),
        ("AlmaLinux OS 9.3.20231113 x86_64-c076b20a-2305-4771-823f-944909847a05", "alma-9.3"),
        ("OL7.9-x86_64-HVM-2020-12-07", "oracle-7.9"),
        ("CentOS 7.9.2009 x86_64", "centos-7.9"),
        ("CentOS-7-2111-20220825_1.x86_64-d9a3032a-921c-4c6d-b150-bde168105e42", "centos-7"),
        ("CentOS Linux 6 x86_64 HVM EBS ENA 1901_01-74e73035", "centos-6"),
        ("CentOS Stream 8 x86_64 20210603", "centosstream-8"),
        ("RHEL_HA-8.4.0_HVM-20210504-x86_64-2-Hourly2-GP2", "rhel-8.4"),
        ("RHEL-SAP-8.6.0_HVM-20221128-x86_64-57-Hourly2-GP2", "rhel-8.6"),
        ("suse-sles-sap-15-sp3-v20230427-hvm-ssd-x86_64", "sles-15-sp3"),
        ("suse-sles-12-sp5-byos-v20230804-hvm-ssd-x86_64", "sles-12-sp5"),
        ("debian-jessie-amd64-hvm-2017-01-15-1221-ebs", "debian-8"),
        ("debian-stretch-hvm-x86_64-gp2-2018-11-10-63975", "debian-9"),
        ("EC2LaunchV2-Windows_Server-2019-English-Full-Base-2021.06.09", "windows-server-2019"),
        ("TPM-Windows_Server-2022-English-Full-Base-2024.01.10", "windows-server-2022"),
        ("BIOS-Windows_Server-2016-English-Full-Base-2024.01.10", "windows-server-2016"),
    ],
)
def test_an_image_name_of_a_newer_system_tells_it_too(name: str, key: str) -> None:
    assert images.operating_system(name) == key


@pytest.mark.parametrize(
    ("name", "version", "key"),
    [
        ("Microsoft Windows Server 2019 Datacenter", "10.0.17763", "windows-server-2019"),
        ("Microsoft Windows Server 2012 R2 Standard", "6.3.9600", "windows-server-2012-r2"),
        (
            "Microsoft Windows Server 2008 R2 Datacenter",
            "6.1.7601",
            "windows-server-2008-r2-sp1",
        ),
        ("Microsoft Windows Server 2008 R2 Datacenter", "6.1.7600", "windows-server-2008-r2"),
        ("Red Hat Enterprise Linux Server", "7.9", "rhel-7.9"),
        ("SLES", "15.4", "sles-15.4"),
        ("Amazon Linux", "2023", "amazon-linux"),
        ("Amazon Linux AMI", "2018.03", "amazon-linux"),
        ("Debian GNU/Linux", "11", "debian-11"),
        ("Oracle Linux Server", "8.7", "oracle-8.7"),
        ("CentOS Linux", "7", "centos-7"),
        ("CentOS Stream", "8", "centosstream-8"),
        ("Rocky Linux", "8.9", "rocky-8.9"),
        ("AlmaLinux", "9.3", "alma-9.3"),
        ("Bottlerocket", "1.20", None),
        ("", "", None),
    ],
)
def test_an_agents_report_tells_the_operating_system(
    name: str, version: str, key: str | None
) -> None:
    assert images.reported_operating_system(name, version) == key


@pytest.mark.parametrize("experience", ["classic", "modernized"])
@pytest.mark.parametrize("os", ["rocky-8.9", "alma-9.3", "centosstream-8"])
def test_a_rebuild_of_red_hat_is_refused_by_its_name_and_can_be_accepted(
    os: str, experience: ExperienceName
) -> None:
    facts = replace(WINDOWS, platform="linux", os=os)
    [problem] = problems("web-01", facts, NOTHING, experience)
    assert os in problem.what
    assert "unsupported" in problem.way_out
    assert problems("web-01", facts, Stated(accepted=True), experience) == []


@pytest.mark.parametrize(
    "os",
    [
        *(
            f"windows-server-{v}"
            for v in ("2008-r2-sp1", "2012", "2012-r2", "2016", "2019", "2022")
        ),
        *("rhel-5.2", "rhel-5.11", "rhel-6.10", "rhel-7", "rhel-7.9", "rhel-8.8", "rhel-9.1"),
        *("centos-7", "centos-7.9.2009", "centos-8.7", "ubuntu-14.04", "ubuntu-22.04"),
        *("debian-7", "debian-11", "debian-11.7", "sles-11-sp4", "sles-12-sp5", "sles-15"),
        *("sles-15.4", "oracle-6.4", "oracle-8.7"),
    ],
)
def test_modernized_takes_what_its_matrix_has(os: str) -> None:
    assert problems("web-01", replace(WINDOWS, os=os), NOTHING, "modernized") == []


@pytest.mark.parametrize(
    "os",
    [
        *("windows-server-2008-r2", "windows-server-2025", "windows-server-2003"),
        *("rhel-5.1", "rhel-6.0", "rhel-8.9", "rhel-9.2", "rhel-10.0", "rhel-", "rhel-next"),
        *("centos-8.8", "ubuntu-12.04", "ubuntu-15.10", "ubuntu-23.10", "debian-6", "debian-12"),
        *("sles-12", "sles-15-sp5", "oracle-6.3", "oracle-9.0", "gentoo-1"),
    ],
)
def test_modernized_refuses_what_its_matrix_has_not(os: str) -> None:
    [problem] = problems("web-01", replace(WINDOWS, os=os), NOTHING, "modernized")
    assert os in problem.what
    assert "rhel-<version> (5.2-5.11, " in problem.way_out


ACCEPTED = Stated(accepted=True)


@pytest.mark.parametrize(
    "os",
    [
        *("windows-server-2025", "rhel-8.9", "rhel-8.10", "rhel-9.6", "rhel-10.0", "centos-8.8"),
        *("ubuntu-24.04", "ubuntu-22.10", "debian-12", "sles-15-sp5", "sles-16.0", "oracle-9.0"),
        "rocky-8.8",
    ],
)
def test_a_system_that_is_newer_than_the_matrix_is_taken_if_the_config_accepts_it(os: str) -> None:
    machine = replace(WINDOWS, os=os)
    [problem] = problems("web-01", machine, NOTHING, "modernized")
    assert "write os: {unsupported: accepted}" in problem.way_out
    assert problems("web-01", machine, ACCEPTED, "modernized") == []
    line = remark("web-01", machine, ACCEPTED, "modernized")
    assert line is not None
    assert line.startswith(f"web-01: {os} is not in the support matrix")
    assert remark("web-01", machine, NOTHING, "modernized") is None


@pytest.mark.parametrize(
    "os",
    [
        *("windows-server-2003", "windows-server-2008-r2", "amazon-linux", "rhel-5.1", "rhel-6.0"),
        *("rhel-", "rhel-next", "rhel", "windows-server", "ubuntu-12.04", "ubuntu-15.10"),
        *("debian-6", "sles-12", "oracle-6.3", ""),
    ],
)
def test_an_older_or_refused_system_cannot_be_accepted(os: str) -> None:
    machine = replace(WINDOWS, os=os)
    [problem] = problems("web-01", machine, ACCEPTED, "modernized")
    assert "unsupported: accepted" not in problem.way_out
    assert remark("web-01", machine, ACCEPTED, "modernized") is None


def test_what_the_matrix_has_needs_no_remark_where_it_is_accepted_too() -> None:
    assert problems("web-01", WINDOWS, ACCEPTED, "modernized") == []
    assert remark("web-01", WINDOWS, ACCEPTED, "modernized") is None


@pytest.mark.parametrize("experience", ["classic", "modernized"])
def test_amazon_linux_and_arm_are_refused_by_name(experience: ExperienceName) -> None:
    amazon = replace(RHEL, os="amazon-linux")
    [problem] = problems("web-01", amazon, NOTHING, experience)
    assert "Amazon Linux" in problem.what
    assert "Discover, assess" in problem.way_out
    graviton = replace(RHEL, os="rhel-6.7", architecture="arm64")
    [problem] = problems("web-01", graviton, NOTHING, experience)
    assert "arm64" in problem.what


def test_modernized_takes_hvm_only_and_asks_for_no_drivers() -> None:
    assert problems("web-01", W2008, NOTHING, "modernized") == []
    redhat = Stated(drivers="redhat-pv")
    assert problems("web-01", WINDOWS, redhat, "modernized") == []
    paravirtual = replace(WINDOWS, virtualization="paravirtual")
    [problem] = problems("web-01", paravirtual, NOTHING, "modernized")
    assert "HVM" in problem.way_out


@pytest.mark.parametrize("experience", ["classic", "modernized"])
def test_a_disk_that_machines_share_is_refused(experience: ExperienceName) -> None:
    shared = (*WINDOWS.disks, Disk("/dev/sdf", 50, "vol-2", shared=True))
    [problem] = problems("web-01", replace(WINDOWS, disks=shared), NOTHING, experience)
    assert "vol-2" in problem.what


@pytest.mark.parametrize("experience", ["classic", "modernized"])
def test_the_limits_of_the_virtual_machine_are_those_of_both(experience: ExperienceName) -> None:
    huge = replace(WINDOWS, disks=(Disk("/dev/sda1", 2049, "v"),))
    [problem] = problems("web-01", huge, NOTHING, experience)
    assert "2049 GiB" in problem.what


def test_every_table_and_every_row_names_its_source() -> None:
    table = matrix()
    for experience in (table.classic, table.modernized):
        assert experience.source
        rows = (experience.operating_systems, experience.families, experience.refused)
        assert all(row.source for kind in rows for row in kind.values())
    assert table.modernized.virtualization_source
    assert table.azure_virtual_machine.source


def test_ranges_are_in_order_and_do_not_overlap() -> None:
    for family in matrix().modernized.families.values():
        ends = [tuple(map(int, v.split("."))) for r in family.releases for v in (r.first, r.last)]
        assert ends == sorted(ends)


@pytest.mark.parametrize(
    ("state", "way_out"),
    [
        ("stopped", "Start it"),
        ("stopping", "Start it once it is stopped"),
        ("pending", "Wait until it runs"),
        ("terminated", "Name a running instance"),
    ],
)
def test_an_instance_that_does_not_run_is_refused_with_what_can_be_done_about_its_state(
    state: str, way_out: str
) -> None:
    [problem] = problems("web-01", replace(WINDOWS, state=state), NOTHING, "modernized")
    assert problem.way_out.startswith(way_out)
