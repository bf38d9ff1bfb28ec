"""The command line: `python -m emulator up | down | status | environment | azure | aws`."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import shlex
import socket
import sqlite3
import sys
from pathlib import Path

from emulator import processes
from emulator.aws.fleet import LEAST, MOST
from emulator.overriding import overriding
from emulator.record import Clouds, ProcessError

_DIRECTORY = Path(".local/clouds")


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the command line's arguments; None takes those of the process.

    Returns:
        The exit code: 0, 1 when something is not as it should be, 2 for wrong usage.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ProcessError as error:
        print(f"emulator: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _up(options: argparse.Namespace) -> int:
    processes.up(
        options.directory,
        scale=options.scale,
        seed=options.seed,
        ports={"azure": options.azure_port, "aws": options.aws_port},
        tls=options.tls,
        any_token=options.any_token,
        machines=options.machines,
    )
    return 0


def _down(options: argparse.Namespace) -> int:
    processes.down(options.directory, remove=options.remove)
    return 0


def _status(options: argparse.Namespace) -> int:
    states = processes.status(options.directory)
    for name, state in states.items():
        print(f"{name}: {state}")
    return 0 if all(state.startswith("healthy") for state in states.values()) else 1


def _environment(options: argparse.Namespace) -> int:
    variables = Clouds.read(options.directory).environment()
    for name in overriding(os.environ):
        print(f"unset {name}")
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _aws(options: argparse.Namespace) -> int:
    from emulator.aws.server import AwsServer

    server = AwsServer(
        options.port,
        options.seed,
        machines=options.machines or LEAST,
        listener=_listener(options),
    )
    server.start()
    print(f"AWS at {server.endpoint}", flush=True)
    server.wait()
    return 0


def _azure(options: argparse.Namespace) -> int:
    from emulator import front, http
    from emulator.aws.estate import REGION
    from emulator.certificates import Certificates
    from emulator.guests.ec2_estate import Address, Ec2Estate
    from emulator.kernel.store import Store
    from emulator.kernel.world import resumed_clock

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    database: Path | None = options.database
    with contextlib.ExitStack() as held:
        if database is not None:
            database.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(
                processes.exclusively(
                    database.with_suffix(".lock"),
                    f"{database} is in use by another emulator. Stop that one, or name another.",
                )
            )
        fresh = database is None or not database.exists()
        try:
            store = Store(database)
        except sqlite3.Error as error:
            raise ProcessError(
                f"{database} cannot be used as the emulator's state: {error}. Move it away, or "
                "remove it with `python -m emulator down --remove`."
            ) from error
        held.callback(store.close)
        scale = options.scale
        if scale is None and fresh:
            scale = processes.DEFAULT_SCALE
        estate = None
        if options.aws_endpoint:
            authority = None
            if options.certificate is not None:
                authority = str(Certificates(options.certificate.parent).authority.resolve())
            scheme = "http" if authority is None else "https"
            address = Address(f"{scheme}://127.0.0.1:{options.port}", authority)
            estate = Ec2Estate(options.aws_endpoint, REGION, address=address)
        world = front.create(
            store, resumed_clock(store, scale), options.seed, estate, any_token=options.any_token
        )
        http.serve(world, options.port, options.certificate, _listener(options))
    return 0


def _listener(options: argparse.Namespace) -> socket.socket | None:
    if not options.listening:
        return None
    try:
        return socket.socket(fileno=os.dup(sys.stdin.fileno()))
    except OSError as error:
        raise ProcessError("Standard input is no socket. Leave --listening out.") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m emulator",
        description="Local clouds: AWS (moto, with an estate of servers) and Azure with Site "
        "Recovery, on loopback.",
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    up = _command(commands, "up", "start both clouds, detached, and wait until they answer", _up)
    _add_directory(up)
    _add_time(up)
    up.add_argument("--azure-port", type=_port, default=0, help="0 (default): the last, or free")
    up.add_argument("--aws-port", type=_port, default=0, help="0 (default): the last, or free")
    up.add_argument("--tls", action="store_true", help="let Azure speak https")
    _add_any_token(up)
    _add_machines(up)

    down = _command(commands, "down", "stop both clouds", _down)
    _add_directory(down)
    down.add_argument("--remove", action="store_true", help="also remove what they wrote")

    _add_directory(_command(commands, "status", "say what runs", _status))
    _add_directory(
        _command(commands, "environment", "print the variables for SDKs and Pulumi", _environment)
    )

    azure = _command(commands, "azure", "run Azure in the foreground", _azure)
    _add_port(azure)
    azure.add_argument("--database", type=Path, help="the state; in memory without it")
    azure.add_argument(
        "--aws-endpoint", help="the URL of the AWS side; without it there are no machines"
    )
    azure.add_argument(
        "--certificate", type=Path, help="a PEM file with certificate and key: https, not http"
    )
    _add_any_token(azure)
    _add_time(azure)

    aws = _command(commands, "aws", "run AWS in the foreground", _aws)
    _add_port(aws)
    aws.add_argument("--seed", type=int, default=1, help="what all ids follow from")
    _add_machines(aws)
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    summary: str,
    run: object,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=summary, description=summary.capitalize() + ".")
    command.set_defaults(run=run)
    return command


def _add_directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--directory", type=Path, default=_DIRECTORY, help=f"default: {_DIRECTORY}")


def _add_port(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, required=True)
    parser.add_argument(
        "--listening",
        action="store_true",
        help="standard input is a socket that listens on the port (`up` starts it so)",
    )


def _add_any_token(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--any-token", action="store_true", help="accept every bearer token, whoever issued it"
    )


def _add_machines(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--machines",
        type=_machines,
        help=f"how many machines that can be migrated the estate has: {LEAST} (default) to {MOST}",
    )


def _add_time(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scale",
        type=_scale,
        help="virtual seconds per real second; 0 stops the clock; default: the last scale, at first "
        f"{processes.DEFAULT_SCALE:.0f}",
    )
    parser.add_argument("--seed", type=int, default=1, help="of ids and jitter, when new")


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError("a port is 0 to 65535")
    return value


def _machines(text: str) -> int:
    value = int(text)
    if not LEAST <= value <= MOST:
        raise argparse.ArgumentTypeError(f"an estate has {LEAST} to {MOST} machines")
    return value


def _scale(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1e6:
        raise argparse.ArgumentTypeError("a scale is 0 to 1000000")
    return value


if __name__ == "__main__":
    sys.exit(main())
