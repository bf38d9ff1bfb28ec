"""Shell scripts of Linux guests that Run Command runs as root: the commands that look into the
machine, beside those that every shell here has.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from emulator.estate.guest_os import systems
from emulator.estate.guest_os.guest import Connection, Guest
from emulator.estate.shells import linux
from emulator.estate.shells.ran import Command, Ran

_SS_SINCE = {"K": (4, 5), "H": (4, 7)}
_NAMES_SINCE = (3, 14)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def run(script: str, guest: Guest) -> Ran:
    """Run a script on a machine."""
    commands: dict[str, Command | None] = {
        "date": lambda words, ran: _date(words[1:], ran, guest),
        "service": lambda words, ran: _service(words[1:], ran, guest),
        "ss": lambda words, ran: _ss(words[1:], ran, guest),
        "sync": lambda words, ran: _sync(guest),
    }
    if not systems.has_systemd(guest.system):
        commands["systemctl"] = None
    return linux.run(script, linux.Machine(guest.services, guest.connects, commands), "sh")


def _date(given: list[str], ran: Ran, guest: Guest) -> int:
    formats = [one for one in given if one.startswith("+")]
    other = sorted(set(given) - set(formats) - {"-u", "--utc"})
    if len(formats) > 1 or other:
        ran.complains(f"date: invalid date '{' '.join(other or formats)}'")
        return 1
    clock = guest.clock.astimezone(UTC)
    # %s and %N are GNU's own, and Python's %s would take the time of this computer's zone.
    seconds, rest = divmod(clock - _EPOCH, timedelta(seconds=1))
    form = formats[0][1:] if formats else "%a %b %e %H:%M:%S UTC %Y"
    form = form.replace("%s", str(seconds)).replace("%N", f"{rest.microseconds * 1000:09}")
    ran.prints(clock.strftime(form))
    return 0


def _sync(guest: Guest) -> int:
    guest.flush()
    return 0


def _service(given: list[str], ran: Ran, guest: Guest) -> int:
    """Run `service NAME stop|start|restart|status`, as before systemd."""
    name, verb = given if len(given) == 2 else ("", "")
    found = guest.services.named(name)
    if found is None or verb not in ("stop", "start", "restart", "status"):
        ran.complains(
            f"{name}: unrecognized service" if found is None else "Usage: service NAME ACTION"
        )
        return 1
    if verb == "status":
        up = found.name in guest.services.up
        ran.prints(f"{name} is running..." if up else f"{name} is stopped")
        return 0 if up else 3
    if verb in ("stop", "restart"):
        stopped = guest.services.stop(found)
        ran.prints(f"Stopping {name}: [{'  OK  ' if stopped else 'FAILED'}]")
        if not stopped:
            return 1
    if verb in ("start", "restart"):
        guest.services.start(found)
        ran.prints(f"Starting {name}: [  OK  ]")
    return 0


def _ss(given: list[str], ran: Ran, guest: Guest) -> int:
    """Run `ss [-Htnpa] [-K] [state established] [dst HOST[:PORT]]`."""
    options = "".join(one[1:] for one in given if one.startswith("-"))
    version = systems.iproute(guest.system)
    for option in options:
        if version < _SS_SINCE.get(option, version):
            ran.complains(f"ss: invalid option -- '{option}'")
            ran.complains("Usage: ss [ OPTIONS ]")
            return 255
    rest = [one for one in given if not one.startswith("-")]
    wanted = dict(zip(rest[::2], rest[1::2], strict=False))
    unknown = set(options) - set("HtnpaK") or wanted.keys() - {"state", "dst"}
    if unknown or len(rest) % 2 or wanted.get("state", "established") != "established":
        ran.complains(f"ss: {' '.join(given)} is not run here")
        return 255
    address, _, port = wanted.get("dst", "").partition(":")
    shown = [
        one
        for one in guest.connections()
        if address in ("", one.address) and port in ("", "*", str(one.port))
    ]
    if "K" in options:
        shown = [one for each in shown for one in guest.end(each.address, each.port)]
    if "H" not in options:
        ran.prints(f"Recv-Q Send-Q{'Local Address:Port':>26}  Peer Address:Port")
    for one in shown:
        ran.prints(_socket(one, processes="p" in options, named=version >= _NAMES_SINCE))
    return 0


def _socket(one: Connection, *, processes: bool, named: bool) -> str:
    """A line of `ss`; `named` if it says which number is the process and which the descriptor."""
    ends = f"{f'{one.local}:{one.local_port}':>20} {f'{one.address}:{one.port}':>20}"
    numbers = f"pid={one.pid},fd={one.descriptor}" if named else f"{one.pid},{one.descriptor}"
    user = f'users:(("{one.process}",{numbers}))' if processes else ""
    return f"0      0      {ends} {user}".rstrip()
