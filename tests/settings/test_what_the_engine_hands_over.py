from __future__ import annotations

import settings


def test_structured_values_come_as_json_text() -> None:
    assert settings.stack_config(
        "ec2-to-azure",
        {
            "ec2-to-azure:waves": '{"pilot": {"machines": ["web-01"]}}',
            "ec2-to-azure:experience": "classic",
            "aws:region": "eu-west-1",
        },
    ) == {
        "waves": {"pilot": {"machines": ["web-01"]}},
        "experience": "classic",
        "aws:region": "eu-west-1",
    }


def test_unknown_keys_of_the_project_are_kept_so_that_they_can_be_refused() -> None:
    assert settings.stack_config("p", {"p:wavez": "1", "p:x": "{no json"}) == {
        "wavez": "1",
        "x": "{no json",
    }


def test_other_namespaces_are_not_ours_to_judge() -> None:
    config = {"aws:profile": "a", "azure-native:environment": "public", "other:waves": "{}"}
    assert settings.stack_config("p", config) == {}
