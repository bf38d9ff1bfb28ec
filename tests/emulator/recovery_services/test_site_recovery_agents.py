"""The mobility agent by Systems Manager: checks on a machine, reports and retries."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.mobility_agent import document as own_document
from emulator.estate.machines import Assignment, Instance
from emulator.estate.security_groups import Rule, SecurityGroup
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_estate import NO_CONTROL, NO_DATA
from tests.emulator.recovery_services.site_recovery_scripts import (
    AGENTS,
    LINUX,
    WINDOWS,
    association,
    document,
)
from tests.emulator.recovery_services.site_recovery_support import (
    APPLIANCE,
    CLASSIC,
    MODERNIZED,
    PUSH,
    SERVER_GROUP,
    VAULT,
    Classic,
    discover_body,
)
from tests.emulator.recovery_services.test_site_recovery_setup import appliance, booted

WEB, DB = support.windows(1), support.linux(1)
SHUT = SecurityGroup("sg-machines")
"""A security group without incoming traffic: push installation is impossible."""


class Machines:
    """A server that set itself up, with its policy, and machines that get agents.

    Nobody but an association installs anything on them: they carry no tags.
    """

    def __init__(
        self,
        experience: Classic,
        *machines: Instance,
        groups: tuple[SecurityGroup, ...] = (SHUT, SERVER_GROUP),
        **options: Any,
    ) -> None:
        make = booted if experience is CLASSIC else appliance
        self.site = make(groups=groups, **options)
        self.site.experience = experience
        self.site.estate.machines += machines
        self.site.prepare()
        self.server = self.site.estate.machines[0]

    def associate(self, machine: Instance, **changes: Any) -> None:
        """Create the State Manager association that installs the agent on a machine."""
        self.assign(
            machine, association(self.site.experience.name, self.server.private_ip, **changes)
        )

    def assign(self, machine: Instance, assignment: Assignment) -> None:
        self.site.estate.associations[machine.id] = [assignment]

    def reports(self) -> list[tuple[str, str]]:
        """Status and, of one that ended, the message in the last line of JSON."""
        found: list[tuple[str, str]] = []
        for _, _, status, detail in self.site.estate.reports:
            lines = [line for line in detail.splitlines() if line.startswith("{")]
            found.append((status, json.loads(lines[-1])["message"] if lines else ""))
        return found

    def run(self) -> Any:
        (run,) = self.site.get("/_emulator/guests?")["mobilityAgents"]
        return run

    def failure(self) -> tuple[int, str]:
        """The exit code and the message of the one run, which failed and was reported."""
        run = self.run()
        assert run["stage"] == "failed"
        assert [status for status, _ in self.reports()] == ["Failed"]
        assert self.reports()[-1][1] == run["reason"]
        last = self.site.estate.reports[-1][3].splitlines()[-1]
        assert last == f"failed to run commands: exit status {run['code']}"
        return run["code"], run["reason"]


@pytest.mark.parametrize("machine", [WEB, DB], ids=["windows", "linux"])
def test_an_association_installs_the_agent_and_registers_it(
    experience: Classic, machine: Instance
) -> None:
    machines = Machines(experience, machine)
    machines.associate(machine)
    machines.site.pass_time(seconds=31)
    assert machines.reports() == [("InProgress", "")]
    machines.site.pass_time(minutes=4)
    assert machines.reports()[1:] == [("Success", "registered with 10.10.2.10")]
    run = machines.run()
    assert (run["stage"], run["server"]) == ("registered", machines.server.id)
    report = json.loads(machines.site.estate.reports[-1][3])
    assert report["agent"] == "registered"
    assert report["bios"].startswith("EC2")
    machines.site.pass_time(hours=2)
    assert len(machines.reports()) == 2


def test_nothing_is_installed_without_an_association(experience: Classic) -> None:
    machines = Machines(experience, WEB)
    machines.site.pass_time(hours=1)
    assert machines.site.get("/_emulator/guests?")["mobilityAgents"] == []
    if experience is MODERNIZED:
        assert machines.site.machines() == []


# -- classic --------------------------------------------------------------------------------------


def test_a_machine_with_its_own_agent_is_protected_without_push_installation() -> None:
    machines = Machines(CLASSIC, WEB)
    site = machines.site
    refused = site.accepted("POST", f"{site.container}/discoverProtectableItem", discover_body(WEB))
    assert site.finished(refused)["state"] == "Failed"
    machines.associate(WEB)
    site.pass_time(minutes=5)
    details = site.get(site.protectable(WEB))["properties"]["customDetails"]
    assert (details["agentInstalled"], len(details["diskDetails"])) == ("Installed", 1)
    assert details["agentVersion"]
    site.protect(WEB, runAsAccountId="2")


@pytest.mark.parametrize("account", [None, ""])
def test_without_push_installation_no_account_is_needed(account: str | None) -> None:
    machines = Machines(CLASSIC, WEB, groups=(PUSH, SERVER_GROUP))
    site = machines.site
    body = site.enable_body(WEB, runAsAccountId=account)
    status, _, message = site.refused("PUT", site.item(WEB), body)
    assert (status, "runAsAccountId" in message) == (400, True)
    machines.associate(WEB)
    site.pass_time(minutes=5)
    site.protect(WEB, runAsAccountId=account)


def test_the_agent_of_a_machine_that_was_discovered_before_shows_in_its_details() -> None:
    machines = Machines(CLASSIC, WEB, groups=(PUSH, SERVER_GROUP))
    site = machines.site
    found = site.protectable(WEB)
    assert site.get(found)["properties"]["customDetails"]["agentInstalled"] == "NotInstalled"
    machines.associate(WEB)
    site.pass_time(minutes=5)
    assert site.get(found)["properties"]["customDetails"]["agentInstalled"] == "Installed"


def test_an_agent_of_its_own_still_has_to_reach_the_server() -> None:
    machines = Machines(CLASSIC, WEB)
    machines.associate(WEB)
    machines.site.pass_time(minutes=5)
    groups = machines.site.estate.groups
    assert groups is not None
    groups[NO_DATA.group_id] = NO_DATA
    job = machines.site.enable(WEB)
    assert job["state"] == "Failed"
    assert "9443" in job["errors"][0]["providerErrorDetails"]["errorMessage"]


def test_an_agent_of_its_own_stays_when_its_protection_ends() -> None:
    machines = Machines(CLASSIC, WEB)
    site = machines.site
    machines.associate(WEB)
    site.pass_time(minutes=5)
    site.protect(WEB)
    assert site.finished(site.remove(WEB))["state"] == "Succeeded"
    site.protect(WEB)


# -- modernized -----------------------------------------------------------------------------------


def test_a_machine_appears_in_the_site_within_a_quarter_of_an_hour_and_is_protected() -> None:
    machines = Machines(MODERNIZED, WEB)
    site = machines.site
    machines.associate(WEB)
    site.pass_time(minutes=4)
    assert site.machines() == []
    site.pass_time(minutes=11)
    (found,) = site.machines()
    assert found["properties"]["networkAdapters"][0]["ipAddressList"] == [WEB.private_ip]
    bios = json.loads(site.estate.reports[-1][3])["bios"]
    assert found["properties"]["biosGuid"] == bios
    site.protect(WEB)


def test_an_agent_that_cannot_report_goes_on_trying() -> None:
    machines = Machines(MODERNIZED, WEB)
    site = machines.site
    machines.associate(WEB)
    site.pass_time(minutes=4)
    assert site.estate.groups is not None
    site.estate.groups[NO_DATA.group_id] = NO_DATA
    site.pass_time(hours=1)
    assert site.machines() == []
    site.estate.groups[NO_DATA.group_id] = SERVER_GROUP
    site.pass_time(minutes=1)
    site.pass_time(minutes=14)
    assert len(site.machines()) == 1


def test_two_machines_of_one_address_in_two_networks_are_told_apart_by_their_bios_id() -> None:
    machines = Machines(MODERNIZED, WEB)
    site = machines.site
    elsewhere = replace(APPLIANCE, id="i-0elsewhere", name="elsewhere", vpc_id="vpc-2")
    twin = replace(WEB, id="i-twin", vpc_id="vpc-2", tags={"site-recovery:vault": VAULT})
    site.estate.machines += [elsewhere, twin]
    machines.associate(WEB)
    site.pass_time(minutes=30)
    site.pass_time(minutes=14)
    found = [one["properties"] for one in site.machines()]
    assert {tuple(one["networkAdapters"][0]["ipAddressList"]) for one in found} == {
        (WEB.private_ip,)
    }
    assert len({one["biosGuid"] for one in found}) == 2
    assert [one["isDeleted"] for one in found] == [False, False]


def test_the_entry_of_a_terminated_machine_stays_beside_that_of_its_successor() -> None:
    machines = Machines(MODERNIZED, WEB)
    site = machines.site
    machines.associate(WEB)
    site.pass_time(minutes=15)
    successor = replace(WEB, id="i-successor")
    site.estate.machines[1] = successor
    machines.associate(successor)
    site.pass_time(minutes=15)
    found = [one["properties"] for one in site.machines()]
    assert [one["networkAdapters"][0]["ipAddressList"] for one in found] == [[WEB.private_ip]] * 2
    assert sorted(one["isDeleted"] for one in found) == [False, True]


# -- what is in the way ---------------------------------------------------------------------------


def closed(name: str) -> tuple[SecurityGroup, ...]:
    """The security groups with which the machine's installation fails at a step."""
    server = {"control": NO_CONTROL, "data": NO_DATA}.get(name, SERVER_GROUP)
    if name != "out":
        return SHUT, server
    inside = (Rule(protocol="-1", cidrs=("10.10.0.0/16",)),)
    return replace(SHUT, egress=inside), server


@pytest.mark.parametrize(
    ("step", "code", "words"),
    [
        ("out", 11, "packages.example/agent cannot be fetched"),
        ("control", 16, "10.10.2.10 does not answer on port 443"),
        ("data", 16, "10.10.2.10 does not answer on port 9443"),
    ],
)
def test_a_closed_port_fails_the_step_that_needs_it(
    experience: Classic, step: str, code: int, words: str
) -> None:
    machines = Machines(experience, WEB, groups=closed(step))
    machines.associate(WEB)
    machines.site.pass_time(minutes=5)
    found = machines.failure()
    assert found[0] == code
    assert words in found[1]


@pytest.mark.parametrize("port", [3128, 8080])
def test_a_package_is_fetched_through_the_proxy_of_the_document(
    experience: Classic, port: int
) -> None:
    ways = (
        Rule(protocol="-1", cidrs=("10.10.0.0/16",)),
        Rule(protocol="tcp", from_port=3128, to_port=3128, cidrs=("203.0.113.10/32",)),
    )
    machines = Machines(experience, WEB, groups=(replace(SHUT, egress=ways), SERVER_GROUP))
    proxy = f"http://203.0.113.10:{port}"
    machines.associate(WEB, content=own_document.content("windows"), Proxy=proxy)
    machines.site.pass_time(minutes=5)
    reported = [status for status, _ in machines.reports()]
    assert reported[-1] == ("Success" if port == 3128 else "Failed")


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (replace(WEB, architecture="arm64"), "arm64"),
        (replace(WEB, os="windows-server-2003"), "windows-server-2003 is not supported"),
        (replace(DB, os="amazon-linux-2"), "amazon-linux-2 is not supported"),
        (replace(DB, virtualization="paravirtual"), "HVM"),
    ],
)
def test_a_system_that_is_not_supported_fails_the_installer(
    experience: Classic, machine: Instance, words: str
) -> None:
    machines = Machines(experience, machine)
    machines.associate(machine)
    machines.site.pass_time(minutes=5)
    code, reason = machines.failure()
    assert (code, words in reason) == (15, True)
    assert "ASRUnifiedAgentInstaller.log" in reason


@pytest.mark.parametrize(("kind", "code"), [({}, 17), ({"kernel": "generic"}, None)])
def test_a_kernel_of_ec2_fails_before_anything_is_installed(
    kind: dict[str, str], code: int | None
) -> None:
    ubuntu = replace(DB, os="ubuntu-22.04", tags=kind)
    machines = Machines(MODERNIZED, ubuntu)
    machines.associate(ubuntu)
    machines.site.pass_time(minutes=5)
    if code is None:
        assert machines.run()["stage"] == "registered"
    else:
        found, reason = machines.failure()
        assert (found, "5.15.0-1051-aws" in reason) == (code, True)


def test_what_classic_supports_is_less(experience: Classic) -> None:
    machine = replace(WEB, os="windows-server-2022")
    machines = Machines(experience, machine)
    machines.associate(machine)
    machines.site.pass_time(minutes=5)
    assert machines.run()["stage"] == ("failed" if experience is CLASSIC else "registered")


def test_a_role_that_may_not_read_the_secret_fails_with_the_words_of_aws(
    experience: Classic,
) -> None:
    machines = Machines(experience, WEB)
    machines.site.estate.grants = {WEB.id: set()}
    machines.associate(WEB)
    machines.site.pass_time(minutes=5)
    code, reason = machines.failure()
    assert code == 13
    assert "AccessDeniedException" in reason
    assert AGENTS in reason


@pytest.mark.parametrize(
    ("secret", "code", "words"),
    [
        (None, 13, "can't find the specified secret value"),
        ("text", {"classic": 13, "modernized": 16}, ""),
        ('{"passphrase": "another", "applianceId": "another"}', 16, "Configurator.log"),
    ],
)
def test_a_secret_that_is_not_of_this_server_registers_nothing(
    experience: Classic, secret: str | None, code: Any, words: str
) -> None:
    machines = Machines(experience, WEB)
    machines.site.estate.secrets[AGENTS] = secret
    machines.associate(WEB)
    machines.site.pass_time(minutes=5)
    found = machines.failure()
    assert found[0] == (code[experience.name] if isinstance(code, dict) else code)
    assert words in found[1]


@pytest.mark.parametrize("address", ["10.10.2.99", WEB.private_ip])
def test_an_address_that_is_no_registered_servers_is_refused(
    experience: Classic, address: str
) -> None:
    machines = Machines(experience, WEB, groups=(PUSH, SERVER_GROUP))
    machines.associate(WEB, ServerAddress=address)
    machines.site.pass_time(minutes=5)
    code, reason = machines.failure()
    assert code == 16
    assert address in reason


@pytest.mark.parametrize(
    ("experience", "before", "after", "code"),
    [
        (CLASSIC, "UnifiedAgent.exe", "Other.exe", 15),
        (CLASSIC, '/Role "MS"', '/Role "MT"', 15),
        (CLASSIC, ' /Platform "VmWare"', "", 15),
        (CLASSIC, " /CSType CSLegacy", "", 15),
        (CLASSIC, "/Silent /CSType CSLegacy", "/CSType CSLegacy", 15),
        (CLASSIC, " /CSEndPoint {{ ServerAddress }}", "", 16),
        (CLASSIC, " /PassphraseFilePath pass.txt", "", 16),
        (MODERNIZED, "/Role MS /CSType CSPrime", "/Role MS", 15),
        (MODERNIZED, "/Platform vmware", "", 15),
        (MODERNIZED, " /SourceConfigFilePath config.json", "", 16),
        (MODERNIZED, "/CSType CSPrime /CredentialLess", "/CredentialLess", 16),
        (MODERNIZED, "Discovery true", "Discovery false", 16),
    ],
)
def test_a_script_for_windows_that_lacks_a_parameter_fails_its_step(
    experience: Classic, before: str, after: str, code: int
) -> None:
    assert before in WINDOWS
    machines = Machines(experience, WEB)
    machines.associate(WEB, content=document(windows=WINDOWS.replace(before, after)))
    machines.site.pass_time(minutes=5)
    assert machines.failure()[0] == code


@pytest.mark.parametrize(
    ("experience", "before", "after", "code"),
    [
        (CLASSIC, "./install -r MS", "./install", 15),
        (CLASSIC, "-q -c CSLegacy", "-c CSLegacy", 15),
        (CLASSIC, "-c CSLegacy", "", 15),
        (CLASSIC, "-i '{{ ServerAddress }}'", "", 16),
        (CLASSIC, "-P passphrase.txt", "-p passphrase.txt", 16),
        (MODERNIZED, "-v VmWare -c CSPrime", "-v VmWare", 15),
        (MODERNIZED, "-S config.json", "-S", 16),
        (MODERNIZED, "-D true", "", 16),
    ],
)
def test_a_script_for_linux_that_lacks_an_option_fails_its_step(
    experience: Classic, before: str, after: str, code: int
) -> None:
    assert before in LINUX
    machines = Machines(experience, DB)
    machines.associate(DB, content=document(linux=LINUX.replace(before, after)))
    machines.site.pass_time(minutes=5)
    assert machines.failure()[0] == code


def test_parameters_in_variables_and_on_lines_of_their_own_are_read_too() -> None:
    script = """
$kind = 'CSLegacy'
$options = @('/Role', '"MS"', '/Platform', '"VmWare"',
    '/Silent', '/CSType', $kind)
Start-Process UnifiedAgent.exe -ArgumentList $options -Wait
.\\UnifiedAgentConfigurator.exe /CSEndPoint $address `
    /PassphraseFilePath $file
"""
    machines = Machines(CLASSIC, WEB)
    machines.associate(WEB, content=document(windows=script.replace("\\\\", "\\")))
    machines.site.pass_time(minutes=5)
    assert machines.run()["stage"] == "registered"


def test_a_document_without_a_step_for_the_machines_platform_fails(experience: Classic) -> None:
    content = json.loads(document())
    del content["mainSteps"][1]
    machines = Machines(experience, DB)
    machines.associate(DB, content=json.dumps(content))
    machines.site.pass_time(minutes=5)
    assert machines.failure() == (1, "The document has nothing for linux.")


@pytest.mark.parametrize(
    "content",
    [
        "no json UnifiedAgent CSLegacy",
        "{}",
        json.dumps({"mainSteps": []}),
        '["UnifiedAgent CSPrime"]',
    ],
)
def test_other_documents_are_none_of_its_business(experience: Classic, content: str) -> None:
    machines = Machines(experience, WEB)
    machines.associate(WEB, content=content)
    machines.site.pass_time(hours=1)
    assert machines.reports() == []


# -- again ----------------------------------------------------------------------------------------


def test_a_machine_that_failed_runs_again_after_half_an_hour(experience: Classic) -> None:
    machines = Machines(experience, WEB)
    machines.site.estate.grants = {WEB.id: set()}
    machines.associate(WEB)
    machines.site.pass_time(minutes=1)
    machines.site.estate.grants = None
    machines.site.pass_time(minutes=28)
    assert [status for status, _ in machines.reports()] == ["Failed"]
    machines.site.pass_time(minutes=6)
    assert [status for status, _ in machines.reports()] == ["Failed", "InProgress", "Success"]


def test_without_a_schedule_only_a_change_runs_it_again(experience: Classic) -> None:
    machines = Machines(experience, WEB)
    good = machines.site.estate.secrets[AGENTS]
    machines.site.estate.secrets[AGENTS] = None
    machines.associate(WEB, every=None)
    machines.site.pass_time(minutes=1)
    machines.site.estate.secrets[AGENTS] = good
    machines.site.pass_time(hours=3)
    assert [status for status, _ in machines.reports()] == ["Failed"]
    machines.associate(WEB, every=None, revision="2")
    machines.site.pass_time(minutes=1)
    machines.site.pass_time(minutes=4)
    assert [status for status, _ in machines.reports()] == ["Failed", "InProgress", "Success"]


def test_a_machine_that_is_done_says_so_at_once_when_its_association_runs_again(
    experience: Classic,
) -> None:
    machines = Machines(experience, WEB)
    machines.associate(WEB)
    machines.site.pass_time(minutes=5)
    machines.associate(WEB, revision="2")
    machines.site.pass_time(seconds=31)
    assert machines.reports()[2:] == [("Success", "registered with 10.10.2.10 before")]


def test_a_machine_that_is_not_managed_runs_it_once_it_is(experience: Classic) -> None:
    machines = Machines(experience, WEB)
    machines.site.estate.unmanaged.add(WEB.id)
    machines.associate(WEB)
    machines.site.pass_time(hours=1)
    assert machines.reports() == []
    assert machines.run()["stage"] == "unmanaged"
    machines.site.estate.unmanaged.clear()
    machines.site.pass_time(minutes=1)
    machines.site.pass_time(minutes=4)
    assert machines.run()["stage"] == "registered"


def test_a_machine_that_stops_meanwhile_runs_it_when_it_starts(experience: Classic) -> None:
    machines = Machines(experience, WEB)
    machines.associate(WEB)
    machines.site.pass_time(seconds=31)
    machines.site.become(1, state="stopped")
    machines.site.pass_time(minutes=10)
    assert [status for status, _ in machines.reports()] == ["InProgress"]
    machines.site.become(1, state="running")
    machines.site.pass_time(minutes=5)
    assert [status for status, _ in machines.reports()] == ["InProgress"] * 2 + ["Success"]


def test_an_agent_is_not_taken_from_another_server_that_is_registered(
    experience: Classic,
) -> None:
    machines = Machines(experience, WEB)
    site = machines.site
    machines.associate(WEB)
    site.pass_time(minutes=5)
    second = replace(
        experience.server,
        id="i-0second",
        name="second",
        private_ip="10.10.2.11",
    )
    site.estate.machines.append(second)
    site.pass_time(minutes=30)
    site.pass_time(minutes=1)
    machines.assign(WEB, association(experience.name, second.private_ip, revision="2"))
    site.pass_time(minutes=5)
    run = machines.run()
    assert (run["stage"], run["code"]) == ("failed", 16)
    assert "registered with another server" in run["reason"]


def test_agents_go_on_in_a_new_process(experience: Classic, tmp_path: Path) -> None:
    machines = Machines(experience, WEB, database=tmp_path / "azure.sqlite")
    machines.associate(WEB)
    machines.site.pass_time(seconds=31)
    machines.site.reopen()
    machines.site.pass_time(minutes=5)
    assert [status for status, _ in machines.reports()] == ["InProgress", "Success"]


# -- this project's own documents -----------------------------------------------------------------


@pytest.mark.parametrize("machine", [WEB, DB], ids=["windows", "linux"])
def test_the_documents_of_this_project_install_the_agent(
    experience: Classic, machine: Instance
) -> None:
    machines = Machines(experience, machine)
    machines.associate(machine, content=own_document.content(machine.platform))
    machines.site.pass_time(minutes=5)
    assert machines.run()["stage"] == "registered"
