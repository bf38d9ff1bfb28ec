"""The servers' set-up scripts, parsed as PowerShell. They cannot run here."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from components.server_setup import USER_DATA_MAX_BYTES, Setup, user_data

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ec2-to-azure-prod-{}-AbCdEf"
CONFIGURATION_SERVER = Setup(
    role="configuration-server",
    region="eu-west-1",
    computer_name="asr-cs",
    status_parameter="/ec2-to-azure-prod/configuration-server/status",
    agent_secret_id=ARN.format("agent"),
    installer_url="https://aka.ms/unifiedinstaller_wus",
    installer_sha256="0" * 64,
    credential_secret_id=ARN.format("credential"),
)
REPLICATION_APPLIANCE = replace(
    CONFIGURATION_SERVER,
    role="replication-appliance",
    computer_name="asr-appliance",
    installer_url="https://aka.ms/V2ARcmApplianceCreationPowershellZip",
    credential_secret_id=None,
)
PROXIED = [
    replace(setup, proxy="http://10.10.0.10:3128", proxy_bypass=("s3.example.com",))
    for setup in (CONFIGURATION_SERVER, REPLICATION_APPLIANCE)
]
BOTH = pytest.mark.parametrize(
    "setup",
    [CONFIGURATION_SERVER, REPLICATION_APPLIANCE, *PROXIED],
    ids=lambda setup: f"{setup.role}{'-proxied' if setup.proxy else ''}",
)

APPROVED_VERBS = {
    "Assert", "Complete", "Enter", "Get", "Initialize", "Install", "Invoke", "New", "Publish",
    "Save", "Set", "Test", "Write",
}  # fmt: skip
"""The approved verbs of PowerShell that the scripts use."""

AUTOMATIC = {"_", "true", "false", "null", "args", "matches", "lastexitcode", "psitem"}
PREFERENCES = {"erroractionpreference", "progresspreference"}
SHOWS = {"write-host", "write-output", "write-warning", "write-verbose", "write-error"}
SECRETS = {"passphrase", "password", "file", "new", "lines"}
"""Variables with a value that must not be shown (`$file` only where it is the secret)."""


def script(setup: Setup) -> str:
    match = re.fullmatch(
        r"<powershell>\n(.*)</powershell>\n<persist>true</persist>", user_data(setup), re.DOTALL
    )
    assert match, "the tags that EC2's launch agents look for"
    return match[1]


def nodes(text: str) -> Iterator[Node]:
    queue = [Parser(Language(tree_sitter_powershell.language())).parse(text.encode()).root_node]
    while queue:
        node = queue.pop()
        yield node
        queue.extend(node.children)


def text_of(node: Node) -> str:
    assert node.text is not None
    return node.text.decode()


def errors(text: str) -> list[str]:
    return [
        f"line {node.start_point[0] + 1}: {text_of(node)[:60]}"
        for node in nodes(text)
        if node.type == "ERROR" or node.is_missing
    ]


def name_of(variable: str) -> str:
    """The name of a variable in lower case, without its sign, braces and `script:`."""
    return variable.strip("$@{}").lower().removeprefix("script:")


def variables(text: str) -> Counter[str]:
    """How often each variable occurs in the text, without environment variables."""
    names = (name_of(text_of(node)) for node in nodes(text) if node.type == "variable")
    return Counter(name for name in names if not name.startswith("env:"))


def assigned(text: str) -> set[str]:
    """All variables that are assigned, are parameters, or are set by a loop."""
    found: set[str] = set()
    for node in nodes(text):
        if node.type in ("left_assignment_expression", "script_parameter", "foreach_statement"):
            inner = (part for part in nodes_in(node) if part.type == "variable")
            found.update(name_of(text_of(first)) for first in islice(inner, 1))
    return found


def nodes_in(node: Node) -> Iterator[Node]:
    """A node and all nodes inside it, in the order of the text."""
    yield node
    for child in node.children:
        yield from nodes_in(child)


def commands(text: str) -> list[tuple[str, str]]:
    """The commands that the text runs: name in lower case, and full text."""
    found = []
    for node in nodes(text):
        if node.type == "command":
            whole = text_of(node)
            found.append((whole.split()[0].strip("&. ").lower(), whole))
    return found


def functions(text: str) -> list[str]:
    return [
        text_of(next(child for child in node.children if child.type == "function_name"))
        for node in nodes(text)
        if node.type == "function_statement"
    ]


@BOTH
def test_a_script_is_whole_powershell(setup: Setup) -> None:
    assert errors(script(setup)) == []


@pytest.mark.parametrize(
    "broken",
    [
        "if ($true) { Get-Item 'a'",
        "Get-Item 'a",
        'Write-Output "a',
        "$a = @'\ntext\n",
        "function Get-It { (1 + 2 }",
    ],
)
def test_a_script_that_is_not_would_be_noticed(broken: str) -> None:
    assert errors(broken)


@BOTH
def test_functions_are_named_with_approved_verbs_and_all_are_used(setup: Setup) -> None:
    text = script(setup)
    assert {name.split("-")[0] for name in functions(text)} <= APPROVED_VERBS
    assert len(set(functions(text))) == len(functions(text))
    run = {name for name, _ in commands(text)}
    assert {name.lower() for name in functions(text)} <= run


@BOTH
def test_what_is_used_was_assigned(setup: Setup) -> None:
    text = script(setup)
    used = variables(text)
    assert set(used) - assigned(text) - AUTOMATIC == set()
    assert {name for name in assigned(text) - PREFERENCES if used[name] == 1} == set()


@BOTH
def test_errors_end_a_step_and_unset_variables_are_errors(setup: Setup) -> None:
    first, second = script(setup).splitlines()[:2]
    assert first == "Set-StrictMode -Version Latest"
    assert second == "$ErrorActionPreference = 'Stop'"


@BOTH
def test_nothing_secret_is_shown_or_put_on_a_command_line(setup: Setup) -> None:
    text = script(setup)
    for name, whole in commands(text):
        shown = set(variables(whole)) & SECRETS
        if name in SHOWS | {"write-status", "enter-step", "invoke-program", "start-process"}:
            assert not shown, whole
    assert not {name for name, _ in commands(text)} & {"invoke-expression", "iex"}


@BOTH
def test_it_fits_into_user_data_with_the_longest_names(setup: Setup) -> None:
    long = replace(
        setup,
        computer_name="a" * 15,
        status_parameter="/" + "p" * 250,
        agent_secret_id=ARN.format("s" * 250),
        credential_secret_id=setup.credential_secret_id and ARN.format("s" * 250),
        installer_url="https://example.com/" + "u" * 1500,
    )
    assert len(user_data(long).encode()) < USER_DATA_MAX_BYTES


@BOTH
def test_the_settings_are_one_line_of_json_in_a_here_string(setup: Setup) -> None:
    found = re.findall(r"^\$Settings = @'\n(.*)\n'@ \| ConvertFrom-Json$", script(setup), re.M)
    assert len(found) == 1
    settings = json.loads(found[0])
    assert settings["role"] == setup.role
    assert settings["statusParameter"] == setup.status_parameter
    assert settings["installerSha256"] == "0" * 64
    assert settings.get("credentialSecretId") == setup.credential_secret_id


@BOTH
def test_a_setting_changes_nothing_but_the_settings(setup: Setup) -> None:
    strange = "https://x/'@;$(Remove-Item C:\\)`\"\n'@</powershell><script>é"
    lines = user_data(replace(setup, installer_url=strange)).splitlines()
    others = user_data(setup).splitlines()
    differing = [line for line, other in zip(lines, others, strict=True) if line != other]
    assert len(differing) == 1
    assert json.loads(differing[0])["installerUrl"] == strange
    assert differing[0].isascii()
    assert "<" not in differing[0]


@BOTH
def test_every_setting_that_is_read_is_there(setup: Setup) -> None:
    text = script(setup)
    line = text.split("$Settings = @'\n")[1].splitlines()[0]
    read = set(re.findall(r"\$Settings\.(\w+)", text))
    assert read <= set(json.loads(line))
    assert {"statusParameter", "installerUrl", "computerName", "region"} <= read


def test_the_configuration_server_is_installed_as_published() -> None:
    text = script(CONFIGURATION_SERVER)
    for parameter in (
        "'/AcceptThirdpartyEULA'",
        "'/ServerMode', '\"CS\"'",
        "'/InstallLocation'",
        "'/MySQLCredsFilePath'",
        "'/VaultCredsFilePath'",
        "'/EnvType', '\"NonVMware\"'",
    ):
        assert parameter in text
    assert "'/q', \"/x:" in text
    assert "& $tool -v" in text


def test_the_files_with_secrets_are_removed_whatever_happens() -> None:
    blocks = [
        text_of(node)
        for node in nodes(script(CONFIGURATION_SERVER))
        if node.type == "finally_clause"
    ]
    assert any("Remove-Item $Credential, $Mysql, $Proxy -Force" in block for block in blocks)


def test_the_passphrase_goes_to_the_agents_secret_as_they_read_it() -> None:
    (put,) = [
        whole
        for name, whole in commands(script(CONFIGURATION_SERVER))
        if name == "write-secsecretvalue"
    ]
    assert "-SecretId $Settings.agentSecretId" in put
    assert "@{ passphrase = $passphrase } | ConvertTo-Json -Compress" in put


def test_the_appliance_reads_no_credential_and_says_what_a_person_must_do() -> None:
    text = script(REPLICATION_APPLIANCE)
    assert "credentialSecretId" not in text
    assert "SECSecretValue" not in text
    assert "DRInstaller.ps1" in text
    assert "Write-Status 'waiting' 'sign-in'" in text


@BOTH
def test_states_are_those_that_the_program_knows(setup: Setup) -> None:
    text = script(setup)
    states = set(re.findall(r"Write-Status '(\w+)'", text))
    assert states <= {"installing", "waiting", "succeeded", "failed"}
    assert "failed" in states


@pytest.mark.parametrize("setup", PROXIED, ids=lambda setup: setup.role)
def test_the_proxy_is_set_before_anything_is_sent(setup: Setup) -> None:
    loop = script(setup).partition("while (-not (Test-Path $Done))")[2]
    assert loop.index("Set-Proxy") < loop.index("Set-ComputerName") < loop.index("Install-Server")
    [found] = re.findall(r"^\$Settings = @'\n(.*)\n'@ \| ConvertFrom-Json$", script(setup), re.M)
    settings = json.loads(found)
    assert settings["proxy"] == "http://10.10.0.10:3128"
    assert settings["proxyBypass"] == ["s3.example.com"]


def test_the_person_who_signs_an_appliance_in_is_told_its_proxy() -> None:
    assert 'turn on the proxy with $($Settings.proxy),"' in script(PROXIED[1])


def test_unified_setup_is_told_the_proxy_in_its_file() -> None:
    text = script(PROXIED[0])
    assert "'[ProxySettings]', 'ProxyAuthentication = \"No\"'" in text
    assert "'/ProxySettingsFilePath'" in text
