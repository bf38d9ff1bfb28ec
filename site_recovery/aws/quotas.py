"""How many security groups a network interface may have in an account."""

from __future__ import annotations

from site_recovery.aws.client import AWS_FAILURES, aws_problem, connect, error_code
from site_recovery.problems import Problem

PERMISSIONS = ("servicequotas:GetServiceQuota",)

USUAL_GROUPS = 5
"""Security groups of a network interface, unless the account asked for more ("Amazon VPC quotas")."""

_GROUPS = "L-2AFB9258"
_NOT_RAISED = "NoSuchResourceException"


def groups_of_an_interface(region: str) -> tuple[int, list[Problem]]:
    """The quota "Security groups per network interface" (GetServiceQuota of Service Quotas).

    Args:
        region: the region of the interfaces. A quota holds for one region.

    Returns:
        The number; if AWS did not answer, the usual one and one problem that says so.
    """
    try:
        quotas = connect("service-quotas", region)
        answer = quotas.get_service_quota(ServiceCode="vpc", QuotaCode=_GROUPS)
        return int(answer["Quota"]["Value"]), []
    except AWS_FAILURES as error:
        if error_code(error) == _NOT_RAISED:
            return USUAL_GROUPS, []
        return USUAL_GROUPS, [aws_problem(error, "Service Quotas", region, PERMISSIONS)]
