"""Whatever people, audits and tools do one after the other: nothing is lost that nobody gave away."""

from __future__ import annotations

import os
import random

import pytest

from tests.promises.histories import tell

SEED = int(os.environ.get("MIRRORFOLD_SEED", random.randrange(2**32)))
"""A new one for each session, printed with what fails: MIRRORFOLD_SEED=... tells the same histories again."""


def check(seed: int, histories: int, folder, rot: bool = False) -> None:
    print(f"MIRRORFOLD_SEED={SEED}, batch seed {seed}")
    story = tell(seed, histories, 5, folder, rot)
    assert story.broken == [], f"seed {seed}: verify"
    assert story.lost == [], f"seed {seed}: lost"
    assert story.sent_away > histories // 2, "histories in which nothing goes show nothing"


def test_nothing_is_lost_in_forty_histories(tmp_path):
    check(SEED, 40, tmp_path)


def test_nothing_is_lost_in_forty_more_where_copies_rot(tmp_path):
    check(SEED, 40, tmp_path, rot=True)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(8))
def test_nothing_is_lost_in_a_thousand_histories(tmp_path, batch):
    """In half of them bytes change unseen as well."""
    check(SEED + 1 + batch, 125, tmp_path, rot=batch % 2 == 1)
