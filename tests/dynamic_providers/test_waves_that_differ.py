"""When a wave differs, given its recorded and its observed state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from dynamic_providers import engine
from dynamic_providers.migration_wave import MigrationWaveProvider
from dynamic_providers.shared import claims
from dynamic_providers.wave.all_waves import packed
from dynamic_providers.wave.inputs import OtherWave
from dynamic_providers.wave.vault import WaveVault
from site_recovery.convergence.outcome import Outcome, Status
from site_recovery.declared.tags import TAG_INSTANCE, TAG_MACHINE
from site_recovery.errors import MigrationError
from site_recovery.fleet import Assignment
from site_recovery.observation import Observed, Stage
from site_recovery.snapshot import ProtectedItem, Snapshot
from site_recovery.target_settings import DYNAMIC, TargetSettings
from tests.dynamic_providers.answers import answering

VAULT = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/rsv"
CONTAINER = f"{VAULT}/replicationFabrics/f/replicationProtectionContainers/c"
INPUTS: dict[str, Any] = {
    "vault_id": VAULT,
    "container_id": CONTAINER,
    "policy_id": f"{VAULT}/replicationPolicies/p",
    "process_server_id": "ps",
    "master_target_id": "mt",
    "run_as_accounts": {"windows": "1"},
    "landing_zone": {
        "resource_group_id": "/subscriptions/1/resourceGroups/machines",
        "network_id": "n",
        "subnet_name": "s",
        "test_network_id": "t",
        "storage_account_id": "a",
    },
    "phase": "protected",
    "machines": {
        "web-01": {
            "instance_id": "i-1",
            "private_ip": "10.0.0.1",
            "platform": "windows",
        }
    },
    "convergence": {
        "wait_seconds": 60,
        "poll_seconds": 1,
        "on_pending": "fail",
        "require_test_failover": True,
        "offline_preview": False,
    },
    "urn": "urn:pulumi:dev::p::t::web",
}
PROTECTED = Snapshot(
    items=(
        ProtectedItem(
            id=f"{CONTAINER}/replicationProtectedItems/web-01",
            name="web-01",
            protection_state="Protected",
            allowed_operations=frozenset(
                {"TestFailover", "UnplannedFailover", "DisableProtection"}
            ),
            target=TargetSettings(
                vm_name="web-01",
                vm_size="Standard_D2s_v5",
                availability_zone="",
                license_type="NotSpecified",
                tags={TAG_INSTANCE: "i-1", TAG_MACHINE: "web-01"},
                resource_group_id="/subscriptions/1/resourceGroups/machines",
                network_id="n",
                subnet="s",
                private_ip=DYNAMIC,
            ),
        ),
    ),
)


@pytest.fixture(autouse=True)
def the_machine_is_protected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WaveVault, "observe", answering(PROTECTED))


def recorded(status: str) -> dict[str, Any]:
    return {**INPUTS, "outcomes": {"web-01": {"status": status, "reason": "", "message": ""}}}


def test_a_wave_whose_machines_are_where_they_should_be_does_not_differ() -> None:
    assert not MigrationWaveProvider().diff("web", recorded("satisfied"), INPUTS).changes


@pytest.mark.parametrize("status", ["pending", "failed", "blocked"])
def test_a_machine_that_got_there_after_its_run_is_still_to_be_recorded(status: str) -> None:
    assert MigrationWaveProvider().diff("web", recorded(status), INPUTS).changes


@pytest.mark.parametrize("offline", [False, True])
def test_a_source_that_a_killed_run_left_in_its_cutover_is_to_be_given_back(offline: bool) -> None:
    """Its machine is protected, as declared and as recorded. Only its tags in EC2 tell."""
    machine = {**INPUTS["machines"]["web-01"], "cut_over": True}
    convergence = {**INPUTS["convergence"], "offline_preview": offline}
    news = {**INPUTS, "machines": {"web-01": machine}, "convergence": convergence}
    assert MigrationWaveProvider().diff("web", recorded("satisfied"), news).changes


class TestAMachineThatIsRecordedAsMigrated:
    """It is not migrated again, even if its virtual machine was moved or lost its tags."""

    NEWS: ClassVar[dict[str, Any]] = {**INPUTS, "phase": "migrated"}

    @pytest.fixture(autouse=True)
    def nothing_is_left_of_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(WaveVault, "observe", answering(Snapshot()))

    @pytest.mark.parametrize(
        "outputs",
        [{"migrated": {"web-01": "i-1"}}, {"results": {"web-01": {"stage": "migrated"}}}],
    )
    def test_is_refused_where_nothing_of_it_is_found(self, outputs: dict[str, Any]) -> None:
        olds = {**self.NEWS, **recorded("satisfied"), **outputs}
        with pytest.raises(MigrationError, match="web-01: it was migrated") as refused:
            MigrationWaveProvider().diff("web", olds, self.NEWS)
        assert TAG_INSTANCE in str(refused.value)

    def test_is_not_driven(self, driven: list[Assignment]) -> None:
        olds = {**self.NEWS, "migrated": {"web-01": "i-1"}}
        outputs = MigrationWaveProvider().update("web", olds, self.NEWS).outs
        assert outputs is not None
        assert [each.machine.migrated for each in driven] == [True]
        assert outputs["migrated"] == {"web-01": "i-1"}

    def test_is_forgotten_once_another_instance_has_its_name(
        self, driven: list[Assignment]
    ) -> None:
        olds = {**self.NEWS, "migrated": {"web-01": "i-0"}}
        outputs = MigrationWaveProvider().update("web", olds, self.NEWS).outs
        assert outputs is not None
        assert [each.machine.migrated for each in driven] == [False]
        assert outputs["migrated"] == {}


class TestAMachineThatIsNamedAnew:
    @pytest.mark.parametrize("elsewhere", [False, True])
    def test_does_not_leave(self, driven: list[Assignment], elsewhere: bool) -> None:
        machine = INPUTS["machines"]["web-01"]
        renamed = {**INPUTS, "machines": {} if elsewhere else {"shop": machine}}
        two = OtherWave.model_validate(
            {"phase": "protected", "machines": {"shop": machine}, "require_test_failover": True}
        )
        waves = packed({"two": two} if elsewhere else {})
        news = {**renamed, "all_waves": waves, "preview": False}
        checked = MigrationWaveProvider().check(INPUTS, news).inputs
        MigrationWaveProvider().update("web", INPUTS, checked)
        assert [each.machine.name for each in driven] == ([] if elsewhere else ["shop"])


class TestTheOtherWavesOfAStack:
    def test_are_not_recorded_with_a_wave(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a wave records does not grow with the number of waves."""
        monkeypatch.setattr(WaveVault, "observe", answering(PROTECTED))
        elsewhere = {**INPUTS["machines"]["web-01"], "instance_id": "i-elsewhere"}
        waves = {
            f"wave-{number}": OtherWave.model_validate(
                {
                    "phase": "protected",
                    "machines": {f"machine-{number}": elsewhere},
                    "require_test_failover": True,
                }
            )
            for number in range(3)
        }
        news = {**INPUTS, "all_waves": packed(waves), "preview": False}

        checked = MigrationWaveProvider().check(INPUTS, news).inputs

        for text in (*waves, "machine-", "i-elsewhere"):
            assert text not in repr(checked)
        assert claims.of_this_process.waves == {*waves, "web"}
        assert "i-elsewhere" in claims.of_this_process


ITEM = f"{CONTAINER}/replicationProtectedItems/made-by-hand"
WITH_ITEM = {**INPUTS, "results": {"web-01": {"stage": "protected", "item_id": ITEM}}}


class TestTheItemThatAWaveRecorded:
    """Nothing but the record tells its name, if a person made it and a list lacks it."""

    @pytest.mark.parametrize("machines", [{}, INPUTS["machines"]], ids=["left", "stayed"])
    def test_is_looked_for(self, driven: list[Assignment], machines: dict[str, Any]) -> None:
        MigrationWaveProvider().update("web", WITH_ITEM, {**INPUTS, "machines": machines})
        assert [each.machine.item_id for each in driven] == [ITEM]

    def test_is_looked_for_until_its_machine_has_left(
        self, driven: list[Assignment], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        still = Outcome(Status.FAILED, Observed(Stage.PROTECTED), "the disk is busy")
        empty = {**INPUTS, "machines": {}}
        with monkeypatch.context() as busy:
            busy.setattr(WaveVault, "converge", answering({"web-01": still}))
            first = MigrationWaveProvider().update("web", WITH_ITEM, empty).outs
        assert first is not None
        MigrationWaveProvider().update("web", first, empty)
        assert [each.machine.item_id for each in driven] == [ITEM]

    def test_is_that_of_no_other_instance(self, driven: list[Assignment]) -> None:
        other = {"web-01": {**INPUTS["machines"]["web-01"], "instance_id": "i-2"}}
        MigrationWaveProvider().update("web", WITH_ITEM, {**INPUTS, "machines": other})
        assert [each.machine.item_id for each in driven if each.desired is not None] == [""]

    def test_is_looked_for_when_the_wave_is_deleted(self, driven: list[Assignment]) -> None:
        MigrationWaveProvider().delete("web", {**WITH_ITEM, **recorded("pending")})
        assert [each.machine.item_id for each in driven] == [ITEM]


class TestAWaveThatIsDeleted:
    def test_takes_a_machine_along_that_never_got_to_its_phase(
        self, driven: list[Assignment]
    ) -> None:
        MigrationWaveProvider().delete("web", recorded("pending"))
        assert [(each.machine.name, each.desired) for each in driven] == [("web-01", None)]

    def test_leaves_a_machine_that_moved_to_another_wave(self, driven: list[Assignment]) -> None:
        moved = {**INPUTS, "preview": False, "urn": "urn:pulumi:dev::p::t::two"}
        MigrationWaveProvider().check({}, moved)
        MigrationWaveProvider().delete("web", recorded("satisfied"))
        assert driven == []

    @pytest.mark.usefixtures("driven")
    def test_is_not_gone_before_its_machines_are(self, monkeypatch: pytest.MonkeyPatch) -> None:
        still = Outcome(Status.FAILED, Observed(Stage.PROTECTED), "the disk is busy")
        monkeypatch.setattr(WaveVault, "converge", answering({"web-01": still}))
        with pytest.raises(MigrationError, match="web-01: the disk is busy"):
            MigrationWaveProvider().delete("web", recorded("satisfied"))


@pytest.fixture
def driven(monkeypatch: pytest.MonkeyPatch) -> list[Assignment]:
    """The assignments that a wave would converge. Nothing is done."""
    seen: list[Assignment] = []

    async def converge(
        _self: WaveVault, machines: Sequence[Assignment], *_: Any, **__: Any
    ) -> dict[str, Outcome]:
        seen.extend(machines)
        nothing = Observed(Stage.UNKNOWN_TO_VAULT)
        return {each.machine.name: Outcome(Status.BLOCKED, nothing) for each in machines}

    monkeypatch.setattr(WaveVault, "converge", converge)
    monkeypatch.setattr(engine, "current", lambda: None)
    return seen
