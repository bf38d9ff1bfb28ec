"""The documents follow the limits of Systems Manager, and linters and parsers accept their scripts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tree_sitter
import tree_sitter_powershell
from pydantic import ValidationError

from components.mobility_agent import document
from settings.schema.packages import Package

BOTH = pytest.mark.parametrize("platform", ["windows", "linux"])
SHELLCHECK = Path(sys.executable).parent / "shellcheck"
VALUES = {
    "PackageUrl": "https://packages.example.com/agents/Microsoft-ASR_UA_9.60_RHEL6.tar.gz?v=1&x=%20",
    "PackageSha256": "0123456789abcdefABCDEF" + "0" * 42,
    "ServerAddress": "10.10.2.10",
    "SecretId": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:asr/agent_1-AbCdEf",
    "Region": "us-gov-west-1",
}


def content(platform: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(document.content(platform))
    return loaded


@BOTH
def test_a_document_fits_into_systems_manager(platform: str) -> None:
    loaded = content(platform)
    assert len(document.content(platform).encode()) < document.SIZE_LIMIT
    assert loaded["schemaVersion"] == "2.2"
    assert set(loaded["parameters"]) == set(document.PARAMETERS)
    for parameter in loaded["parameters"].values():
        assert parameter["type"] == "String"
        assert parameter["description"]


@pytest.mark.parametrize(
    ("platform", "action", "system"),
    [("windows", "aws:runPowerShellScript", "Windows"), ("linux", "aws:runShellScript", "Linux")],
)
def test_a_document_runs_its_script_on_its_platform_alone(
    platform: str, action: str, system: str
) -> None:
    (step,) = content(platform)["mainSteps"]
    assert step["action"] == action
    assert step["precondition"] == {"StringEquals": ["platformType", system]}
    assert "\n".join(step["inputs"]["runCommand"]) + "\n" == document.script(platform)


@BOTH
def test_a_script_uses_every_parameter_between_single_quotes(platform: str) -> None:
    text = document.script(platform)
    used = re.findall(r"\{\{ (\w+) \}\}", text)
    assert sorted(used) == sorted(document.PARAMETERS)
    assert text.count("{{") == len(re.findall(r"'\{\{ \w+ \}\}'", text))


@pytest.mark.parametrize("name", VALUES)
def test_a_parameter_takes_what_is_right(name: str) -> None:
    pattern = content("linux")["parameters"][name]["allowedPattern"]
    assert re.search(pattern, VALUES[name])


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("end", ["'", '"', "`id`", "$(id)", "\n", " ", ";'id'", "{{ x }}"])
def test_a_parameter_cannot_leave_its_quotes(name: str, end: str) -> None:
    pattern = content("linux")["parameters"][name]["allowedPattern"]
    # As in the regular expressions of Java and Go, `$` must match only at the end.
    assert not re.search(pattern.replace("$", r"\Z"), VALUES[name] + end)


@pytest.mark.parametrize("character", [*map(chr, range(33, 127)), "ü", "\N{NO-BREAK SPACE}"])
def test_systems_manager_takes_every_address_that_the_config_takes(character: str) -> None:
    """Else a preview says nothing, and the roll-out ends in the middle of `up`."""
    url = f"https://packages.example.com/agents{character}1.tar.gz"
    pattern = content("linux")["parameters"]["PackageUrl"]["allowedPattern"]
    try:
        Package(url=url)
    except ValidationError:
        return
    assert re.search(pattern, url)


@pytest.mark.parametrize("url", ["http://packages.example.com/a.exe", "file:///etc/passwd", ""])
def test_packages_come_by_https_only(url: str) -> None:
    assert not re.search(content("windows")["parameters"]["PackageUrl"]["allowedPattern"], url)


@pytest.mark.parametrize(
    ("platform", "command"),
    [
        ("windows", r"MobilityServiceInstaller.exe /q /x:"),
        (
            "windows",
            r'UnifiedAgent.exe /Role "MS" /InstallLocation "C:\Program Files (x86)\Microsoft Azure '
            r'Site Recovery" /Platform "VmWare" /Silent /CSType CSLegacy',
        ),
        ("windows", "UnifiedAgentConfigurator.exe /CSEndPoint $ServerAddress /PassphraseFilePath "),
        (
            "windows",
            "UnifiedAgentInstaller.exe /Platform vmware /Silent /Role MS /CSType CSPrime "
            r'/InstallLocation "C:\Program Files (x86)\Microsoft Azure Site Recovery"',
        ),
        ("windows", r"UnifiedAgentConfigurator.exe /SourceConfigFilePath $Work\config.json"),
        ("windows", "config.json /CSType CSPrime /CredentialLessDiscovery true"),
        ("linux", "./install -r MS -v VmWare -d /usr/local/ASR -q -c CSLegacy"),
        ("linux", "/usr/local/ASR/Vx/bin/UnifiedAgentConfigurator.sh -i "),
        ("linux", "./install -q -r MS -v VmWare -c CSPrime"),
        ("linux", '/config.json" -q -D true -c CSPrime'),
    ],
)
def test_installers_are_called_as_they_are_documented(platform: str, command: str) -> None:
    """Source: "About the Mobility service" (Microsoft Learn), both experiences."""
    assert command in document.script(platform)


def test_the_linux_script_has_nothing_that_shellcheck_warns_of(tmp_path: Path) -> None:
    script = tmp_path / "linux.sh"
    script.write_text(document.script("linux"), "utf-8")
    checked = subprocess.run(
        [SHELLCHECK, "--shell=sh", "--severity=style", script], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout


def nodes(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    yield node
    for child in node.children:
        yield from nodes(child)


@pytest.fixture(scope="module")
def windows() -> list[tree_sitter.Node]:
    language = tree_sitter.Language(tree_sitter_powershell.language())
    tree = tree_sitter.Parser(language).parse(document.script("windows").encode())
    return list(nodes(tree.root_node))


def texts(tree: list[tree_sitter.Node], kind: str) -> list[str]:
    return [node.text.decode() for node in tree if node.type == kind and node.text is not None]


def test_the_windows_script_parses(windows: list[tree_sitter.Node]) -> None:
    wrong = [(n.start_point, n.text) for n in windows if n.type == "ERROR" or n.is_missing]
    assert wrong == []


def test_the_windows_script_calls_nothing_newer_than_powershell_3(
    windows: list[tree_sitter.Node],
) -> None:
    own = set(texts(windows, "function_name"))
    called = {name for name in texts(windows, "command_name") if "-" in name} - own
    known_to_powershell_3 = {
        "ConvertFrom-Json",
        "ConvertTo-Json",
        "ForEach-Object",
        "Get-Command",
        "Get-Content",
        "Get-ItemProperty",
        "Get-Module",
        "Get-WmiObject",
        "Import-Module",
        "Join-Path",
        "New-Item",
        "New-Object",
        "Out-Null",
        "Remove-Item",
        "Select-Object",
        "Set-Content",
        "Split-Path",
        "Start-Process",
        "Start-Sleep",
        "Test-Path",
        "Where-Object",
        "Write-Output",
        "Write-Warning",
    }
    of_aws_tools = {"Get-SECSecretValue", "Set-AWSProxy"}
    assert called == known_to_powershell_3 | of_aws_tools


def test_the_windows_script_takes_only_stdout_of_the_aws_cli_for_the_secret(
    windows: list[tree_sitter.Node],
) -> None:
    functions = texts(windows, "function_statement")
    (read_secret,) = (each for each in functions if each.startswith("function Read-Secret"))
    (said,) = re.findall(r"(\$\w+) = .*secretsmanager get-secret-value .*2>&1", read_secret)
    # What it says on both streams is taken apart before anything is returned or told.
    (text,) = re.findall(r"return \(?(\$\w+)", read_secret)
    assert f"{text} = @({said} | Where-Object {{ $_ -is [string] }})" in read_secret
    assert f"$reason = (@({said} | Where-Object {{ $_ -isnot [string] }})" in read_secret
    assert read_secret.count(said) == 3


def test_the_windows_script_names_its_functions_with_verbs_that_powershell_approves(
    windows: list[tree_sitter.Node],
) -> None:
    approved = {"Assert", "Get", "Import", "Install", "Invoke", "New", "Read", "Register"}
    approved |= {"Save", "Stop", "Test", "Write"}
    verbs = {name.split("-")[0] for name in texts(windows, "function_name")}
    assert verbs
    assert verbs <= approved


def test_the_windows_script_removes_what_it_wrote_whatever_happens(
    windows: list[tree_sitter.Node],
) -> None:
    last = texts(windows, "finally_clause")[-1]
    assert "Remove-Item -LiteralPath $Work -Recurse" in last
    written = re.findall(r"WriteAllText\(\"([^\"]*)\"", document.script("windows"))
    assert written == [r"$Work\passphrase.txt", r"$Work\config.json"]
