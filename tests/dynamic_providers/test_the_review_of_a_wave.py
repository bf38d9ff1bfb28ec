"""What a preview says about a wave, also while some of its inputs are unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from pulumi.runtime import rpc
from pydantic.alias_generators import to_camel

from dynamic_providers.wave import observation, references
from dynamic_providers.wave import review as wave_review
from dynamic_providers.wave.inputs import OtherWave
from dynamic_providers.wave.review import LookAhead
from dynamic_providers.wave.vault import WaveVault
from site_recovery import cutover_memory
from site_recovery.aws.cutover_source import Ec2Sources
from site_recovery.azure.connection import Connect
from site_recovery.convergence.review_data import MachineRow
from site_recovery.convergence.target_sizes import Size
from site_recovery.cutover_memory import Source
from site_recovery.declared.tags import TAG_INSTANCE
from site_recovery.snapshot import Snapshot, VirtualMachine
from tests.dynamic_providers.answers import answering
from tests.dynamic_providers.test_waves_that_differ import INPUTS, PROTECTED, VAULT

GROUP = INPUTS["landing_zone"]["resource_group_id"]
MIGRATED = Snapshot(
    virtual_machines=(
        VirtualMachine(
            id=f"{GROUP}/providers/Microsoft.Compute/virtualMachines/web-01",
            name="web-01",
            tags={TAG_INSTANCE: "i-1"},
        ),
    )
)


@pytest.fixture(autouse=True)
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WaveVault, "read_only_locks", answering(()))


def connect(subscription: str) -> Any:
    raise AssertionError(f"nothing here reaches a cloud, so not {subscription}")


def ahead(
    olds: dict[str, Any],
    news: dict[str, Any],
    others: dict[str, OtherWave] | None = None,
    *,
    preview: bool = True,
) -> LookAhead:
    reach: Connect = connect
    return asyncio.run(wave_review.look_ahead(reach, olds, news, others or {}, preview=preview))


def look_ahead(
    olds: dict[str, Any], news: dict[str, Any]
) -> tuple[dict[str, MachineRow], list[str]]:
    """The row of each machine to which anything happens, and the refusals."""
    found = ahead(olds, news)
    rows = found.wave.machines if found.wave is not None else ()
    return {row.machine: row for row in rows}, found.refusals


def operations(row: MachineRow) -> list[str]:
    return [f"{each.operation} {each.detail}".strip() for each in row.operations]


def having(field: str, value: object) -> dict[str, Any]:
    """The wave's inputs with another value in one field of its machine's target."""
    target = {} if value is None else {to_camel(field): value}
    machine = {**INPUTS["machines"]["web-01"], "target": target}
    return {**INPUTS, "machines": {"web-01": machine}}


def showing(**values: Any) -> Snapshot:
    """A snapshot with the protected machine, whose item shows these target settings."""
    (item,) = PROTECTED.items
    return replace(PROTECTED, items=(replace(item, target=replace(item.target, **values)),))


def offer(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let the service offer these sizes, all of which are large enough."""

    class Offers:
        async def target_sizes(self, *_: object) -> list[Size]:
            return [Size(name, vcpus=64, memory_gb=512, data_disks=64) for name in names]

    async def ask(_: object, use: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        return await use(Offers())

    monkeypatch.setattr(WaveVault, "_with", ask)


class TestWhileTheVaultIsNotKnown:
    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, str | None]]:
        calls: list[tuple[str | None, str | None]] = []

        async def observe_known(
            _: Connect, vault: str | None, group: str | None, experience: str
        ) -> Snapshot:
            assert experience == "classic"
            calls.append((vault, group))
            return MIGRATED if group else Snapshot()

        monkeypatch.setattr(observation, "observe_known", observe_known)
        return calls

    def test_machines_migrated_before_are_known_by_their_virtual_machines(
        self, asked: list[tuple[str | None, str | None]]
    ) -> None:
        news = {**INPUTS, "phase": "migrated", "vault_id": rpc.UNKNOWN, "container_id": rpc.UNKNOWN}
        assert look_ahead({}, news) == ({}, [])
        assert asked == [(None, GROUP)]

    def test_a_server_that_is_replaced_hides_no_item_of_the_vault(
        self, asked: list[tuple[str | None, str | None]]
    ) -> None:
        look_ahead({}, {**INPUTS, "container_id": rpc.UNKNOWN, "landing_zone": rpc.UNKNOWN})
        assert asked == [(VAULT, None)]

    def test_a_server_whose_address_is_not_known_yet_hides_nothing(
        self, asked: list[tuple[str | None, str | None]]
    ) -> None:
        source = {"region": "eu-west-1", "vpc_id": "vpc-1", "servers": [rpc.UNKNOWN]}
        unknown = dict.fromkeys(("container_id", "landing_zone"), rpc.UNKNOWN)
        lines, refusals = look_ahead({}, {**INPUTS, **unknown, "source": source})
        assert (len(lines), refusals) == (1, [])

    def test_where_nothing_is_known_everything_is_still_to_do(
        self, asked: list[tuple[str | None, str | None]]
    ) -> None:
        news = {**INPUTS, "vault_id": rpc.UNKNOWN, "landing_zone": rpc.UNKNOWN}
        rows, refusals = look_ahead({}, news)
        assert operations(rows["web-01"]) == ["discover", "enable protection"]
        assert refusals == []
        assert asked == [(None, None)]


class TestAMachineThatIsHeld:
    def test_refuses_nothing_to_the_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(WaveVault, "observe", answering(Snapshot()))
        machine = INPUTS["machines"]["web-01"]
        other = {**machine, "instance_id": "i-2", "private_ip": "10.0.0.2"}
        machines = {"web-01": machine, "web-02": other}
        held = {**INPUTS, "machines": machines, "holds": {"web-01": "tcp 9443 is closed"}}
        rows, refusals = look_ahead({}, held)
        assert refusals == []
        assert "web-02" in rows


class TestARecoveryPlan:
    @pytest.mark.parametrize(("mode", "alone"), [("lossless", True), ("latest", False)])
    def test_says_which_machines_it_cannot_fail_over(
        self, monkeypatch: pytest.MonkeyPatch, mode: str, alone: bool
    ) -> None:
        monkeypatch.setattr(WaveVault, "observe", answering(PROTECTED))
        monkeypatch.setattr(WaveVault, "plan_change", answering(None))
        machine = {**INPUTS["machines"]["web-01"], "cutover": {"mode": mode}}
        news = {
            **INPUTS,
            "phase": "failed-over",
            "machines": {"web-01": machine},
            "convergence": {**INPUTS["convergence"], "require_test_failover": False},
            "recovery_plan": {
                "name": "dev-web",
                "groups": [{"machines": ["web-01"], "pre": [], "post": []}],
            },
        }
        # No id: the networks are made in the same run.
        zone = {**INPUTS["landing_zone"], "network_id": "", "test_network_id": ""}
        found = ahead({}, {**news, "landing_zone": zone})
        assert found.refusals == []
        assert found.wave is not None
        said = [note for note in found.wave.notes if "web-01 fails over without it" in note]
        assert bool(said) == alone


class TestAChangedTarget:
    @pytest.fixture(autouse=True)
    def the_machine_is_protected(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(WaveVault, "observe", answering(PROTECTED))

    def test_from_a_zone_to_a_set_is_one_that_an_update_can_tell(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            WaveVault, "observe", answering(showing(availability_zone="1", availability_set=""))
        )
        monkeypatch.setattr(references, "refusals", answering([]))
        compute = "/subscriptions/1/resourceGroups/g/providers/Microsoft.Compute"
        into = having("availability_set", f"{compute}/availabilitySets/web")
        rows, refusals = look_ahead(having("availability_zone", "1"), into)
        assert refusals == []
        assert operations(rows["web-01"]) == ["update target availability set"]

    @pytest.mark.parametrize(
        ("field", "words", "before", "now"),
        [
            ("disk_type", "diskType", None, "Premium_LRS"),
            ("disks", "disks was not set", None, {"/dev/sdf": {"type": "Premium_LRS"}}),
            (
                "disks",
                "disks was /dev/sdf: Premium_LRS",
                {"/dev/sdf": {"type": "Premium_LRS"}},
                None,
            ),
            ("availability_zone", "availabilityZone", "1", None),
            ("license_type", "licenseType", "WindowsServer", None),
            ("private_ip", "privateIp", "10.1.0.7", None),
        ],
    )
    def test_is_refused_where_no_update_can_tell_it(
        self,
        monkeypatch: pytest.MonkeyPatch,
        field: str,
        words: str,
        before: object,
        now: object,
    ) -> None:
        shown = {
            "availability_zone": "1",
            "license_type": "WindowsServer",
            "private_ip": "10.1.0.7",
        }
        monkeypatch.setattr(WaveVault, "observe", answering(showing(**shown)))
        _, refusals = look_ahead(having(field, before), having(field, now))
        [refusal] = refusals
        assert f"web-01: its target's {words}" in refusal
        assert "Put it back" in refusal
        assert ("write `dynamic` there" in refusal) == (field == "private_ip")

    @pytest.mark.parametrize(
        ("field", "before"),
        [
            ("availability_zone", "2"),
            ("license_type", "WindowsServer"),
            ("private_ip", "10.1.0.7"),
        ],
    )
    def test_that_never_came_about_is_taken_back(self, field: str, before: str) -> None:
        assert look_ahead(having(field, before), having(field, None)) == ({}, [])

    @pytest.mark.parametrize(
        ("field", "words", "value"),
        [
            ("vm_name", "name", "web"),
            ("tags", "tags", {"team": "shop"}),
            ("availability_zone", "availability zone", "2"),
            ("license_type", "licence", "WindowsServer"),
            ("subnet", "subnet", "backend"),
            ("private_ip", "private address", "10.1.0.7"),
        ],
    )
    def test_is_told_where_the_protected_item_takes_it(
        self, field: str, words: str, value: object
    ) -> None:
        rows, refusals = look_ahead(INPUTS, having(field, value))
        assert refusals == []
        assert operations(rows["web-01"]) == [f"update target {words}"]

    def test_of_size_is_told_where_the_service_offers_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        offer(monkeypatch, "Standard_D4s_v5")
        rows, refusals = look_ahead(INPUTS, having("vm_size", "Standard_D4s_v5"))
        assert refusals == []
        assert operations(rows["web-01"]) == ["update target size"]

    def test_of_size_is_refused_where_the_service_does_not_offer_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        offer(monkeypatch, "Standard_D4s_v5")
        _, refusals = look_ahead(INPUTS, having("vm_size", "Standard_D8s_v5"))
        [refusal] = refusals
        assert refusal.startswith("web-01: machines.web-01.target.vmSize: Azure does not offer")
        assert "Standard_D4s_v5" in refusal

    def test_an_unchanged_one_is_not(self) -> None:
        assert look_ahead(INPUTS, INPUTS) == ({}, [])


class TestAnOfflinePreview:
    NEWS: ClassVar[dict[str, Any]] = {
        **having("disk_type", "Premium_LRS"),
        "convergence": {**INPUTS["convergence"], "offline_preview": True},
    }

    def test_says_that_it_looked_at_nothing(self) -> None:
        found = ahead(INPUTS, self.NEWS)
        assert "not reviewed" in found.untold
        assert found.refusals == []

    def test_is_followed_by_an_up_that_looks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(WaveVault, "observe", answering(PROTECTED))
        found = ahead(INPUTS, self.NEWS, preview=False)
        assert "web-01: its target's diskType" in found.refusals[0]


class TestMovingToTheOtherExperience:
    NEWS: ClassVar[dict[str, Any]] = {**INPUTS, "experience": "modernized"}

    def test_machines_that_replicate_are_named_and_left_alone(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(WaveVault, "observe", answering(PROTECTED))
        rows, refusals = look_ahead(INPUTS, {**self.NEWS, "vault_id": rpc.UNKNOWN})
        assert rows == {}
        [refusal] = refusals
        assert refusal.startswith("web-01: it is protected under the classic experience")
        assert "left alone" in refusal

    def test_it_takes_another_vault(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(WaveVault, "observe", answering(MIGRATED))
        _, refusals = look_ahead(INPUTS, self.NEWS)
        assert [r.split(":")[0] for r in refusals] == ["target.vault"]

    def test_migrated_machines_do_not_stand_in_the_way(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(WaveVault, "observe", answering(MIGRATED))
        monkeypatch.setattr(observation, "observe_known", answering(MIGRATED))
        news = {**self.NEWS, "phase": "migrated"}
        _, refusals = look_ahead(INPUTS, {**news, "vault_id": rpc.UNKNOWN})
        assert refusals == []


ANOTHER = {**INPUTS, "machines": {"web-01": {**INPUTS["machines"]["web-01"], "instance_id": "i-2"}}}
NAMED = (
    "/subscriptions/1/resourceGroups/machines/providers/Microsoft.Compute/virtualMachines/WEB-01"
)


class TestANameOfAnotherInstance:
    @pytest.mark.parametrize(
        ("olds", "tags", "words"),
        [
            pytest.param(INPUTS, None, ["was instance i-1 and is i-2 now"], id="replaced"),
            pytest.param(
                INPUTS,
                {TAG_INSTANCE: "i-1"},
                ["was instance i-1 and is i-2 now", "instance i-1 was migrated"],
                id="replaced after its migration",
            ),
            pytest.param({}, {TAG_INSTANCE: "i-1"}, ["instance i-1 was migrated"], id="new stack"),
            pytest.param({}, {"team": "web"}, ["of somebody else"], id="not of a migration"),
            pytest.param({}, {"migrated-rolled-back": "i-2"}, [], id="its own, taken back"),
            pytest.param(ANOTHER, None, [], id="the same"),
        ],
    )
    def test_is_told_before_it_replicates(
        self,
        monkeypatch: pytest.MonkeyPatch,
        olds: dict[str, Any],
        tags: dict[str, str] | None,
        words: list[str],
    ) -> None:
        there = () if tags is None else (VirtualMachine(id=NAMED, name="WEB-01", tags=tags),)
        monkeypatch.setattr(WaveVault, "observe", answering(Snapshot(virtual_machines=there)))
        found = ahead(olds, ANOTHER)
        assert found.refusals == []
        assert found.wave is not None
        assert len(found.wave.notes) == len(words)
        for note, word in zip(found.wave.notes, words, strict=True):
            assert word in note

    def test_is_refused_while_the_other_one_replicates(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (item,) = PROTECTED.items
        item = replace(item, tags={TAG_INSTANCE: "i-1"})
        monkeypatch.setattr(WaveVault, "observe", answering(Snapshot(items=(item,))))
        found = ahead(INPUTS, ANOTHER)
        [refusal] = found.refusals
        assert "web-01 replicates i-1, not i-2" in refusal
        assert found.wave is not None
        assert found.wave.notes == ()


class TestASourceThatAKilledRunLeftInItsCutover:
    CUT_OVER: ClassVar[dict[str, Any]] = {
        "web-01": {**INPUTS["machines"]["web-01"], "cut_over": True}
    }

    @pytest.fixture(autouse=True)
    def it_is_protected(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(WaveVault, "observe", answering(PROTECTED))
        offer(monkeypatch, "Standard_D2s_v5")

    def test_is_given_back_if_it_is_not_to_fail_over(self) -> None:
        rows, refusals = look_ahead(INPUTS, {**INPUTS, "machines": self.CUT_OVER})
        assert not refusals
        [told] = operations(rows["web-01"])
        assert told.startswith("give source back the cutover that a killed run began is taken back")

    def test_is_not_if_its_cutover_goes_on(self) -> None:
        lax = {**INPUTS["convergence"], "require_test_failover": False}
        news = {**INPUTS, "machines": self.CUT_OVER, "phase": "failed-over", "convergence": lax}
        rows, _ = look_ahead(INPUTS, news)
        assert [each.operation for each in rows["web-01"].operations] == ["unplanned failover"]


class TestAMachineThatLeavesInTheMiddleOfItsCutover:
    """The program reads nothing of it in EC2 any more, because it is not declared."""

    SOURCE: ClassVar[dict[str, Any]] = {"region": "eu-west-1", "fence_id": "sg-fence"}

    @pytest.fixture
    def tags(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
        """The tags of its instance."""
        shown: dict[str, str] = {}

        async def look(sources: Ec2Sources, ids: Sequence[str]) -> dict[str, Source]:
            assert sources.fencing.fence == "sg-fence"
            return {each: Source(each, "stopped", tags=shown) for each in ids if each == "i-1"}

        monkeypatch.setattr(WaveVault, "observe", answering(PROTECTED))
        monkeypatch.setattr(observation, "observe_known", answering(PROTECTED))
        monkeypatch.setattr(Ec2Sources, "look", look)
        return shown

    @pytest.mark.parametrize("known", ["now", "before"])
    @pytest.mark.parametrize("phase", ["protected", "failed-over"])
    def test_is_given_back_first(self, tags: dict[str, str], known: str, phase: str) -> None:
        tags[cutover_memory.BEGAN] = "2026-12-05T22:00:00+00:00"
        olds = {**INPUTS, "phase": phase, "source": self.SOURCE}
        source = self.SOURCE if known == "now" else rpc.UNKNOWN
        news = {**INPUTS, "phase": phase, "machines": {}, "source": source}

        found = ahead(olds, news)

        assert not found.refusals
        assert found.wave is not None
        [row] = found.wave.data()["machines"]
        told = [each["operation"] for each in row["operations"]]
        assert (row["machine"], row["then"]) == ("web-01", "out of the vault")
        assert told == ["give source back", "disable protection"]

    def test_is_only_removed_if_ec2_shows_no_cutover(self, tags: dict[str, str]) -> None:
        tags["Name"] = "web-01"
        olds = {**INPUTS, "source": self.SOURCE}
        rows, _ = look_ahead(olds, {**olds, "machines": {}})
        assert operations(rows["web-01"]) == ["disable protection"]

    def test_is_not_asked_for_in_ec2_if_the_preview_is_offline(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        offline = {**INPUTS["convergence"], "offline_preview": True}
        olds = {**INPUTS, "source": self.SOURCE, "convergence": offline}
        monkeypatch.delattr(Ec2Sources, "look")
        rows, _ = look_ahead(olds, {**olds, "machines": {}, "policy_id": rpc.UNKNOWN})
        assert "give source back" not in str(rows)


def test_the_source_of_a_migrated_machine_stays_as_its_cutover_left_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(WaveVault, "observe", answering(MIGRATED))
    machines = {"web-01": {**INPUTS["machines"]["web-01"], "cut_over": True}}
    assert look_ahead(INPUTS, {**INPUTS, "phase": "migrated", "machines": machines}) == ({}, [])
