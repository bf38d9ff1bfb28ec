"""Which machines are refused, and in which words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from site_recovery import images
from site_recovery.ec2 import Disk, MachineFacts
from site_recovery.support_matrix import Stated, matrix, problems

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


def test_every_row_of_the_table_names_its_source() -> None:
    assert matrix().classic.source
    assert matrix().azure_virtual_machine.source
