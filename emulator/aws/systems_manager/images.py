"""The public parameters with the ids of Amazon's newest images, for the seeded images."""

from __future__ import annotations

from typing import Any

from emulator.aws.estate import IMAGES

WINDOWS = {
    f"/aws/service/ami-windows-latest/{name}": IMAGES[image]
    for name, image in (
        ("Windows_Server-2012-RTM-English-64Bit-Base", "windows-server-2012"),
        ("Windows_Server-2012-R2_RTM-English-64Bit-Base", "windows-server-2012-r2"),
        ("Windows_Server-2016-English-Full-Base", "windows-server-2016"),
        ("Windows_Server-2022-English-Full-Base", "windows-server-2022"),
    )
}
"""Image ids by the parameter's name."""


def publish(region: str) -> None:
    """Add the parameters to moto's store, as moto does with those of other images."""
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.core.utils import utcnow
    from moto.ssm import models

    # Through a variable: to mypy the class is abstract, because moto leaves out CloudFormation's
    # methods.
    parameter: Any = models.Parameter
    backend = models.ssm_backends[DEFAULT_ACCOUNT_ID][region]
    for name, image in WINDOWS.items():
        backend._parameters[name] = [
            parameter(
                account_id=DEFAULT_ACCOUNT_ID,
                name=name,
                value=image,
                parameter_type="String",
                description=None,
                allowed_pattern=None,
                keyid=None,
                last_modified_date=utcnow(),
                version=1,
                data_type="aws:ec2:image",
            )
        ]
