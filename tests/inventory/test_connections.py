from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.connections import DEFAULT_FIELDS, Connection, Flow, established, flows

MACHINES = {"10.0.0.1": "web", "10.0.0.2": "db", "10.0.0.3": "cache"}
WEB, DB = ("10.0.0.1", 50000), ("10.0.0.2", 5432)
CONNECTED = {Connection("web", "db", 5432)}


def record(source: tuple[str, int], destination: tuple[str, int], packets: int = 9) -> str:
    """A record in the default format; see "Flow log record examples"."""
    return (
        f"2 123456789012 eni-1 {source[0]} {destination[0]} {source[1]} {destination[1]} 6 "
        f"{packets} 4249 1418530010 1418530070 ACCEPT OK"
    )


def told(*lines: str) -> set[Connection]:
    return established(flows(lines, DEFAULT_FIELDS), MACHINES)


def test_a_connection_is_of_the_machine_that_opened_it_and_the_port_of_the_other() -> None:
    assert told(record(WEB, DB), record(DB, WEB)) == CONNECTED


def test_each_is_said_once_however_often_it_is_opened_and_wherever_it_is_logged() -> None:
    again = ("10.0.0.1", 50001)
    lines = [record(WEB, DB), record(DB, WEB), record(again, DB), record(DB, again)]
    assert told(*lines, *lines) == CONNECTED


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([record(WEB, DB)], id="nothing came back"),
        pytest.param([record(WEB, DB, 1), record(DB, WEB, 1)], id="it was refused"),
        pytest.param(
            [record(WEB, DB).replace("ACCEPT", "REJECT"), record(DB, WEB)], id="a rule refuses it"
        ),
        pytest.param(
            [record(WEB, DB).replace(" 6 ", " 17 "), record(DB, WEB).replace(" 6 ", " 17 ")],
            id="it is UDP",
        ),
        pytest.param(
            [record(("10.9.9.9", 1), DB), record(DB, ("10.9.9.9", 1))], id="with a stranger"
        ),
        pytest.param(
            [record(WEB, ("10.0.0.1", 80)), record(("10.0.0.1", 80), WEB)], id="with itself"
        ),
        pytest.param(["2 123456789012 eni-1 - - - - - - - 1 2 - NODATA"], id="no data"),
        pytest.param(["not a record", "", record(WEB, DB) + " more"], id="no records"),
    ],
)
def test_what_is_no_established_connection_between_machines_is_left_out(lines: list[str]) -> None:
    assert told(*lines) == set()


def test_the_flags_of_tcp_say_which_side_is_the_server_where_a_log_has_them() -> None:
    """Remote procedure calls are answered on ports above those that clients use."""
    low, high = ("10.0.0.1", 1050), ("10.0.0.2", 49670)
    opened, answered = Flow(low, high, 9, 3), Flow(high, low, 9, 19)
    assert established([opened, answered], MACHINES) == {Connection("web", "db", 49670)}
    without = [Flow(low, high, 9), Flow(high, low, 9)]
    assert established(without, MACHINES) == {Connection("db", "web", 1050)}


def test_columns_are_where_the_format_of_a_log_has_them() -> None:
    fields = ("action", "dstport", "srcport", "dstaddr", "srcaddr", "packets", "protocol")
    lines = ["ACCEPT 5432 50000 10.0.0.2 10.0.0.1 9 6", "ACCEPT 50000 5432 10.0.0.1 10.0.0.2 9 6"]
    assert established(flows(lines, fields), MACHINES) == CONNECTED


ends = st.tuples(st.sampled_from([*MACHINES, "10.9.9.9"]), st.integers(0, 65535))


@given(st.lists(st.builds(Flow, ends, ends, st.integers(1, 20), st.sampled_from([0, 2, 18]))))
def test_the_order_of_records_does_not_matter_and_only_machines_are_in_it(
    found: list[Flow],
) -> None:
    connections = established(found, MACHINES)
    assert connections == established(reversed(found), MACHINES)
    for one in connections:
        assert {one.client, one.server} <= set(MACHINES.values())
        assert one.client != one.server
