"""Actions are listed for exactly the resource types that the program declares."""

from __future__ import annotations

from typing import Any

import yaml

from permissions import rendering
from tests.components.test_the_whole_stack import run
from tests.local_aws import local_aws

ROOT = rendering.FOLDER.parent


def config(stack: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text("utf-8"))
    return dict(found["config"])


def test_each_type_that_either_experience_declares_is_listed_and_no_other() -> None:
    listed = yaml.safe_load((rendering.FOLDER / "resource_types.yaml").read_text("utf-8"))
    with local_aws() as aws:
        # boto3 reads the region only from the second variable.
        environment = {**aws.environment, "AWS_DEFAULT_REGION": aws.estate["region"]}
        declared = {
            resource.type
            for stack in ("dev", "dev-modernized")
            for resource in run(config(stack), environment)
            if resource.type.startswith(("aws:", "azure-native:"))
        }
    assert declared == set(listed)
