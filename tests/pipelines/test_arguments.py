"""Beam's options and ours on one command line."""

from __future__ import annotations

import pytest

from mirrorfold.pipelines.commands.arguments import split_arguments
from mirrorfold.pipelines.errors import UsageError

OURS = ["--output", "--log-json"]


@pytest.mark.parametrize(
    ("line", "mine", "theirs"),
    [
        ("hk=s3://a --output x", "hk=s3://a --output x", ""),
        ("a --runner=FlinkRunner --output=x", "a --output=x", "--runner=FlinkRunner"),
        ("--runner FlinkRunner a b", "a b", "--runner FlinkRunner"),
        ("a --streaming b", "a b", "--streaming"),
        ("a --parallelism=2 --log-json", "a --log-json", "--parallelism=2"),
        ("a -- --runner=x", "a -- --runner=x", ""),
    ],
)
def test_split(line: str, mine: str, theirs: str) -> None:
    assert split_arguments(line.split(), OURS) == (mine.split(), theirs.split())


@pytest.mark.parametrize(("typo", "meant"), [("--outptu", "--output"), ("--runer=x", "--runner")])
def test_a_typo_names_what_was_meant(typo: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean {meant}"):
        split_arguments([typo], OURS)
