from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from emulator.kernel.routes import Routes
from emulator.kernel.wire import Request, Response
from emulator.kernel.world import World

SEGMENT = st.text(string.ascii_letters + string.digits + "-._ ()", min_size=1, max_size=12)


def answer(world: World, request: Request, **parameters: str) -> Response:
    return Response(200, parameters)


def table() -> Routes:
    routes = Routes(["2024-01-01"])
    routes.route("GET", "/vaults/{vault}/items/{item}", "Items_Get")(answer)
    routes.route("GET", "/vaults/{vault}/items/default", "Items_GetDefault")(answer)
    routes.route("DELETE", "/vaults/{vault}/items/{item}", "Items_Delete")(answer)
    return routes


@given(SEGMENT, SEGMENT, st.booleans(), st.booleans())
def test_parameters_keep_their_case_and_literals_have_none(
    vault: str, item: str, upper: bool, slash: bool
) -> None:
    path = f"/{'VAULTS' if upper else 'vaults'}/{vault}/Items/{item}" + ("/" if slash else "")
    found = table().find(Request("GET", path))
    assert found is not None
    route, parameters = found
    if item.lower() == "default":
        assert route.operation_id == "Items_GetDefault"
        assert parameters == {"vault": vault}
    else:
        assert route.operation_id == "Items_Get"
        assert parameters == {"vault": vault, "item": item}


def test_a_path_of_another_depth_or_an_empty_segment_is_not_found() -> None:
    routes = table()
    assert routes.find(Request("GET", "/vaults/v/items")) is None
    assert routes.find(Request("GET", "/vaults/v/items/i/j")) is None
    assert routes.find(Request("GET", "/vaults//items/i")) is None


def test_a_path_knows_its_methods() -> None:
    assert table().methods("/vaults/v/items/i") == ["DELETE", "GET"]
    assert table().methods("/nowhere") == []
