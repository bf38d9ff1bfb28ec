"""Push installation of the mobility agent by the process server, during enable protection.

Error ids, causes and actions: "Troubleshoot Mobility Service push installation" (azure-docs,
09/11/2019). Ports: the procedure's security group rules.
"""

from __future__ import annotations

from emulator.estate.machines import Instance
from emulator.guests import configuration_server
from emulator.kernel.world import World
from emulator.recovery_services.jobs.outcomes import JobError
from emulator.recovery_services.replication import failures

_RPC, _SMB, _SSH = 135, 445, 22
_CONTROL, _DATA = 443, 9443

_WINDOWS = (
    "windows-server-2008-r2-sp1",
    "windows-server-2012",
    "windows-server-2012-r2",
    "windows-server-2016",
)
_WINDOWS_DRIVERS = ("aws-pv", "citrix-pv")
_LINUX = ("rhel-6.7",)


def answers(world: World, server: Instance, machine: Instance, os_type: str) -> bool:
    """Whether the server reaches the machine on at least one port of a push installation."""
    ports = (_RPC, _SMB) if os_type == "Windows" else (_SSH,)
    return any(world.estate.allows(server, machine, port) for port in ports)


def unreachable(name: str, address: str) -> JobError:
    """The error for a machine that cannot be added or reached at all (95117)."""
    return JobError(
        "95117",
        f"The machine '{name}' with the IP address '{address}' could not be reached.",
        "No running machine of this network has the address, or the connection was refused or "
        "timed out.",
        "Check that the machine runs in the configuration server's network and that its security "
        "group lets the server in: TCP 135 and 445 for Windows, TCP 22 for Linux.",
        task=0,
    )


def install(
    world: World, server: Instance, machine: Instance, *, os_type: str, account: str
) -> None:
    """Check the conditions of a push installation, in the order in which the installer meets them.

    Raises:
        JobError: with the error id of the first condition that is not met.
    """
    _check_account(machine, account)
    _check_connection(world, server, machine)
    check_system(machine, os_type)
    check_way(world, server, machine)


def check_way(world: World, server: Instance, machine: Instance) -> None:
    """Check that a machine's agent reaches the configuration server.

    Raises:
        JobError: with the first port that is closed.
    """
    for port in (_CONTROL, _DATA):
        if not world.estate.allows(machine, server, port):
            raise failures.enabling(
                failures.UNREACHABLE,
                f"The mobility service on '{machine.name}' could not reach the configuration "
                f"server '{server.name}' on TCP port {port}.",
                "A firewall or security group between them refuses the connection.",
                f"Let the machine reach the configuration server on TCP {_CONTROL} (control) and "
                f"{_DATA} (replication data), then enable replication again.",
            )


def _check_account(machine: Instance, account: str) -> None:
    _, good_for = configuration_server.ACCOUNTS[account]
    if good_for.lower() == machine.platform:
        return
    if machine.platform == "windows":
        raise failures.enabling(
            95107,
            f"Push installation on '{machine.name}' failed: the user account has no "
            "administrative privileges on the source machine.",
            "The account chosen is wrong, or remote user access control is not disabled.",
            "Choose an account with administrative privileges; for a local account set "
            "LocalAccountTokenFilterPolicy to 1.",
        )
    raise failures.enabling(
        95108,
        f"Push installation on '{machine.name}' failed: the user account is not root.",
        "The account chosen is wrong, or SFTP or password authentication is off.",
        "Choose the root account, and enable SFTP and password authentication in sshd_config.",
    )


def _check_connection(world: World, server: Instance, machine: Instance) -> None:
    ports = (_RPC, _SMB) if machine.platform == "windows" else (_SSH,)
    closed = {port for port in ports if not world.estate.allows(server, machine, port)}
    if closed == set(ports):
        raise failures.enabling(
            failures.UNREACHABLE,
            f"Push installation on '{machine.name}' failed: the source machine is not reachable.",
            "The machine is off, or a firewall or security group refuses the connection on "
            f"TCP {' and '.join(map(str, ports))}.",
            "Check that the configuration server can reach the machine on these ports.",
        )
    if _RPC in closed:
        raise failures.enabling(
            95103,
            f"Push installation on '{machine.name}' failed: WMI does not answer.",
            "Windows Management Instrumentation is blocked: TCP 135 is closed.",
            "Let WMI through the firewall and open TCP 135 from the configuration server.",
        )
    if _SMB in closed:
        raise failures.enabling(
            95105,
            f"Push installation on '{machine.name}' failed: file and printer sharing does not "
            "answer.",
            "File and printer sharing is blocked: TCP 445 is closed.",
            "Enable file and printer sharing and open TCP 445 from the configuration server.",
        )


def check_system(machine: Instance, os_type: str) -> None:
    """Check that the agent runs on a machine.

    Raises:
        JobError: names what is not supported.
    """
    problem = system_problem(machine, os_type)
    if problem is not None:
        raise failures.enabling(
            failures.UNSUPPORTED_OS,
            f"The mobility service cannot be installed on '{machine.name}': {problem}.",
            "The operating system, its drivers or its virtualization is not supported.",
            "Protect 64-bit machines only: Windows Server 2008 R2 SP1 to 2016 with Citrix PV or "
            "AWS PV drivers, or Red Hat Enterprise Linux 6.7 on HVM.",
        )


def system_problem(machine: Instance, os_type: str) -> str | None:
    """The reason why the agent does not run on a machine with this OS type; None if it does."""
    if machine.platform != os_type.lower():
        return f"it was added as {os_type} and runs {machine.os}"
    if machine.architecture != "x86_64":
        return f"its architecture is {machine.architecture}"
    if machine.platform == "windows" and machine.os not in _WINDOWS:
        return f"its operating system {machine.os} is not supported"
    if machine.platform == "windows" and machine.drivers not in _WINDOWS_DRIVERS:
        return f"it runs {machine.drivers} drivers"
    if machine.platform == "linux" and machine.os not in _LINUX:
        return f"its operating system {machine.os} is not supported"
    if machine.platform == "linux" and machine.virtualization != "hvm":
        return "it is no HVM instance"
    return None
