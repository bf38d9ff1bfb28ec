from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from inventory.dependencies import Candidate
from inventory.waves import Conditions, propose


def machine(name: str, **tags: str) -> Candidate:
    return Candidate(name, tags)


def members(machines: list[Candidate], conditions: Conditions) -> Mapping[str, tuple[str, ...]]:
    return {wave.name: wave.machines for wave in propose(machines, conditions)}


def test_a_tag_names_the_wave_of_a_machine() -> None:
    fleet = [machine("a", Wave="pilot"), machine("b", Wave="week 2"), machine("c")]
    assert members(fleet, Conditions(wave_tag="Wave")) == {"pilot": ("a",), "week-2": ("b",)}


def test_tags_that_are_written_in_several_ways_are_one() -> None:
    fleet = [
        Candidate("a", {"Application": "Shop", "Environment": "dev"}),
        Candidate("b", {"application": "shop ", "ENVIRONMENT": "DEV"}),
    ]
    assert members(fleet, Conditions()) == {"Shop-dev": ("a", "b")}
    by_tag = [machine("a", Wave="Pilot"), machine("b", wave=" pilot")]
    assert members(by_tag, Conditions(wave_tag="Wave")) == {"Pilot": ("a", "b")}


def test_less_risky_environments_move_first() -> None:
    fleet = [
        machine("a", Application="shop", Environment="production"),
        machine("b", Application="shop", Environment="test"),
        machine("c", Application="crm", Environment="dev"),
        machine("d", Application="crm", Environment="pre-prod"),
    ]
    assert list(members(fleet, Conditions())) == [
        "crm-dev",
        "shop-test",
        "crm-pre-prod",
        "shop-production",
    ]


def test_databases_of_an_application_start_before_the_rest() -> None:
    [wave] = propose(
        [machine("app-1"), machine("sales", Role="postgres"), machine("web"), machine("db-1")],
        Conditions(),
    )
    assert wave.groups == (("db-1", "sales"), ("app-1", "web"))
    assert wave.machines == ("db-1", "sales", "app-1", "web")
    assert wave.why.endswith("databases start first")


def test_words_that_only_contain_a_databases_name_do_not_count() -> None:
    [wave] = propose([machine("feedback"), machine("dbx"), machine("oracles")], Conditions())
    assert wave.groups == ()


def test_a_wave_never_gets_the_name_of_another() -> None:
    [wave] = propose([machine("a", Application="web")], Conditions(), taken=["WEB"])
    assert wave.name == "web-2"


@given(
    st.lists(
        st.builds(
            Candidate,
            st.text("abcdefgh", min_size=1, max_size=4),
            st.dictionaries(
                st.sampled_from(["Application", "Environment", "Role"]), st.text(max_size=5)
            ),
        ),
        unique_by=lambda one: one.name,
    ),
    st.integers(1, 5),
)
def test_every_machine_is_in_one_wave_and_no_wave_is_too_large(
    fleet: list[Candidate], size: int
) -> None:
    waves = propose(fleet, Conditions(size=size))

    listed = [name for wave in waves for name in wave.machines]
    assert sorted(listed) == sorted(one.name for one in fleet)
    assert all(len(wave.machines) <= size for wave in waves)
    assert len({wave.name.lower() for wave in waves}) == len(waves)
