"""Waves by who talks to whom: what belongs together, what comes first, and why."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inventory.connections import Connection
from inventory.dependencies import Candidate, Graph
from inventory.waves import Conditions, Wave, propose


def machine(name: str, application: str = "", environment: str = "") -> Candidate:
    tags = {"Application": application, "Environment": environment}
    return Candidate(name, {key: value for key, value in tags.items() if value})


def talks(*pairs: str) -> list[Connection]:
    """Connections; `a>b:5432` is one from a to b's port 5432."""
    found = []
    for pair in pairs:
        client, _, rest = pair.partition(">")
        server, _, port = rest.partition(":")
        found.append(Connection(client, server, int(port or 443)))
    return found


def proposed(
    machines: list[Candidate], *pairs: str, size: int = 20, **placed: str
) -> dict[str, Wave]:
    waves = propose(machines, Conditions(size=size), (), talks(*pairs), placed)
    return {wave.name: wave for wave in waves}


def test_applications_that_talk_to_each_other_move_together_and_it_is_said_why() -> None:
    fleet = [machine("s1", "shop"), machine("b1", "billing"), machine("c1", "crm")]
    waves = proposed(fleet, "s1>b1:443", "s1>b1:8443")
    assert {name: wave.machines for name, wave in waves.items()} == {
        "billing-shop": ("b1", "s1"),
        "crm": ("c1",),
    }
    assert "billing and shop talk to each other (2 connections)" in waves["billing-shop"].why


def test_the_size_of_a_wave_counts_more_and_what_crosses_is_said() -> None:
    fleet = [machine(f"{app[0]}{n}", app) for app in ("shop", "billing") for n in range(3)]
    waves = proposed(fleet, "s1>b1", size=5)
    assert list(waves) == ["billing", "shop"]
    assert "connections that cross: 1 to wave shop" in waves["billing"].why
    assert "connections that cross: 1 to wave billing" in waves["shop"].why


def test_those_that_talk_most_come_together_where_not_all_fit() -> None:
    fleet = [machine(f"{app}{n}", app) for app in "abc" for n in range(2)]
    waves = proposed(fleet, "a0>b0", "b0>c0", "b1>c1", "b0>c1", size=4)
    assert {name: set(wave.machines) for name, wave in waves.items()} == {
        "b-c": {"b0", "b1", "c0", "c1"},
        "a": {"a0", "a1"},
    }


def test_what_others_connect_to_moves_before_them() -> None:
    fleet = [machine(f"{app}{n}", app) for app in ("api", "users", "web") for n in range(2)]
    waves = proposed(fleet, "web0>api0", "api0>users0", "web1>users0", size=3)
    assert list(waves) == ["users", "api", "web"]


def test_applications_that_need_each_other_still_have_an_order() -> None:
    fleet = [machine(f"{app}{n}", app) for app in "ab" for n in range(2)]
    assert list(proposed(fleet, "a0>b0", "b0>a0", size=3)) == ["a", "b"]


def test_a_machine_without_a_tag_moves_with_the_application_that_it_talks_to() -> None:
    fleet = [machine("s1", "shop"), machine("c1", "crm"), machine("x"), machine("y"), machine("z")]
    waves = proposed(fleet, "s1>x", "x>y", "c1>x", "y>s1")
    assert set(waves["crm-shop"].machines) == {"c1", "s1", "x", "y"}
    assert "it talks to x, y, without a tag Application" in waves["crm-shop"].why
    assert waves["wave"].machines == ("z",)


def test_environments_never_come_together() -> None:
    fleet = [machine("d1", "shop", "dev"), machine("p1", "shop", "production")]
    waves = proposed(fleet, "d1>p1")
    assert list(waves) == ["shop-dev", "shop-production"]


def test_a_machine_that_talks_to_very_many_brings_nobody_together() -> None:
    fleet = [machine(f"m{n:02}", f"app{n}") for n in range(12)] + [machine("dns", "core")]
    waves = proposed(fleet, *(f"m{n:02}>dns:53" for n in range(12)))
    assert len(waves) == 13
    assert "dns talks to very many" in waves["core"].why


def test_a_machine_that_is_used_as_a_database_starts_first_whatever_its_name() -> None:
    [wave] = proposed([machine("a", "shop"), machine("store", "shop")], "a>store:5432").values()
    assert wave.groups == (("store",), ("a",))


def test_an_application_that_is_too_large_is_cut_where_few_talk() -> None:
    pairs = [f"{side}{n}>{side}db:5432" for side in "ab" for n in range(4)]
    fleet = [machine(f"{side}{n}", "erp") for side in "ab" for n in (*range(4), "db")]
    waves = proposed(fleet, *pairs, size=5)
    assert [set(wave.machines) for wave in waves.values()] == [
        {"adb", "a0", "a1", "a2", "a3"},
        {"bdb", "b0", "b1", "b2", "b3"},
    ]
    assert not any("cross" in wave.why for wave in waves.values())


def test_connections_to_machines_that_are_in_waves_already_are_said() -> None:
    waves = proposed([machine("s1", "shop")], "s1>old", "s1>left", old="pilot")
    assert "connections that cross: 1 to left, in no wave, 1 to wave pilot" in waves["shop"].why


NAMES = [f"m{n}" for n in range(9)]
fleets = st.lists(
    st.builds(machine, st.sampled_from(NAMES), st.sampled_from(["", "a", "b", "c"])),
    unique_by=lambda one: one.name,
)
graphs = st.lists(
    st.builds(
        Connection, st.sampled_from(NAMES), st.sampled_from(NAMES), st.sampled_from([443, 5432])
    ).filter(lambda one: one.client != one.server)
)


@given(fleets, graphs, st.integers(1, 5))
def test_every_machine_is_in_one_wave_that_is_not_too_large_whatever_talks(
    fleet: list[Candidate], graph: list[Connection], size: int
) -> None:
    waves = propose(fleet, Conditions(size=size), (), graph)
    placed = [name for wave in waves for name in wave.machines]
    assert sorted(placed) == sorted(one.name for one in fleet)
    assert all(len(wave.machines) <= size for wave in waves)
    assert waves == propose(list(reversed(fleet)), Conditions(size=size), (), reversed(graph))


@given(graphs)
def test_who_talks_to_whom_has_no_direction(graph: list[Connection]) -> None:
    made = Graph(graph)
    for name in NAMES:
        for other in NAMES:
            assert (other in made.peers(name)) == (name in made.peers(other))
