"""What a machine says of its connections, and what follows from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from site_recovery import fence_proof
from site_recovery.fence_proof import Connection, Endpoint, Proof
from site_recovery.fleet import Platform

SERVER = "10.0.0.10"
NOON = datetime(2026, 12, 5, 12, tzinfo=UTC)

LINUX = """\
ignored before
-- connections
Recv-Q Send-Q      Local Address:Port        Peer Address:Port
0      0           10.0.1.5:443      203.0.113.9:51234 users:(("nginx",pid=812,fd=9))
0      0           10.0.1.5:39876      10.0.0.10:9443  users:(("s2",pid=700,fd=3))
0      0           10.0.1.5:39877     52.94.1.2:443   users:(("amazon-ssm-agen",pid=9,fd=1))
0      0   [::ffff:10.0.1.5]:8080  [::ffff:10.0.1.77]:4001 users:(("java",pid=5,fd=1))
0      0              127.0.0.1:5432    127.0.0.1:60000 users:(("postgres",pid=6,fd=1))
0      0           10.0.1.5:40000 169.254.169.254:80
-- clock
1796472000.250000000
"""
WINDOWS = """\
-- connections
10.0.1.5 443 203.0.113.9 51234 w3wp
10.0.1.5 50000 10.0.0.10 443 svagents
10.0.1.5 50001 52.94.1.2 443 ssm-agent-worker
::1 5985 ::1 50010 svchost
fe80::1%4 49152 fe80::2%4 445 System
-- clock
2026-12-05T12:00:00.2500000Z
"""


def proof(platform: Platform, output: str) -> Proof:
    found = fence_proof.read(platform, output)
    assert found is not None
    return found


def test_foreign_connections_of_linux_are_those_of_others() -> None:
    left = fence_proof.foreign(proof("linux", LINUX).connections, {SERVER})
    assert [str(one) for one in left] == [
        "203.0.113.9:51234 with port 443 of nginx",
        "10.0.1.77:4001 with port 8080 of java",
    ]


def test_foreign_connections_of_windows_are_those_of_others() -> None:
    left = fence_proof.foreign(proof("windows", WINDOWS).connections, {SERVER})
    assert [str(one) for one in left] == [
        "203.0.113.9:51234 with port 443 of w3wp",
        "[fe80::2]:445 with port 49152 of System",
    ]


@pytest.mark.parametrize(
    ("local", "remote", "stays"),
    [
        # Services of AWS on the host of the machine: metadata, time, names.
        ("10.0.1.5", "169.254.169.254", True),
        ("10.0.1.5", "169.254.169.123", True),
        ("2a05:d014::5", "fd00:ec2::254", True),
        ("2a05:d014::5", "fd00:ec2::253", True),
        # Neighbours in the subnet have such addresses too, and so has the machine.
        ("fe80::1", "fe80::2", False),
        ("fe80::1", "fe80::1", True),
        # A private network that only looks like it.
        ("2a05:d014::5", "fd00:ec2:1::254", False),
    ],
)
def test_what_stays_on_the_machine_or_its_host_is_not_foreign(
    local: str, remote: str, *, stays: bool
) -> None:
    one = Connection(Endpoint(local, 40000), Endpoint(remote, 80))
    assert (fence_proof.foreign([one], {SERVER}) == []) is stays


OLD_LINUX = """\
-- connections
Recv-Q Send-Q      Local Address:Port        Peer Address:Port
0      0           10.0.1.5:443      203.0.113.9:51234 users:(("nginx",812,9))
0      0    ::ffff:10.0.1.5:8080 ::ffff:10.0.1.77:4001 users:(("java",5,1))
0      0           10.0.1.5:39877     52.94.1.2:443   users:(("amazon-ssm-agen",9,1))
0      0                ::1:5432              ::1:60000 users:(("postgres",6,1))
-- clock
1796472000.250000000
"""


def test_the_list_of_an_old_linux_is_read_as_well() -> None:
    """RHEL 6 writes IPv6 without brackets, and numbers without a name."""
    left = fence_proof.foreign(proof("linux", OLD_LINUX).connections, {SERVER})
    assert [str(one) for one in left] == [
        "203.0.113.9:51234 with port 443 of nginx",
        "10.0.1.77:4001 with port 8080 of java",
    ]


def test_a_list_with_its_header_alone_has_no_connections() -> None:
    empty = "-- connections\nRecv-Q Send-Q Local Address:Port\n-- clock\n1796472000.0\n"
    assert proof("linux", empty).connections == ()


OWN_LINUX = """\
-- connections
Recv-Q Send-Q      Local Address:Port        Peer Address:Port
0      0           10.0.1.5:5432          10.0.1.5:40112 users:(("postgres",pid=9,fd=3))
0      0           10.0.1.5:40112         10.0.1.5:5432  users:(("app",pid=8,fd=3))
0      0  [::ffff:10.0.1.5]:40113         10.0.1.5:5432  users:(("java",pid=7,fd=3))
0      0           10.0.1.5:40114         10.0.2.5:5432  users:(("app",pid=8,fd=4))
0      0      [2a05:d014::5]:40115  [2a05:d014::5]:5432  users:(("app",pid=8,fd=5))
0      0           10.0.1.5:40116         10.0.1.6:5432  users:(("app",pid=8,fd=6))
-- clock
1796472000.250000000
"""
OWN_WINDOWS = """\
-- connections
10.0.1.5 1433 10.0.1.5 50002 sqlservr
10.0.1.5 50002 10.0.1.5 1433 w3wp
10.0.1.5 50003 10.0.2.5 1433 w3wp
2a05:d014::5 50004 2a05:d014::5 1433 w3wp
10.0.1.5 50005 10.0.1.6 1433 w3wp
-- clock
2026-12-05T12:00:00.2500000Z
"""


@pytest.mark.parametrize(("platform", "told"), [("linux", OWN_LINUX), ("windows", OWN_WINDOWS)])
def test_connections_to_an_address_of_the_machine_itself_are_not_foreign(
    platform: Platform, told: str
) -> None:
    """An application reaches its database on the same machine by the address of an interface."""
    left = fence_proof.foreign(
        proof(platform, told).connections, {SERVER}, {"10.0.1.5", "10.0.2.5"}
    )
    assert [one.remote.address for one in left] == ["10.0.1.6"]


def test_an_address_of_its_network_is_not_its_own() -> None:
    left = fence_proof.foreign(proof("linux", OWN_LINUX).connections, {SERVER})
    assert [one.remote.address for one in left] == ["10.0.2.5", "10.0.1.6"]


def test_without_a_process_a_connection_is_foreign() -> None:
    unknown = Connection(Endpoint("10.0.1.5", 443), Endpoint("52.94.1.2", 443))
    assert fence_proof.foreign([unknown], {SERVER}) == [unknown]


@pytest.mark.parametrize(
    "output",
    [
        "",
        "-- connections\n",
        "-- connections\n-- clock\n",
        "-- connections\n-- clock\nnoon\n",
        "-- connections\n-- clock\n1796472000.0\n",
        "-- connections\n0 0 10.0.1.5:443 10.0.1.9:1\n-- clock\n1796472000.0\n",
        "-- connections\nRecv-Q Send-Q\nss: something went wrong\n-- clock\n1796472000.0\n",
        "-- connections\nRecv-Q Send-Q\n0 0 10.0.1.5:443 nowhere:1\n-- clock\n1796472000.0\n",
    ],
)
def test_an_incomplete_answer_proves_nothing(output: str) -> None:
    assert fence_proof.read("linux", output) is None


@pytest.mark.parametrize(
    ("clock", "later"),
    [
        # It agrees with the service's time, as far as that can be seen.
        (timedelta(seconds=5), timedelta(seconds=10)),
        # It is behind: points that it stamps are too early, which is safe.
        (timedelta(minutes=-7), timedelta(seconds=10)),
        # It is ahead: points that it stamps are too late by as much.
        (timedelta(minutes=7), timedelta(seconds=10) + timedelta(minutes=7)),
    ],
)
def test_a_point_has_to_be_later_by_as_much_as_the_clock_is_ahead(
    clock: timedelta, later: timedelta
) -> None:
    told = Proof((), NOON + clock)
    after = NOON + timedelta(seconds=10)
    assert fence_proof.later_than(told, NOON, after) == NOON + later


def test_the_script_ends_what_was_left_and_fails_as_a_whole() -> None:
    left = Connection(Endpoint("10.0.1.5", 443), Endpoint("203.0.113.9", 51234), "nginx")
    linux = fence_proof.script("linux", [left])
    # An `ss` without -K must not keep the list away, which still has the connection then.
    ending = "ss -K -t -n state established dst 203.0.113.9:51234 >/dev/null 2>&1 || true"
    assert linux[:2] == ["set -e", ending]
    assert linux.index("sync") > linux.index("ss -t -n -p state established")
    windows = fence_proof.script("windows", [left])
    assert windows[0] == "$ErrorActionPreference = 'Stop'"
    assert "Stop-TcpConnection 10.0.1.5 443 203.0.113.9 51234" in windows
    assert "function Stop-TcpConnection" not in "".join(fence_proof.script("windows", []))
