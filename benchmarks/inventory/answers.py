"""What AWS answers to the calls of an inventory: the limits of pages and filters are those of the API references."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.inventory.region import Item, Region
from benchmarks.inventory.wire import Call, Refusal

PAGE = 1000
"""The most entries of EC2 in a page, and those of a page that asks for no number."""
_VALUES = 200
"""The most values of a filter of EC2."""
_MANAGED_PAGE = (5, 10, 50)
"""The least, the usual and the most entries in a page of DescribeInstanceInformation."""
_METRICS = 500
"""The most metrics in a GetMetricData."""

_FILTERS: dict[str, Callable[[Item], Iterable[str]]] = {
    "instance-state-name": lambda one: [one["State"]["Name"]],
    "image-id": lambda one: [one["ImageId"]],
    "instance-type": lambda one: [one["InstanceType"]],
    "subnet-id": lambda one: [one["SubnetId"]],
    "attachment.status": lambda one: [each["State"] for each in one["Attachments"]],
}


def result(call: Call, region: Region, most: int = PAGE) -> dict[str, Any]:
    """The output of an operation, as botocore returns it.

    Args:
        call: what is asked.
        region: the region that it asks.
        most: entries of EC2 in a page: EC2 may give less than is asked for.

    Raises:
        Refusal: AWS would refuse it, or this server does not know it.
    """
    match call.action:
        case "GetCallerIdentity":
            return {
                "UserId": "AIDA",
                "Account": call.account,
                "Arn": f"arn:aws:iam::{call.account}:user/inventory",
            }
        case "ListAccountAliases":
            return {"AccountAliases": [f"account-{call.account[-2:]}"], "IsTruncated": False}
        case "DescribeVpcs":
            return _page(call, most, "Vpcs", region.vpcs)
        case "DescribeSubnets":
            return _page(call, most, "Subnets", region.subnets)
        case "DescribeImages":
            return _page(call, most, "Images", region.images)
        case "DescribeInstanceTypes":
            return _page(call, most, "InstanceTypes", region.types)
        case "DescribeVolumes":
            return _page(call, most, "Volumes", region.volumes)
        case "DescribeInstances":
            page = _page(call, most, "Reservations", region.instances)
            page["Reservations"] = [
                {"ReservationId": f"r-{one['InstanceId'][2:]}", "OwnerId": call.account}
                | {"Instances": [one]}
                for one in page["Reservations"]
            ]
            return page
        case "DescribeInstanceInformation":
            least, usual, longest = _MANAGED_PAGE
            size = call.asked.get("MaxResults", usual)
            if not least <= size <= longest:
                raise Refusal("ValidationException", f"maxResults is from {least} to {longest}")
            return _cut(call, "InstanceInformationList", region.managed, size)
        case "GetMetricData":
            return _metrics(call.asked, region.written)
        case other:
            raise Refusal("InvalidAction", f"{other} is no call of an inventory")


def _page(call: Call, most: int, name: str, items: Sequence[Item]) -> dict[str, Any]:
    for key, values in call.asked.get("Filters", {}).items():
        if key not in _FILTERS:
            raise Refusal("InvalidParameterValue", f"The filter '{key}' is invalid")
        if len(values) > _VALUES:
            raise Refusal(
                "FilterLimitExceeded", f"The maximum number of filter values is {_VALUES}"
            )
        items = [one for one in items if not set(_FILTERS[key](one)).isdisjoint(values)]
    size = call.asked.get("MaxResults", PAGE)
    if not 5 <= size <= PAGE:
        raise Refusal(
            "InvalidParameterValue", f"Value ( {size} ) for parameter maxResults is invalid"
        )
    return _cut(call, name, items, min(size, most))


def _cut(call: Call, name: str, items: Sequence[Item], size: int) -> dict[str, Any]:
    """A page, with the token of the next one if there is more."""
    begin = _begin(call.asked.get("NextToken"), len(items))
    page: dict[str, Any] = {name: list(items[begin : begin + size])}
    if begin + size < len(items):
        page["NextToken"] = f"after-{begin + size}"
    return page


def _begin(token: str | None, count: int) -> int:
    if token is None:
        return 0
    _, _, number = token.partition("after-")
    if not number.isdecimal() or int(number) >= count:
        raise Refusal("InvalidParameterValue", "Unable to parse pagination token")
    return int(number)


def _metrics(asked: Mapping[str, Any], written: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    queries = asked["MetricDataQueries"]
    if len(queries) > _METRICS:
        raise Refusal("ValidationError", f"at most {_METRICS} metrics")
    # Times come as seconds since 1970, in JSON and in CBOR.
    begin, end = (datetime.fromtimestamp(asked[key], UTC) for key in ("StartTime", "EndTime"))
    results = []
    for query in queries:
        volume = query["MetricStat"]["Metric"]["Dimensions"][0]["Value"]
        values = list(written.get(volume, ()))[: (end - begin).days]
        results.append(
            {
                "Id": query["Id"],
                "Label": volume,
                "Timestamps": [begin + timedelta(days=n) for n in range(len(values))],
                "Values": values,
                "StatusCode": "Complete",
            }
        )
    return {"MetricDataResults": results, "Messages": []}
