"""The unrecorded steps between the calls of recordings that are put together from several tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from emulator.estate.machines import Instance
from emulator.kernel.wire import Response
from tests.contract.stages import MACHINE, done
from tests.emulator.recovery_services import site_recovery_support as support
from tests.emulator.recovery_services.site_recovery_support import (
    CLASSIC,
    MODERNIZED,
    VAULT,
    Site,
)

Before: TypeAlias = Mapping[str, Callable[[], Response | None]]

_NO_QUOTA = {"errorCode": "", "errorMessage": "The virtual machine could not be created."}


def modernized() -> tuple[Site, Mapping[str, Instance], Before]:
    """Four machines of one appliance: failed over, powered off, protected, and being enabled."""
    gone, unwell, second = (support.windows(number) for number in (2, 3, 4))
    site = Site([MACHINE, gone, unwell, second], experience=MODERNIZED)
    site.register()
    site.policy = f"{VAULT}/replicationPolicies/v2aRcm-pwsh-testpolicy"

    def have_a_fleet() -> None:
        for machine in (MACHINE, gone, unwell):
            done(site, "PUT", site.item(machine), site.enable_body(machine))
        site.pass_time(hours=24)
        site.finished(site.fail_over(gone))
        site.estate.machines[:] = [
            replace(one, state="stopped") if one.id == unwell.id else one
            for one in site.estate.machines
        ]
        site.pass_time(hours=9)
        site.fault(
            operation="EnableDr",
            match=second.name,
            job={"errorCode": "95107", "errorMessage": "no"},
        )
        site.accepted("PUT", site.item(second), site.enable_body(second))
        site.pass_time(minutes=5)

    def let_the_enabling_fail() -> None:
        site.pass_time(minutes=30)

    def commit() -> None:
        done(site, "POST", f"{site.item(MACHINE)}/failoverCommit")

    def protect_again() -> None:
        done(site, "POST", f"{site.item(second)}/remove", {"properties": {}})
        site.protect(second)

    def disable() -> None:
        done(site, "POST", f"{site.item(second)}/remove", {"properties": {}})

    machines = {
        "vcenter67_50156b55-71bb-a676-cbe1-37ec7c5786e0": gone,
        "vcenter67_5015f01c-b1ff-0220-238e-a90bf6454395": unwell,
        "vcenter67_50159b46-9b4c-de0a-71bb-0bb32fe964af": second,
        "Rcm-W2K16-153": second,
    }
    before: dict[str, Any] = {
        "007": have_a_fleet,
        "015": let_the_enabling_fail,
        "021": commit,
        "023": protect_again,
        "033": disable,
    }
    return site, machines, before


def classic() -> tuple[Site, Before]:
    """A machine whose failover fails, and which the recording protects afterwards."""
    site = Site([MACHINE], experience=CLASSIC).prepare()

    def fail_a_failover() -> Response:
        site.protect(MACHINE)
        site.finished(site.test_failover(MACHINE))
        site.finished(site.clean_up(MACHINE))
        site.fault(operation="UnplannedFailover", job=_NO_QUOTA)
        return site.fail_over(MACHINE)

    def have_a_policy() -> None:
        done(site, "PUT", f"{VAULT}/replicationPolicies/V2aTestPolicy2", CLASSIC.policy())

    def disable() -> None:
        done(site, "POST", f"{site.item(MACHINE)}/remove", {"properties": {}})

    return site, {"000": fail_a_failover, "005": have_a_policy, "008": disable}
