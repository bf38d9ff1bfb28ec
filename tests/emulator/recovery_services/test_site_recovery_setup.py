"""Servers that set themselves up from their user data: checks, status signals and secrets."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from components import server_setup
from emulator.estate.machines import Disk, Instance
from emulator.guests import server_script
from tests.emulator.recovery_services.site_recovery_scripts import (
    AGENTS,
    APPLIANCE_SETUP,
    COMPUTER,
    CREDENTIAL,
    STATUS,
    UNIFIED_SETUP,
    settings,
    user_data,
)
from tests.emulator.recovery_services.site_recovery_support import (
    APPLIANCE,
    CLASSIC,
    MODERNIZED,
    PUSH,
    SERVER,
    SERVER_GROUP,
    VAULT,
    Classic,
    Site,
)
from tests.emulator.recovery_services.test_registrations import Pair, credential, fabrics, upload

BARE = replace(SERVER, tags={})
CONFIGURATION_SERVER, REPLICATION_APPLIANCE = "configuration-server", "replication-appliance"


def credentials(site: Site, pair: Pair | None = None) -> str:
    pair = pair or Pair.new()
    return credential(upload(site, pair), pair.store())


def booted(script: str | None = None, server: Instance = BARE, **options: Any) -> Site:
    """A configuration server that just started, with a good credential in its secret."""
    site = Site(server=None, **options)
    site.estate.secrets |= {AGENTS: None, CREDENTIAL: credentials(site)}
    site.estate.scripts[server.id] = script or user_data(CONFIGURATION_SERVER)
    site.estate.machines.append(server)
    return site


def appliance(script: str | None = None, server: Instance = APPLIANCE, **options: Any) -> Site:
    """A replication appliance that just started."""
    site = Site(server=None, experience=MODERNIZED, **options)
    site.estate.secrets[AGENTS] = None
    site.estate.scripts[server.id] = script or user_data(REPLICATION_APPLIANCE)
    site.estate.machines.append(server)
    return site


def statuses(site: Site) -> list[dict[str, str]]:
    return [json.loads(value) for value in site.estate.parameters.get(STATUS, [])]


def states(site: Site) -> list[str]:
    return [status["state"] for status in statuses(site)]


def known(site: Site, kind: str = CLASSIC.servers) -> Any:
    (found,) = site.get("/_emulator/guests?")[kind]
    return found


# -- a configuration server ---------------------------------------------------------------------


def test_a_configuration_server_installs_registers_and_shares_its_passphrase() -> None:
    site = booted()
    site.pass_time(minutes=1)
    assert states(site) == ["starting", "installing"]
    assert (known(site)["stage"], fabrics(site)) == ("installing", [])
    site.pass_time(minutes=7)
    assert fabrics(site) == []
    site.pass_time(minutes=6)
    (fabric,) = fabrics(site)
    assert fabric["properties"]["friendlyName"] == COMPUTER
    assert states(site) == ["starting", "installing", "succeeded"]
    shared = json.loads(site.estate.secrets[AGENTS] or "")
    assert list(shared) == ["passphrase"]
    assert len(shared["passphrase"]) == 16
    server = known(site)
    assert (server["stage"], server["fabric"], server["vault"]) == (
        *("registered", fabric["id"], VAULT),
    )
    assert server["setup"] == statuses(site)[-1]


def test_one_seed_makes_one_passphrase_and_another_seed_another() -> None:
    def passphrase(seed: int) -> Any:
        site = booted(seed=seed)
        site.pass_time(minutes=15)
        return site.estate.secrets[AGENTS]

    assert passphrase(1) == passphrase(1) != passphrase(2)


def test_the_operator_leaves_a_server_alone_that_sets_itself_up() -> None:
    site = booted(server=SERVER)
    site.estate.secrets[CREDENTIAL] = None
    site.pass_time(hours=1)
    assert fabrics(site) == []
    assert known(site)["stage"] == "failed"
    site.estate.secrets[CREDENTIAL] = credentials(site)
    site.pass_time(minutes=20)
    assert len(fabrics(site)) == 1


@pytest.mark.parametrize(
    ("changes", "step", "words"),
    [
        ({"os": "windows-server-2022"}, "prerequisites", "Windows Server 2016 is needed"),
        ({"vcpus": 4}, "prerequisites", "at least 8 vCPUs"),
        ({"memory_mib": 8192}, "prerequisites", "16384 MiB"),
        ({"disks": SERVER.disks[:2]}, "prerequisites", "1 data disks, 2 are needed"),
        ({"security_groups": ("sg-shut",)}, "prerequisites", "port 443"),
    ],
)
def test_a_machine_that_cannot_be_the_server_says_why(
    changes: dict[str, Any], step: str, words: str
) -> None:
    shut = replace(SERVER_GROUP, group_id="sg-shut", egress=())
    site = booted(server=replace(BARE, **changes), groups=(PUSH, SERVER_GROUP, shut))
    site.pass_time(minutes=1)
    last = statuses(site)[-1]
    assert (last["state"], last["step"]) == ("failed", step)
    assert words in last["message"]
    assert (known(site)["stage"], known(site)["reason"]) == ("failed", last["message"])


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        (None, "ResourceNotFoundException"),
        ("", "not plain XML"),
        ("<RSVaultAsrCreds/>", "no vault credentials but 'RSVaultAsrCreds'"),
    ],
)
def test_a_credential_that_is_none_ends_with_the_installers_words(
    secret: str | None, words: str
) -> None:
    site = booted()
    site.estate.secrets[CREDENTIAL] = secret
    site.pass_time(minutes=20)
    assert fabrics(site) == []
    assert words in statuses(site)[-1]["message"]
    assert set(states(site)) == {"starting", "failed"}


def test_a_credential_of_another_vault_or_another_key_or_that_has_expired_is_refused() -> None:
    pair = Pair.new()
    site = booted()
    site.estate.machines[0] = replace(BARE, state="stopped")
    told = upload(site, pair)
    for file, words in (
        (credential(told, pair.store(), ResourceName="rsv-other"), "there is no vault"),
        (credential(told, Pair.new().store()), "never uploaded"),
    ):
        site.estate.secrets[CREDENTIAL] = file
        site.estate.machines[0] = BARE
        site.pass_time(minutes=6)
        assert words in statuses(site)[-1]["message"]
    site.estate.secrets[CREDENTIAL] = credential(told, pair.store())
    site.estate.machines[0] = replace(BARE, state="stopped")
    site.pass_time(hours=120)
    site.estate.machines[0] = BARE
    site.pass_time(minutes=6)
    assert "expired" in statuses(site)[-1]["message"]
    assert fabrics(site) == []


def test_a_role_that_may_not_read_the_credential_is_refused_in_the_words_of_aws() -> None:
    site = booted()
    site.estate.grants = {BARE.id: {("ssm:PutParameter", STATUS)}}
    site.pass_time(minutes=1)
    message = statuses(site)[-1]["message"]
    assert "AccessDeniedException" in message
    assert f"secretsmanager:GetSecretValue on resource: {CREDENTIAL}" in message


def test_a_role_that_may_not_signal_does_not_end_the_set_up() -> None:
    site = booted()
    site.estate.grants = {
        BARE.id: {
            ("secretsmanager:GetSecretValue", CREDENTIAL),
            ("secretsmanager:PutSecretValue", AGENTS),
        }
    }
    site.pass_time(minutes=15)
    assert statuses(site) == []
    assert len(fabrics(site)) == 1
    assert "ssm:PutParameter" in known(site)["setup"]["refused"]


def test_a_passphrase_that_cannot_be_shared_is_told_and_tried_again() -> None:
    site = booted()
    del site.estate.secrets[AGENTS]
    site.pass_time(minutes=15)
    assert len(fabrics(site)) == 1
    last = statuses(site)[-1]
    assert (last["state"], last["step"]) == ("failed", "passphrase")
    site.estate.secrets[AGENTS] = None
    site.pass_time(minutes=6)
    assert states(site)[-1] == "succeeded"
    assert site.estate.secrets[AGENTS] is not None


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("UNIFIEDSETUP.EXE", "SETUP.EXE", "never started"),
        ("'/q', ", "", "/q and /x:<folder>"),
        ("/x:", "", "/q and /x:<folder>"),
        ("'/AcceptThirdpartyEULA', ", "", "license agreement"),
        ("'/ServerMode', '\"CS\"',", "", "parameter /ServerMode is missing"),
        ('"CS"', '"PS"', "value of /ServerMode is not CS"),
        ("'\"NonVMware\"'", "'\"VMware\"'", "value of /EnvType is not NonVMware"),
        ("'/EnvType', '\"NonVMware\"'", "", "parameter /EnvType is missing"),
        ('"`"$Credential`"",', "", "parameter /VaultCredsFilePath is missing"),
        ("'/MySQLCredsFilePath', ", "", "parameter /MySQLCredsFilePath is missing"),
        ("'/InstallLocation', ", "", "parameter /InstallLocation is missing"),
        ("    Start-Process (Join", "    # Start-Process (Join", "never started"),
    ],
)
def test_an_installer_that_is_called_wrongly_complains(before: str, after: str, words: str) -> None:
    assert before in UNIFIED_SETUP
    script = user_data(CONFIGURATION_SERVER, UNIFIED_SETUP.replace(before, after))
    site = booted(script)
    site.pass_time(minutes=20)
    assert fabrics(site) == []
    last = statuses(site)[-1]
    assert last["state"] == "failed"
    assert "exit code 1" in last["message"]
    assert words in last["message"]


def test_a_failed_set_up_tries_again_after_five_minutes_with_what_has_changed() -> None:
    site = booted()
    good = site.estate.secrets[CREDENTIAL]
    site.estate.secrets[CREDENTIAL] = "none"
    site.pass_time(minutes=1)
    site.estate.secrets[CREDENTIAL] = good
    site.pass_time(minutes=3)
    assert states(site) == ["starting", "failed"]
    site.pass_time(minutes=3)
    assert states(site) == ["starting", "failed", "installing"]
    site.pass_time(minutes=14)
    assert len(fabrics(site)) == 1


def test_a_failed_set_up_tries_again_at_once_after_a_restart_or_with_other_user_data() -> None:
    site = booted()
    site.pass_time(seconds=1)
    for change in ("restart", "script"):
        site = booted(user_data(CONFIGURATION_SERVER, ""))
        site.pass_time(minutes=1)
        assert states(site)[-1] == "failed"
        if change == "restart":
            site.estate.machines[0] = replace(BARE, state="stopped")
            site.pass_time(minutes=1)
            site.estate.machines[0] = BARE
        else:
            site.estate.scripts[BARE.id] = user_data(CONFIGURATION_SERVER)
        before = len(states(site))
        site.pass_time(minutes=1)
        assert len(states(site)) > before


def test_a_server_that_stops_while_it_installs_begins_again_when_it_runs() -> None:
    site = booted()
    site.pass_time(minutes=2)
    site.estate.machines[0] = replace(BARE, state="stopped")
    site.pass_time(minutes=20)
    assert fabrics(site) == []
    assert (known(site)["stage"], known(site)["reason"]) == ("failed", "the instance is stopped")
    site.estate.machines[0] = BARE
    site.pass_time(minutes=15)
    assert len(fabrics(site)) == 1


def test_a_server_that_was_removed_from_its_vault_stays_away() -> None:
    site = booted()
    site.pass_time(minutes=15)
    (fabric,) = fabrics(site)
    site.finished(site.accepted("POST", f"{fabric['id']}/remove"))
    site.pass_time(hours=2)
    assert fabrics(site) == []
    assert known(site)["stage"] == "unregistered"


def test_a_server_goes_on_setting_itself_up_in_a_new_process(tmp_path: Path) -> None:
    site = booted(database=tmp_path / "azure.sqlite")
    site.pass_time(minutes=2)
    site.reopen()
    site.pass_time(minutes=14)
    assert len(fabrics(site)) == 1
    assert states(site) == ["starting", "installing", "succeeded"]


def test_a_computer_that_is_not_renamed_has_the_name_that_windows_gave_it() -> None:
    script = user_data(CONFIGURATION_SERVER).replace("Rename-Computer", "Write-Output")
    site = booted(script)
    site.pass_time(minutes=15)
    (fabric,) = fabrics(site)
    assert fabric["properties"]["friendlyName"] == "EC2AMAZ-0SERVER"


@pytest.mark.parametrize("text", ["no json", "[]", "{}"])
def test_settings_that_powershell_cannot_use_are_told_by_nobody_but_the_emulator(
    text: str,
) -> None:
    whole = json.dumps(settings(CONFIGURATION_SERVER), separators=(",", ":"))
    site = booted(user_data(CONFIGURATION_SERVER).replace(whole, text), server=SERVER)
    site.pass_time(hours=1)
    assert (statuses(site), fabrics(site)) == ([], [])
    assert known(site)["stage"] == "failed"
    assert known(site)["reason"]


@pytest.mark.parametrize("other", ["", "#!/bin/sh\ntrue\n", "<powershell>hostname</powershell>"])
def test_other_user_data_leaves_a_server_to_the_operator(other: str) -> None:
    site = Site()
    site.estate.scripts[SERVER.id] = other
    site.register()
    assert known(site)["stage"] == "registered"


def test_a_terminated_server_is_forgotten() -> None:
    site = booted(user_data(CONFIGURATION_SERVER, ""))
    site.pass_time(minutes=1)
    site.estate.machines.clear()
    site.pass_time(minutes=1)
    assert site.get("/_emulator/guests?")[CLASSIC.servers] == []


# -- a replication appliance ----------------------------------------------------------------------


def test_an_appliance_waits_for_its_person_who_signs_in_and_hands_the_config_over() -> None:
    site = appliance(server=replace(APPLIANCE, tags={}))
    site.pass_time(minutes=10)
    assert states(site) == ["starting", "installing", "waiting"]
    assert "device code" in statuses(site)[-1]["message"]
    site.pass_time(hours=1)
    waiting = known(site, MODERNIZED.servers)
    assert waiting["stage"] == "waiting"
    assert "there is no vault" in waiting["reason"]
    site.estate.machines[0] = APPLIANCE
    site.pass_time(minutes=26)
    (fabric,) = fabrics(site)
    config = json.loads(site.estate.secrets[AGENTS] or "")
    details = site.get(fabric["id"])["properties"]["customDetails"]
    (server,) = details["processServers"]
    assert (config["applianceName"], config["applianceId"]) == (COMPUTER, server["id"])
    assert server["name"] == COMPUTER
    assert known(site, MODERNIZED.servers)["stage"] == "registered"


def test_an_appliance_takes_no_longer_than_by_hand() -> None:
    site = appliance()
    shortest, longest = MODERNIZED.takes
    site.pass_time(seconds=shortest.total_seconds() - 60)
    assert fabrics(site) == []
    site.pass_time(seconds=(longest - shortest + timedelta(minutes=2)).total_seconds())
    assert len(fabrics(site)) == 1


@pytest.mark.parametrize("signals", [True, False])
def test_an_appliance_signals_its_success_only_where_its_script_does(signals: bool) -> None:
    body = APPLIANCE_SETUP + ("Write-Status 'succeeded'\n" if signals else "")
    site = appliance(user_data(REPLICATION_APPLIANCE, body))
    site.pass_time(minutes=30)
    assert len(fabrics(site)) == 1
    assert states(site)[-1] == ("succeeded" if signals else "waiting")


def test_a_person_who_finds_no_secret_for_the_config_comes_again() -> None:
    site = appliance()
    del site.estate.secrets[AGENTS]
    site.pass_time(minutes=30)
    assert "ResourceNotFoundException" in known(site, MODERNIZED.servers)["reason"]
    site.estate.secrets[AGENTS] = None
    site.pass_time(minutes=6)
    assert site.estate.secrets[AGENTS] is not None
    assert known(site, MODERNIZED.servers)["stage"] == "registered"


@pytest.mark.parametrize(
    ("changes", "body", "words"),
    [
        ({"disks": (Disk("/dev/sda1", 80), Disk("xvdf", 600))}, APPLIANCE_SETUP, "620"),
        ({"os": "windows-server-2016"}, APPLIANCE_SETUP, "Windows Server 2022"),
        ({}, APPLIANCE_SETUP.replace("DRInstaller.ps1", "Other.ps1"), "never started"),
        ({}, APPLIANCE_SETUP.replace("'-NonInteractive', ", ""), "waits for an answer"),
        ({}, APPLIANCE_SETUP.replace("'-ExecutionPolicy', 'Bypass', ", ""), "disabled"),
    ],
)
def test_an_appliance_that_cannot_be_installed_says_why(
    changes: dict[str, Any], body: str, words: str
) -> None:
    site = appliance(user_data(REPLICATION_APPLIANCE, body), replace(APPLIANCE, **changes))
    site.pass_time(hours=1)
    assert fabrics(site) == []
    assert statuses(site)[-1]["state"] == "failed"
    assert words in statuses(site)[-1]["message"]


# -- this project's own scripts -------------------------------------------------------------------


@pytest.mark.parametrize("experience", [CLASSIC, MODERNIZED], ids=lambda one: one.name)
def test_the_scripts_of_this_project_set_their_servers_up(experience: Classic) -> None:
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
        )
    )
    site = booted(script) if classic else appliance(script)
    site.pass_time(minutes=30)
    assert len(fabrics(site)) == 1
    assert site.estate.secrets[AGENTS] is not None
    assert states(site)[-1] == ("succeeded" if classic else "waiting")
    read = server_script.read(script)
    assert read is not None
    assert read.computer_name == COMPUTER
