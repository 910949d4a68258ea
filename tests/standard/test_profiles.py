"""Profiles: our ready policies meet those of their name, and a departure is told by its line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from mirrorfold.configs.policy import load_policy, policy_text
from mirrorfold.configs.profile import MUST, departures, load_profile, ready_profiles
from mirrorfold.pipelines.commands.cli import cli
from mirrorfold.pipelines.errors import UsageError
from standard.words import relations

MEANT = [(name, name) for name in ("museum", "newsroom", "training-set")] + [
    ("default", "archive"), ("default", "stock-library"), ("museum", "archive"),
]  # fmt: skip


def found(policy: str, profile: str) -> list:
    return departures(load_profile(profile), load_policy(policy), policy_text(policy), policy)


@pytest.mark.parametrize(("policy", "profile"), MEANT)
def test_a_ready_policy_meets_every_must(policy: str, profile: str) -> None:
    assert [one for one in found(policy, profile) if one.level == MUST] == []


@pytest.mark.parametrize("name", ready_profiles())
def test_a_profile_names_relations_and_settings_that_exist(name: str) -> None:
    profile = load_profile(name)
    assert set(profile["relations"]) - {"others"} <= set(relations())
    assert "others" in profile["relations"]
    for levels in profile["relations"].values():
        assert set(levels) <= {"MUST", "SHOULD", "MAY"}
        assert set(levels.get("SHOULD", [])) <= set(levels["MUST"]) <= {"keep", "review", "quarantine"}
    assert isinstance(found("default", name), list)  # every setting is one of a policy's


def test_there_are_five() -> None:
    assert ready_profiles() == ["archive", "museum", "newsroom", "stock-library", "training-set"]


@pytest.mark.parametrize(
    ("change", "line", "about"),
    [
        (("identical:    {action: quarantine}\n  same-picture: {action: review}",
          "identical: {action: quarantine}\n"
          "  same-picture: {action: quarantine, verification: {rules: [picture-digest]}}"),
         "same-picture: {action: quarantine", "other-metadata"),
        (("min_archival_copies: 2", "min_archival_copies: 1"), "min_archival_copies: 1", "min_archival_copies"),
        (("packages: keep", "packages: ignore"), "packages: ignore", "belongs_together.packages"),
        (("packages: keep", "packages: ignore"), "packages: ignore", "part-of-package"),
        (("[licence, creator, catalogue_no, capture_time, provenance]", "[licence]"), "[licence]", "conflict_review"),
    ],
)  # fmt: skip
def test_a_departure_is_told_by_its_line(tmp_path, change: tuple[str, str], line: str, about: str) -> None:
    text = policy_text("museum").replace(*change)
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf-8")
    (one,) = (one for one in found(str(path), "museum") if one.level == MUST and one.about == about)
    assert line in text.splitlines()[one.line - 1]
    given = CliRunner().invoke(cli, ["policy", "check", str(path), "--profile", "museum"])
    assert isinstance(given.exception, UsageError)
    assert f"{path}:{one.line}: MUST: " in given.output


def test_the_command_says_what_it_found(tmp_path) -> None:
    said = CliRunner().invoke(cli, ["policy", "check", "museum", "--profile", "museum", "--json"])
    assert said.exit_code == 0
    assert json.loads(said.output)["departures"] == []
    unknown = CliRunner().invoke(cli, ["policy", "check", "museum", "--profile", "zoo"])
    assert "no profile named 'zoo'" in str(unknown.exception)


def test_a_should_alone_ends_well() -> None:
    said = CliRunner().invoke(cli, ["policy", "check", "default", "--profile", "archive"])
    assert said.exit_code == 0
    assert "SHOULD" in said.output


def test_an_accepted_sample_is_peoples_word(tmp_path) -> None:
    text = policy_text("museum").replace(
        "probable:     {action: review}", "probable: {action: quarantine, when: accepted}"
    )
    (tmp_path / "mine.yaml").write_text(text, "utf-8")
    assert [one for one in found(str(tmp_path / "mine.yaml"), "museum") if one.level == MUST] == []
