"""Servers whose only way to Azure is a proxy, set up by this project's own scripts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components import server_setup
from emulator.estate.machines import Instance
from emulator.estate.security_groups import Rule, SecurityGroup
from tests.emulator.recovery_services.site_recovery_scripts import (
    AGENTS,
    COMPUTER,
    CREDENTIAL,
    STATUS,
)
from tests.emulator.recovery_services.site_recovery_support import (
    APPLIANCE,
    CLASSIC,
    MODERNIZED,
    PUSH,
    SERVER_GROUP,
    Classic,
    Site,
)
from tests.emulator.recovery_services.test_registrations import fabrics
from tests.emulator.recovery_services.test_site_recovery_setup import (
    BARE,
    appliance,
    booted,
    states,
    statuses,
)

PROXY = "http://203.0.113.10:3128"
BEHIND = replace(
    SERVER_GROUP,
    group_id="sg-behind",
    egress=(
        Rule(
            protocol="tcp",
            from_port=3128,
            to_port=3128,
            cidrs=("203.0.113.10/32", "10.10.0.10/32"),
        ),
    ),
)
BOTH = pytest.mark.parametrize("experience", [CLASSIC, MODERNIZED], ids=lambda one: one.name)


def started(
    experience: Classic,
    proxy: str | None,
    without: str = "",
    groups: tuple[SecurityGroup, ...] = (),
) -> Site:
    """A server that just started with a script of this project, less one word of it."""
    classic = experience is CLASSIC
    script = server_setup.user_data(
        server_setup.Setup(
            role="configuration-server" if classic else "replication-appliance",
            region="eu-west-1",
            computer_name=COMPUTER,
            status_parameter=STATUS,
            agent_secret_id=AGENTS,
            installer_url="https://aka.ms/installer",
            credential_secret_id=CREDENTIAL if classic else None,
            proxy=proxy,
        )
    )
    assert without in script
    script = script.replace(without, "") if without else script
    groups = (PUSH, SERVER_GROUP, BEHIND, *groups)
    if classic:
        server = replace(BARE, security_groups=(BEHIND.group_id,))
        return booted(script, server, groups=groups)
    return appliance(script, replace(APPLIANCE, security_groups=(BEHIND.group_id,)), groups=groups)


@BOTH
def test_a_server_is_set_up_through_its_proxy(experience: Classic) -> None:
    site = started(experience, PROXY)
    site.pass_time(minutes=30)
    assert states(site)[-1] == ("succeeded" if experience is CLASSIC else "waiting")
    assert len(fabrics(site)) == 1


@BOTH
def test_without_its_proxy_it_reaches_nothing(experience: Classic) -> None:
    site = started(experience, None)
    site.pass_time(minutes=5)
    assert states(site)[-1] == "failed"
    assert "cannot reach the internet on port 443" in statuses(site)[-1]["message"]


@BOTH
def test_a_proxy_that_it_may_not_connect_to_is_named(experience: Classic) -> None:
    site = started(experience, "http://203.0.113.99:3128")
    site.pass_time(minutes=5)
    assert "cannot reach the proxy 203.0.113.99:3128" in statuses(site)[-1]["message"]


INSIDE = SecurityGroup(
    "sg-proxy",
    ingress=(Rule(protocol="tcp", from_port=3128, to_port=3128, cidrs=("0.0.0.0/0",)),),
)
OUT = Rule(protocol="tcp", from_port=443, to_port=443, cidrs=("0.0.0.0/0",))


@pytest.mark.parametrize("open_", [False, True], ids=["closed", "open"])
@BOTH
def test_a_proxy_that_is_an_instance_needs_a_way_out_of_its_own(
    experience: Classic, open_: bool
) -> None:
    group = replace(INSIDE, egress=(OUT,) if open_ else ())
    site = started(experience, "http://10.10.0.10:3128", groups=(group,))
    proxy = Instance("i-proxy", "proxy", "10.10.0.10", security_groups=("sg-proxy",))
    site.estate.machines.append(proxy)
    site.pass_time(minutes=30)
    said = statuses(site)[-1]["message"]
    assert ("the proxy 10.10.0.10:3128 cannot reach the internet" in said) is not open_


@pytest.mark.parametrize(
    ("without", "words"),
    [
        ("'/ProxySettingsFilePath', ", "/ProxySettingsFilePath is missing"),
        ("Proxy IP", "lacks Proxy IP"),
        ("'ProxyAuthentication = \"No\"', ", "lacks ProxyAuthentication"),
    ],
)
def test_unified_setup_takes_the_proxy_from_its_file_only(without: str, words: str) -> None:
    site = started(CLASSIC, PROXY, without)
    site.pass_time(minutes=20)
    assert fabrics(site) == []
    assert words in statuses(site)[-1]["message"]
