"""A policy in words says each of its rules."""

from __future__ import annotations

import pytest

from mirrorfold.configs.policy import load_policy, ready_policies
from mirrorfold.transforms.publish.languages import LANGUAGES
from mirrorfold.transforms.publish.policy_words import policy_lines


def said(policy: dict, language: str = "en") -> str:
    return "\n".join(str(line[language]) for line in policy_lines(policy))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ready_policies())
def test_every_ready_policy_can_be_said(name: str, language: str) -> None:
    assert len(said(load_policy(name), language).splitlines()) >= 7


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"min_archival_copies": 2}, "At least 2 copies"),
        ({"protect": ["**/masters/**"]}, "**/masters/**"),
        ({"scopes": [{"name": "hk", "jurisdiction": "HK", "min_copies": 1}]}, "In “<bdi>hk</bdi>” (<bdi>HK</bdi>)"),
        ({"tiers": {"probable": {"action": "quarantine"}}}, "probable: freed without asking"),
        ({"quarantine": {"days": 30}}, "30 days in quarantine"),
        ({"approval": {"required_roles": ["curator"]}}, "curator"),
        ({"review": {"min_bytes_freed": 5_000_000}}, "less than 5 MB"),
        ({"protect": ["<script>"]}, "&lt;script&gt;"),
    ],
    ids=["copies", "protect", "scope", "tier", "days", "roles", "cut-off", "hostile"],
)
def test_a_rule_is_said(change: dict, words: str) -> None:
    assert words in said(load_policy("default") | change)
