"""ARM's checks of every request: token, known subscription, api-version and valid body."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.arm.identity import issue
from emulator.arm.subscriptions import ANOTHER_SUBSCRIPTION
from emulator.kernel.wire import Request
from emulator.kernel.world import World
from tests.emulator.conftest import GROUP, SUBSCRIPTION, Arm

OTHER = f"/subscriptions/{ANOTHER_SUBSCRIPTION}"

TOKEN = "/_identity/token?api-version=2019-08-01&resource=https://management.azure.com"


def read_group(world: World, authorization: str | None) -> tuple[int, str, str]:
    headers = {} if authorization is None else {"Authorization": authorization}
    response = world.handle(Request.of("GET", f"{GROUP}?api-version=2024-03-01", headers))
    challenge = response.headers.get("WWW-Authenticate", "")
    return response.status, response.body.get("error", {}).get("code", ""), challenge


def test_a_token_of_the_identity_endpoint_opens_arm(world: World, group: str) -> None:
    response = world.handle(Request.of("GET", TOKEN, {"X-IDENTITY-HEADER": "local"}))
    assert response.status == 200
    assert response.body["token_type"] == "Bearer"
    assert int(response.body["expires_on"]) > time.time()
    assert read_group(world, f"Bearer {response.body['access_token']}")[0] == 200


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "AuthenticationFailed"),
        ("Basic bG9jYWw6bG9jYWw=", "AuthenticationFailed"),
        ("Bearer ", "AuthenticationFailed"),
        ("Bearer made.up.token", "InvalidAuthenticationToken"),
        ("Bearer x", "InvalidAuthenticationToken"),
    ],
)
def test_without_a_good_token_arm_answers_401_with_a_challenge(
    world: World, group: str, authorization: str | None, code: str
) -> None:
    status, answered, challenge = read_group(world, authorization)
    assert (status, answered) == (401, code)
    assert challenge.startswith("Bearer authorization_uri=")


def test_a_token_ends(world: World, group: str) -> None:
    expired = issue(world, int(time.time()) - 1)
    assert read_group(world, f"Bearer {expired}")[:2] == (401, "ExpiredAuthenticationToken")


def test_a_token_of_another_world_is_not_accepted(world: World, group: str) -> None:
    forged = issue(world).rpartition(".")[0] + ".c2lnbmF0dXJl"
    assert read_group(world, f"Bearer {forged}")[:2] == (401, "InvalidAuthenticationToken")


@pytest.mark.parametrize(
    ("url", "header"),
    [
        (TOKEN, {}),
        (TOKEN, {"X-IDENTITY-HEADER": "stolen"}),
        (TOKEN.replace("2019-08-01", "2030-01-01"), {"X-IDENTITY-HEADER": "local"}),
        (TOKEN.replace("management.azure", "vault.azure"), {"X-IDENTITY-HEADER": "local"}),
    ],
)
def test_the_identity_endpoint_refuses_what_it_does_not_serve(
    world: World, url: str, header: dict[str, str]
) -> None:
    response = world.handle(Request.of("GET", url, header))
    assert (response.status, "access_token" in response.body) == (400, False)


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("", "MissingApiVersionParameter"),
        ("?api-version=", "MissingApiVersionParameter"),
        ("?api-version=latest", "InvalidApiVersionParameter"),
        ("?api-version=2001-01-01", "NoRegisteredProviderFound"),
    ],
)
def test_the_api_version_must_be_one_that_the_type_has(
    arm: Arm, group: str, version: str, code: str
) -> None:
    networks = f"{group}/providers/Microsoft.Network/virtualNetworks"
    response = arm.world.handle(Request.of("GET", networks + version, arm.headers))
    assert (response.status, response.body["error"]["code"]) == (400, code)
    if version.startswith("?api-version=2"):
        assert "2024-05-01" in response.body["error"]["message"]


@pytest.mark.parametrize(
    ("subscription", "answer"),
    [
        ("not-a-guid", (400, "InvalidSubscriptionId")),
        ("33333333-3333-3333-3333-333333333333", (404, "SubscriptionNotFound")),
    ],
)
def test_a_subscription_must_be_there(arm: Arm, subscription: str, answer: object) -> None:
    assert arm.refused("GET", f"/subscriptions/{subscription}/resourceGroups") == answer


def test_ids_are_compared_without_case(arm: Arm, group: str) -> None:
    assert arm.get(group.upper())["id"] == group


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.binary(max_size=40)
    | st.sampled_from([b"[]", b"null", b"1", b'"x"', b"{", b"[" * 100_000, b"\xff\xfe{}"]),
    path=st.sampled_from(
        [
            GROUP,
            f"{GROUP}/providers/Microsoft.Network/virtualNetworks/n",
            f"{GROUP}/providers/Microsoft.Storage/storageAccounts/account",
            f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/v1",
        ]
    ),
)
def test_no_body_breaks_anything(arm: Arm, group: str, body: bytes, path: str) -> None:
    namespace = path.partition("/providers/")[2].partition("/")[0].lower()
    version = {"microsoft.storage": "2024-01-01", "microsoft.network": "2024-05-01"}.get(
        namespace, "2024-10-01" if namespace else "2024-03-01"
    )
    url = f"{path}?api-version={version}"
    response = arm.world.handle(Request.of("PUT", url, arm.headers, body))
    assert response.status == 400
    assert response.body["error"]["code"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["id", "name", "properties", "addressPrefix", "addressPrefixes"]), inner
        )
    ),
    max_leaves=6,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    spaces=VALUES,
    subnets=VALUES,
    location=st.sampled_from(["westeurope", "West Europe", "mars", "", 3, None]),
)
def test_a_body_of_wrong_types_is_refused_and_a_right_one_taken(
    arm: Arm, group: str, spaces: object, subnets: object, location: object
) -> None:
    body = {
        "location": location,
        "properties": {"addressSpace": {"addressPrefixes": spaces}, "subnets": subnets},
    }
    path = f"{group}/providers/Microsoft.Network/virtualNetworks/n"
    response = arm.call("PUT", path, body)
    assert response.status in (200, 201, 400)
    if response.status == 400:
        assert response.body["error"]["message"]


def test_a_group_of_the_same_name_is_another_one_in_another_subscription(
    arm: Arm, group: str
) -> None:
    other = group.replace(SUBSCRIPTION, OTHER)
    assert arm.refused("GET", other) == (404, "ResourceGroupNotFound")
    arm.put(other, {"location": "northeurope"})
    assert [one["id"] for one in arm.get(f"{OTHER}/resourceGroups")["value"]] == [other]
    assert arm.get(group)["location"] == "westeurope"


def test_a_list_of_subscriptions_has_those_in_which_the_caller_has_a_role(arm: Arm) -> None:
    role = {"name": "some", "actions": ["Microsoft.Compute/virtualMachines/read"]}
    assignment = {"scope": f"{OTHER}/resourceGroups/rg-apps", "role": role}
    arm.put("/_emulator/access", {"assignments": [assignment]})
    listed = arm.get("/subscriptions", **{"api-version": "2022-12-01"})["value"]
    assert [one["id"] for one in listed] == [OTHER]


def test_subscriptions_and_providers_can_be_looked_at(arm: Arm) -> None:
    subscriptions = arm.get("/subscriptions", **{"api-version": "2022-12-01"})["value"]
    assert [one["id"] for one in subscriptions] == [SUBSCRIPTION, OTHER]
    provider = arm.get(
        f"{SUBSCRIPTION}/providers/microsoft.recoveryservices", **{"api-version": "2021-04-01"}
    )
    assert provider["registrationState"] == "Registered"
    refused = arm.refused(
        "POST", f"{SUBSCRIPTION}/providers/Microsoft.Web/register", **{"api-version": "2021-04-01"}
    )
    assert refused == (404, "InvalidResourceNamespace")
