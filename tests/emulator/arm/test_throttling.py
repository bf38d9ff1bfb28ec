"""ARM's token buckets: 250 reads and 25 a second, 200 writes or deletes and 10 a second."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from emulator.arm.identity import issue
from emulator.kernel.wire import Request
from emulator.kernel.world import World
from tests.emulator.conftest import GROUP, SUBSCRIPTION, Arm

READS = "x-ms-ratelimit-remaining-subscription-reads"
GLOBAL_READS = "x-ms-ratelimit-remaining-subscription-global-reads"


def throttle(arm: Arm, **settings: Any) -> Any:
    response = arm.call("PUT", "/_emulator/throttling", settings)
    assert response.status == 200, response.body
    return response.body


@pytest.fixture
def throttled(arm: Arm, group: str) -> Arm:
    throttle(arm, mode="on")
    return arm


def spend(arm: Arm, method: str, path: str, times: int) -> None:
    for _ in range(times):
        assert arm.call(method, path, None).status != 429


def test_what_is_left_is_in_the_headers(throttled: Arm) -> None:
    first, second = throttled.call("GET", GROUP), throttled.call("GET", GROUP)
    assert (first.headers[READS], first.headers[GLOBAL_READS]) == ("249", "3749")
    assert (second.headers[READS], second.headers[GLOBAL_READS]) == ("248", "3748")
    written = throttled.call("PUT", GROUP, {"location": "westeurope"})
    assert written.headers["x-ms-ratelimit-remaining-subscription-writes"] == "199"
    assert written.headers["x-ms-ratelimit-remaining-subscription-global-writes"] == "2999"
    deleted = throttled.call("DELETE", f"{GROUP}-none")
    assert deleted.headers["x-ms-ratelimit-remaining-subscription-deletes"] == "199"


def test_a_refusal_of_the_service_costs_and_tells_as_well(throttled: Arm) -> None:
    missing = throttled.call("GET", f"{SUBSCRIPTION}/resourceGroups/none")
    assert (missing.status, missing.headers[READS]) == (404, "249")


def test_the_request_after_the_last_token_is_refused_until_there_is_one(throttled: Arm) -> None:
    spend(throttled, "GET", GROUP, 250)
    refused = throttled.call("GET", GROUP)
    assert refused.status == 429
    assert refused.body["error"]["code"] == "SubscriptionRequestsThrottled"
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers[READS] == "0"
    throttled.pass_time(1)
    spend(throttled, "GET", GROUP, 25)
    assert throttled.call("GET", GROUP).status == 429


def test_reads_writes_and_deletes_have_buckets_of_their_own(throttled: Arm) -> None:
    spend(throttled, "DELETE", f"{GROUP}-none", 200)
    assert throttled.call("DELETE", f"{GROUP}-none").status == 429
    assert throttled.call("GET", GROUP).status == 200
    assert throttled.call("PUT", GROUP, {"location": "westeurope"}).status == 200


def test_a_throttled_write_changes_nothing(throttled: Arm) -> None:
    throttle(throttled, mode="on", limits={"writes": {"capacity": 1, "refillPerSecond": 0.01}})
    audited = len(throttled.world.audited())
    body = {"location": "westeurope"}
    assert throttled.call("PUT", f"{GROUP}-a", body).status == 201
    refused = throttled.call("PUT", f"{GROUP}-b", body)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "100")
    assert throttled.call("GET", f"{GROUP}-b").status == 404
    assert len(throttled.world.audited()) == audited + 1


def test_callers_do_not_take_from_each_other_but_share_a_global_bucket(throttled: Arm) -> None:
    throttle(throttled, mode="on", limits={"reads": {"capacity": 2, "refillPerSecond": 0.001}})
    world = throttled.world
    for number in range(15):
        throttled.headers["Authorization"] = f"Bearer {issue(world, client=f'client-{number}')}"
        spend(throttled, "GET", GROUP, 2)
        assert throttled.call("GET", GROUP).status == 429
    throttled.headers["Authorization"] = f"Bearer {issue(world, client='the sixteenth')}"
    refused = throttled.call("GET", GROUP)
    assert (refused.status, refused.headers[READS], refused.headers[GLOBAL_READS]) == (
        *(429, "2", "0"),
    )


def test_buckets_never_hold_more_than_their_capacity(throttled: Arm) -> None:
    throttled.call("GET", GROUP)
    throttled.pass_time(3600)
    assert throttled.call("GET", GROUP).headers[READS] == "249"


def test_what_is_above_subscriptions_counts_for_the_tenant(throttled: Arm) -> None:
    answer = throttled.call("GET", "/subscriptions", **{"api-version": "2022-12-01"})
    assert answer.headers["x-ms-ratelimit-remaining-tenant-reads"] == "249"


def test_a_clock_that_stands_still_is_not_throttled_unless_asked_for(arm: Arm, group: str) -> None:
    assert arm.get("/_emulator/throttling")["active"] is False
    spend(arm, "GET", group, 251)
    assert READS not in arm.call("GET", group).headers


def test_a_clock_that_runs_is_throttled_in_its_own_seconds(
    world: World, arm: Arm, group: str
) -> None:
    world.clock.set_scale(0.001)
    assert arm.get("/_emulator/throttling")["active"] is True
    spend(arm, "GET", group, 250)
    assert arm.call("GET", group).headers["Retry-After"] == "1000"
    world.clock.set_scale(36_000)
    arm.pass_time(60)
    assert arm.call("GET", group).status == 200


def test_it_can_be_turned_off_and_the_limits_go_back_to_arms(world: World, arm: Arm) -> None:
    world.clock.set_scale(1)
    throttle(arm, mode="off", limits={"reads": {"capacity": 3}})
    assert arm.get("/_emulator/throttling") == {
        "mode": "off",
        "active": False,
        "limits": {
            "reads": {"capacity": 3, "refillPerSecond": 25.0},
            "writes": {"capacity": 200, "refillPerSecond": 10.0},
            "deletes": {"capacity": 200, "refillPerSecond": 10.0},
        },
    }
    assert throttle(arm)["limits"]["reads"]["capacity"] == 250


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "sometimes"},
        {"limits": {"reads": {"capacity": 0}}},
        {"limits": {"writes": {"refillPerSecond": 0}}},
        {"limits": {"posts": {}}},
        {"limits": {"reads": {"refillPerSecond": float("inf")}}},
    ],
)
def test_settings_that_make_no_sense_are_refused(arm: Arm, settings: dict[str, Any]) -> None:
    before = arm.get("/_emulator/throttling")
    status, code = arm.refused("PUT", "/_emulator/throttling", settings)
    assert (status, code) == (400, "InvalidRequestContent")
    assert arm.get("/_emulator/throttling") == before


def test_a_user_assigned_identity_is_another_caller(throttled: Arm) -> None:
    def token(**query: str) -> str:
        request = Request.of(
            "GET",
            "/_identity/token?"
            + urlencode(
                {
                    "api-version": "2019-08-01",
                    "resource": "https://management.azure.com",
                    **query,
                }
            ),
            {"X-IDENTITY-HEADER": "local"},
        )
        return str(throttled.world.handle(request).body["access_token"])

    left = []
    for issued in (token(), token(client_id="one"), token(), token(client_id="ONE")):
        throttled.headers["Authorization"] = f"Bearer {issued}"
        left.append(throttled.call("GET", GROUP).headers[READS])
    assert left == ["249", "249", "248", "248"]
