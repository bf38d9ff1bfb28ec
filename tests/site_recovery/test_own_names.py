"""Names of what the program makes fit for any stack and wave that Pulumi takes."""

from __future__ import annotations

import re
import string
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from site_recovery.declared import names, own_names
from site_recovery.declared.own_names import fitted, prefix

_LETTERS = string.ascii_letters + string.digits + "-_."
_stacks = st.text(_LETTERS, min_size=1, max_size=100)
_waves = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", fullmatch=True)
_PROJECT = "ec2-to-azure"

ROLE = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
DOCUMENT = re.compile(r"[A-Za-z0-9_.-]{3,128}")
SECRET = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
GROUP = re.compile(r"(?!sg-)[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,255}")


@given(_stacks, _waves)
def test_every_name_fits_its_service(stack: str, wave: str) -> None:
    own = prefix(_PROJECT, stack)
    for role in ("configuration-server", "replication-appliance"):
        assert ROLE.fullmatch(f"{own}-{role}")
        assert SECRET.fullmatch(f"{own}-{role}-agent")
        assert SECRET.fullmatch(f"{own}-{role}-credential")
        assert len(f"/{own}/{role}/status") < 1011
    for platform in ("windows", "linux"):
        assert DOCUMENT.fullmatch(own_names.agents(own, wave, platform, 20))
        assert GROUP.fullmatch(f"{own}-{platform}")
    assert re.fullmatch(r"[A-Za-z0-9-]{1,64}", own_names.plan(stack, wave))


@given(st.lists(_stacks, min_size=2, max_size=5, unique=True))
def test_stacks_keep_names_of_their_own(stacks: list[str]) -> None:
    assert len({prefix(_PROJECT, stack).lower() for stack in stacks}) == len(stacks)


_few = st.text("ab-._A1", min_size=1, max_size=5)
_few_waves = _few.filter(names.MACHINE.fullmatch)


@given(st.lists(st.tuples(_few, _few_waves), min_size=2, max_size=8, unique=True))
@example([("a", "b-c"), ("a-b", "c")])
@example([("a", "b.c"), ("a", "b-c"), ("a", "b_c"), ("a.b", "c")])
@example([("Prod", "web"), ("prod", "web")])
def test_no_two_waves_have_a_name_in_common(waves: list[tuple[str, str]]) -> None:
    assert_apart(waves)


def test_no_two_of_all_short_waves_have_a_name_in_common() -> None:
    short = ["".join(text) for length in (1, 2, 3) for text in product("ab-._A", repeat=length)]
    waves = [text for text in short if names.MACHINE.fullmatch(text)]
    assert_apart([(stack, wave) for stack in short for wave in waves])


def assert_apart(waves: list[tuple[str, str]]) -> None:
    """Assert that these waves, each with its stack, have no name in common."""
    made = [
        own_names.agents(prefix(_PROJECT, stack), wave, platform, batch)
        for stack, wave in waves
        for platform in ("windows", "linux")
        for batch in (1, 2)
    ]
    assert len(set(made)) == len(made)
    # Waves of one stack with plans may not differ in case alone.
    apart = {(stack, wave.lower()): wave for stack, wave in waves}
    plans = [own_names.plan(stack, wave).lower() for (stack, _), wave in apart.items()]
    assert len(set(plans)) == len(plans)


def test_usual_names_stay_readable() -> None:
    assert prefix(_PROJECT, "prod-eu") == "ec2-to-azure-prod-eu"
    assert own_names.agents("p-prod", "wave-1", "windows", 2) == "p-prod-agent-windows-2.wave-1"
    assert own_names.plan("prod", "wave-1") == "prod-wave-1"
    assert own_names.plan("prod-eu", "wave-1").startswith("prod-eu-wave-1-")


@given(_stacks)
def test_a_name_that_fits_stays_as_it_is_and_another_keeps_its_beginning(stack: str) -> None:
    name, own = f"{_PROJECT}-{stack}", prefix(_PROJECT, stack)
    assert own == name or own[:-9] == name[:33]
    assert own == name or len(name) > own_names.PREFIX_MAX or stack != stack.lower()


@pytest.mark.parametrize(("length", "kept"), [(29, True), (30, False), (60, False)])
def test_a_stack_of_sixty_characters_has_a_role_of_sixty_four(length: int, kept: bool) -> None:
    role = f"{prefix(_PROJECT, 's' * length)}-replication-appliance"
    assert len(role) <= 64
    assert role.startswith(f"{_PROJECT}-{'s' * length}-") is kept


@given(st.text(max_size=200), st.integers(12, 128))
def test_a_fitted_name_is_never_too_long(name: str, most: int) -> None:
    assert len(fitted(name, most)) <= most
