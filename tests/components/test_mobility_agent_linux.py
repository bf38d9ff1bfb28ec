"""Runs the Linux script, with a temporary folder as `/` and with stubs in place of its tools."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.mobility_agent import document

SERVER = "10.10.2.10"
SECRET = {
    "classic": json.dumps({"passphrase": "itUx70I47uxDuUVY"}),
    "modernized": '{\n  "applianceFqdn": "asr-appliance",\n  "fingerprint": "AB"\n}\n',
}
ABSOLUTE = ("/usr/local", "/var/log", "/var/lib", "/var/tmp")

AWS = """
printf '%s\\n' "$*" >>"$ROOT/calls-of-aws"
[ -z "$REFUSED" ] || { echo "An error occurred (AccessDeniedException)" >&2; exit 254; }
cat "$ROOT/secret"
"""
CURL = """
while [ $# -gt 1 ]; do
    [ "$1" = --output ] && to=$2
    shift
done
echo fetched >>"$ROOT/calls-of-curl"
[ -f "$ROOT/package" ] || { echo "curl: (22) The requested URL returned error: 404" >&2; exit 22; }
cat "$ROOT/package" >"$to"
"""
INSTALL = """#!/bin/sh
printf '%s\\n' "$*" >>"$ROOT/calls-of-install"
echo "a great deal of output"
[ "$INSTALL_CODE" = 0 ] || exit "$INSTALL_CODE"
mkdir -p "$ROOT/usr/local/ASR/Vx/bin" "$ROOT/usr/local/ASR/Vx/etc"
printf 'Hostname = \\nCSType=CSLegacy\\n' >"$ROOT/usr/local/ASR/Vx/etc/drscout.conf"
echo "INSTALLATION_DIR=$ROOT/usr/local/ASR/Vx" >"$ROOT/usr/local/.vx_version"
cp "$ROOT/configurator" "$ROOT/usr/local/ASR/Vx/bin/UnifiedAgentConfigurator.sh"
"""
CONFIGURATOR = """#!/bin/sh
printf '%s\\n' "$*" >>"$ROOT/calls-of-configurator"
server='' type=CSLegacy
while getopts i:P:S:qD:c: option; do
    case $option in
        i) server=$OPTARG ;;
        P | S) cat "$OPTARG" >"$ROOT/registered-with"; ls -l "$OPTARG" >"$ROOT/file-mode" ;;
        c) type=$OPTARG ;;
    esac
done
[ "$CONFIGURATOR_CODE" = 0 ] || exit "$CONFIGURATOR_CODE"
printf 'Hostname = %s\\nCSType=%s\\n' "$server" "$type" >"$ROOT/usr/local/ASR/Vx/etc/drscout.conf"
echo AGENT_CONFIGURATION_STATUS=Succeeded >>"$ROOT/usr/local/.vx_version"
"""


@dataclass
class Result:
    """The exit code of a run, and its report."""

    code: int
    report: dict[str, Any]
    output: str


@dataclass
class Machine:
    """A Linux machine whose root is a folder."""

    root: Path
    experience: str = "classic"
    sha256: str = ""
    server: str = SERVER
    shell: str = "sh"
    proxy: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in ("bin", "usr/local", "var/log", "var/tmp"):
            (self.root / folder).mkdir(parents=True)
        self.tool("aws", AWS)
        self.tool("curl", CURL)
        self.tool("sleep", "")
        (self.root / "configurator").write_text(CONFIGURATOR, "utf-8")
        (self.root / "configurator").chmod(0o755)
        (self.root / "secret").write_text(SECRET[self.experience], "utf-8")
        self.package(INSTALL)

    def tool(self, name: str, script: str) -> None:
        """Add a program to the machine's PATH."""
        path = self.root / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}", "utf-8")
        path.chmod(0o755)

    def package(self, installer: str) -> None:
        """Make the archive that the script downloads."""
        with tarfile.open(self.root / "package", "w:gz") as archive:
            entry = tarfile.TarInfo("install")
            entry.mode, entry.size = 0o755, len(installer)
            archive.addfile(entry, io.BytesIO(installer.encode()))

    def run(self) -> Result:
        """Run the script as Systems Manager does."""
        script = document.script("linux")
        values = {
            "PackageUrl": "https://packages.example.com/agent.tar.gz",
            "PackageSha256": self.sha256,
            "ServerAddress": self.server,
            "SecretId": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:agent-AbCdEf",
            "Region": "eu-west-1",
            "Experience": self.experience,
            "Proxy": self.proxy,
            "ProxyBypass": "s3.example.com",
        }
        for name, value in values.items():
            script = script.replace(f"{{{{ {name} }}}}", value)
        for path in ABSOLUTE:
            script = script.replace(path, f"{self.root}{path}")
        # The folders that the script appends to PATH must not provide real tools.
        script = script.replace(f"$PATH:{self.root}/usr/local", "$PATH:/nowhere")
        file = self.root / "_script.sh"
        file.write_text(script, "utf-8")
        done = subprocess.run(
            [self.shell, file],
            capture_output=True,
            text=True,
            timeout=60,
            env={
                "PATH": f"{self.root}/bin:{os.defpath}",
                "ROOT": str(self.root),
                "REFUSED": "",
                "INSTALL_CODE": "0",
                "CONFIGURATOR_CODE": "0",
                **self.environment,
            },
        )
        assert done.stderr == ""
        *_, last = done.stdout.splitlines()
        return Result(done.returncode, json.loads(last), done.stdout)

    def calls(self, tool: str) -> list[str]:
        """The arguments of each call of a stub."""
        path = self.root / f"calls-of-{tool}"
        return path.read_text("utf-8").splitlines() if path.exists() else []

    def text(self, path: str) -> str:
        """A file's text."""
        return (self.root / path).read_text("utf-8")


@pytest.fixture(params=["classic", "modernized"])
def any_machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    return Machine(tmp_path, experience=request.param)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_it_runs_in_the_shells_of_every_distribution(machine: Machine, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    machine.shell = shell
    assert machine.run().report["agent"] == "registered"
    machine.environment["REFUSED"] = "yes"
    machine.server = "10.10.2.11"
    assert machine.run().code == 13


def test_an_agent_is_installed_and_registered(any_machine: Machine) -> None:
    result = any_machine.run()
    assert result.code == 0
    assert result.report["agent"] == "registered"
    assert set(result.report) == {"agent", "bios", "message"}
    (installed,), (configured,) = any_machine.calls("install"), any_machine.calls("configurator")
    if any_machine.experience == "classic":
        assert installed == f"-r MS -v VmWare -d {any_machine.root}/usr/local/ASR -q -c CSLegacy"
        assert configured.startswith(f"-i {SERVER} -P {any_machine.root}/var/tmp/mobility-agent.")
        assert any_machine.text("registered-with") == "itUx70I47uxDuUVY"
    else:
        assert installed == "-q -r MS -v VmWare -c CSPrime"
        assert configured.endswith("/config.json -q -D true -c CSPrime")
        assert any_machine.text("registered-with") == SECRET["modernized"]


def test_the_secret_is_read_with_the_machines_role_and_is_nowhere_afterwards(
    any_machine: Machine,
) -> None:
    result = any_machine.run()
    (asked,) = any_machine.calls("aws")
    assert asked.startswith("secretsmanager get-secret-value --region eu-west-1 --secret-id arn:")
    assert any_machine.text("file-mode").startswith("-rw-------")
    assert list((any_machine.root / "var/tmp").iterdir()) == []
    logs = [file.read_text("utf-8") for file in (any_machine.root / "var/log").iterdir()]
    for text in (result.output, *logs, *any_machine.calls("configurator")):
        assert "itUx70I47uxDuUVY" not in text
        assert "fingerprint" not in text


def test_a_machine_that_is_done_is_left_alone(any_machine: Machine) -> None:
    any_machine.run()
    again = any_machine.run()
    assert again.code == 0
    assert again.report["message"] == f"registered with {SERVER} before"
    for tool in ("aws", "curl", "install", "configurator"):
        assert len(any_machine.calls(tool)) == 1


def test_an_agent_that_was_never_registered_is_not_installed_twice(any_machine: Machine) -> None:
    any_machine.environment["CONFIGURATOR_CODE"] = "14"
    assert any_machine.run().code == 16
    any_machine.environment["CONFIGURATOR_CODE"] = "0"
    assert any_machine.run().report["agent"] == "registered"
    assert len(any_machine.calls("install")) == 1


def test_an_agent_of_another_server_is_registered_anew(any_machine: Machine) -> None:
    any_machine.run()
    any_machine.server = "10.10.2.11"
    assert any_machine.run().report["message"] == "registered with 10.10.2.11"
    assert len(any_machine.calls("configurator")) == 2


def test_an_agent_that_the_server_pushed_is_left_alone(machine: Machine) -> None:
    machine.run()
    (machine.root / "var/lib/ec2-to-azure/mobility-agent-server").unlink()
    assert machine.run().report["message"] == f"registered with {SERVER} before"


def test_a_package_with_the_right_sum_is_installed(machine: Machine) -> None:
    package = (machine.root / "package").read_bytes()
    machine.sha256 = hashlib.sha256(package).hexdigest().upper()
    assert machine.run().code == 0


def test_a_package_with_another_sum_is_not_even_unpacked(machine: Machine) -> None:
    machine.sha256 = "0" * 64
    result = machine.run()
    assert (result.code, result.report["agent"]) == (12, "failed")
    assert "replication.agent.linux" in result.report["message"]
    assert machine.calls("install") == []


def test_a_package_that_cannot_be_fetched_is_tried_five_times(machine: Machine) -> None:
    (machine.root / "package").unlink()
    result = machine.run()
    assert result.code == 11
    assert "404" in result.report["message"]
    assert len(machine.calls("curl")) == 5


def test_a_package_that_is_no_archive_is_refused(machine: Machine) -> None:
    (machine.root / "package").write_text("<html>", "utf-8")
    result = machine.run()
    assert result.code == 14
    assert "tar.gz" in result.report["message"]


def test_a_role_that_may_not_read_the_secret_is_told_before_anything_is_installed(
    machine: Machine,
) -> None:
    machine.environment["REFUSED"] = "yes"
    result = machine.run()
    assert result.code == 13
    assert "AccessDeniedException" in result.report["message"]
    assert machine.calls("curl") == []


def test_a_machine_without_the_aws_cli_says_so(machine: Machine) -> None:
    (machine.root / "bin/aws").unlink()
    result = machine.run()
    assert result.code == 10
    assert "AWS CLI" in result.report["message"]


@pytest.mark.parametrize("secret", ["{}", "", '{"passphrase": ""}'])
def test_a_secret_without_passphrase_is_no_passphrase(machine: Machine, secret: str) -> None:
    (machine.root / "secret").write_text(secret, "utf-8")
    result = machine.run()
    assert result.code == 13
    assert "passphrase" in result.report["message"]
    assert machine.calls("configurator") == []


@pytest.mark.parametrize(
    ("installer", "configurator", "code", "said"),
    [
        ("41", "0", 15, "ended with 41"),
        ("0", "13", 16, "another configuration server"),
        ("0", "14", 16, "port 443"),
        ("0", "17", 16, "InstallerErrors.json"),
        ("0", "97", 16, "InstallerErrors.json"),
        ("0", "44", 16, "ended with 44"),
    ],
)
def test_an_installers_exit_code_becomes_a_reason_with_its_log(
    machine: Machine, installer: str, configurator: str, code: int, said: str
) -> None:
    machine.environment |= {"INSTALL_CODE": installer, "CONFIGURATOR_CODE": configurator}
    result = machine.run()
    assert (result.code, result.report["agent"]) == (code, "failed")
    assert said in result.report["message"]
    assert list((machine.root / "var/tmp").iterdir()) == []


def test_warnings_of_the_installers_are_no_failure(machine: Machine) -> None:
    machine.package(INSTALL.replace('|| exit "$INSTALL_CODE"', "|| true") + "exit 98\n")
    assert machine.run().report["agent"] == "registered"


def test_a_message_with_quotes_and_backslashes_is_still_json(machine: Machine) -> None:
    machine.tool("aws", """printf 'say "no" \\\\ to\\tthis\\n' >&2; exit 1""")
    assert machine.run().report["message"].endswith('say "no" \\ to this')


@pytest.mark.parametrize(
    ("kernel", "taken"),
    [
        ("5.4.0-1045-aws", False),
        ("5.15.0-1050-aws-fips", False),
        ("5.10.205-195.807.amzn2.x86_64", False),
        ("5.15.0-1040-gcp", False),
        ("6.1.0-1.el8.elrepo.x86_64", False),
        ("5.4.0-150-generic", True),
        ("5.15.0-1053-azure", True),
        ("4.18.0-305.el8.x86_64", True),
        ("3.10.0-1160.el7.x86_64", True),
        ("5.4.17-2136.el8uek.x86_64", True),
        ("4.19.0-26-amd64", True),
        ("5.3.18-150300.59-default", True),
        ("2.6.32-754.el6.x86_64", True),
    ],
)
def test_only_stock_kernels_get_the_agent(any_machine: Machine, kernel: str, taken: bool) -> None:
    any_machine.tool("uname", f"echo {kernel}")
    result = any_machine.run()
    assert result.code == (0 if taken else 17)
    if not taken:
        assert kernel in result.report["message"]
        assert not (any_machine.root / "calls-of-install").exists()


def test_only_what_reaches_the_internet_goes_through_the_proxy(any_machine: Machine) -> None:
    any_machine.proxy = "http://10.10.0.10:3128"
    seen = 'echo "$0 ${https_proxy:-none} ${no_proxy:-none}" >>"$ROOT/proxies"'
    any_machine.tool("curl", f"{seen}\n{CURL}")
    any_machine.tool("aws", f"{seen}\n{AWS}")
    any_machine.package(INSTALL.replace("#!/bin/sh", f"#!/bin/sh\n{seen}", 1))

    assert any_machine.run().code == 0

    lines = [line.split() for line in any_machine.text("proxies").splitlines()]
    used = {program.rpartition("/")[2]: (proxy, direct) for program, proxy, direct in lines}
    through = (any_machine.proxy, f"169.254.169.254,{SERVER},s3.example.com")
    assert used == {"curl": through, "aws": through, "install": ("none", "none")}
