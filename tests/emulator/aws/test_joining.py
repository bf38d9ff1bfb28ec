"""Guests hear of what EC2 has changed, in the order in which it is counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, cast

import pytest

from emulator.aws import changes
from emulator.aws.changes import Change
from emulator.aws.guests import Guests
from emulator.aws.joining import Joining

ATTACHED = b"Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId=eni-1"
TAKES_A_ROLE = b"Action=AssumeRole&RoleArn=arn"
_SECONDS = 30


class Told:
    """Guests that note what they are told, and wait in the first of it."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.hears, self.goes_on = Event(), Event()

    def tell(self, change: Change, number: int, run: str) -> None:
        """Note the number."""
        if not self.hears.is_set():
            self.hears.set()
            assert self.goes_on.wait(_SECONDS)
        self.numbers.append(number)

    def slow_stops(self) -> frozenset[str]:
        """None."""
        return frozenset()


def carry_out(joining: Joining, body: bytes) -> None:
    with joining.change(body):
        pass


def test_changes_that_are_made_at_once_are_told_in_the_order_of_their_numbers() -> None:
    guests: Any = Told()
    joining = Joining("run", cast(Guests, guests))
    with ThreadPoolExecutor(8) as at_once:
        made = [at_once.submit(carry_out, joining, ATTACHED) for _ in range(8)]
        assert guests.hears.wait(_SECONDS)
        guests.goes_on.set()
        for each in made:
            each.result(_SECONDS)
    assert guests.numbers == list(range(1, 9))


def test_what_a_guest_does_while_it_is_told_does_not_wait_for_it() -> None:
    guests: Any = Told()
    joining = Joining("run", cast(Guests, guests))
    with ThreadPoolExecutor(2) as at_once:
        told = at_once.submit(carry_out, joining, ATTACHED)
        assert guests.hears.wait(_SECONDS)
        at_once.submit(carry_out, joining, TAKES_A_ROLE).result(_SECONDS)
        assert joining.changes == 2
        guests.goes_on.set()
        told.result(_SECONDS)
    assert guests.numbers == [1]


@pytest.mark.parametrize(
    ("action", "groups"),
    [
        ("AuthorizeSecurityGroupIngress", True),
        ("ModifySecurityGroupRules", True),
        ("ModifyManagedPrefixList", True),
        ("CreateNetworkAclEntry", False),
        ("CreateRoute", False),
        ("DeleteNatGateway", False),
        ("ModifyVpcEndpoint", False),
    ],
)
def test_guests_hear_whether_only_security_groups_changed(action: str, groups: bool) -> None:
    assert changes.of(f"Action={action}&DryRun=false".encode()) == Change(action, groups=groups)
