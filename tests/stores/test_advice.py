"""A look-up without an answer says what to mend: the right that is missing, or what else the store complained of."""

from __future__ import annotations

import pytest

from mirrorfold.transforms.stores.advice import unanswered
from mirrorfold.transforms.stores.errors import store_error


@pytest.mark.parametrize(
    ("code", "answer", "says"),
    [
        pytest.param("denied", "AccessDenied", "(AccessDenied): grant s3:GetObjectLegalHold", id="a missing right"),
        pytest.param("denied", "SignatureDoesNotMatch", ": the secret key doesn't fit", id="a wrong key is no right"),
        pytest.param("throttled", "SlowDown", "slow down (SlowDown)", id="a busy store wants nothing granted"),
    ],
)
def test_a_look_up_without_an_answer_says_what_to_mend(code: str, answer: str, says: str) -> None:
    said = unanswered(store_error(code, answer), "s3:GetObjectLegalHold")
    assert said.startswith("couldn't ask: ")
    assert says in said
    assert ("grant" in said) == (answer == "AccessDenied")
