"""Names of what the program makes fit for any stack and wave that Pulumi takes."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from permissions import rendering
from site_recovery import recovery_plan
from site_recovery.declared import own_names
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
        assert DOCUMENT.fullmatch(f"{own}-{wave}-agent-{platform}-20")
        assert GROUP.fullmatch(f"{own}-{platform}")
    assert re.fullmatch(r"[A-Za-z0-9-]{1,64}", recovery_plan.name_of(stack, wave))


@given(st.lists(_stacks, min_size=2, max_size=5, unique=True))
def test_stacks_keep_names_of_their_own(stacks: list[str]) -> None:
    assert len({prefix(_PROJECT, stack) for stack in stacks}) == len(stacks)


@given(_stacks)
def test_a_name_that_fits_stays_as_it_is_and_a_long_one_keeps_its_beginning(stack: str) -> None:
    name, own = f"{_PROJECT}-{stack}", prefix(_PROJECT, stack)
    assert own == name or (len(own) == own_names.PREFIX_MAX and own[:33] == name[:33])


@given(_stacks)
def test_the_permissions_are_for_the_same_names(stack: str) -> None:
    assert rendering._prefix(_PROJECT, stack) == prefix(_PROJECT, stack)


@pytest.mark.parametrize(("length", "kept"), [(29, True), (30, False), (60, False)])
def test_a_stack_of_sixty_characters_has_a_role_of_sixty_four(length: int, kept: bool) -> None:
    role = f"{prefix(_PROJECT, 's' * length)}-replication-appliance"
    assert len(role) <= 64
    assert role.startswith(f"{_PROJECT}-{'s' * length}-") is kept


@given(st.text(max_size=200), st.integers(12, 128))
def test_a_fitted_name_is_never_too_long(name: str, most: int) -> None:
    assert len(fitted(name, most)) <= most
