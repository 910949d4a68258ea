"""A camera RAW beside the JPEG that was made from it: read, joined upright, and kept as the master it is."""

from __future__ import annotations

import pytest
from PIL import Image

from mirrorfold.configs.policy import load_policy
from tests.fingerprint.test_raw import camera_raw, lying

from .better_pairs import OWNED, Pair, encode, photograph
from .judged import BETTER, WORSE, decide_pairs, judge_pairs

UPRIGHT = photograph(80).crop((60, 0, 330, 360)).resize((600, 800), Image.Resampling.LANCZOS)
PREVIEW = encode(lying(UPRIGHT), "JPEG", quality=92)


def made(make: bytes, dng: bool) -> bytes:
    """Write a RAW of a portrait frame: it states the turn, its preview lies and states none."""
    return camera_raw(make, dng=dng, orientation=6, preview=PREVIEW)


EXPORT = encode(UPRIGHT, "JPEG", quality=95, **OWNED)
PAIRS = {
    name: Pair(made(make, dng), EXPORT + bytes(number + 1), "", False)
    for number, (name, make, dng) in enumerate(
        [("dng", b"LEICA", True), ("nef", b"NIKON", False), ("arw", b"SONY", False)]
    )
}


@pytest.fixture(scope="module")
def judged():
    """Read and verify the pairs."""
    return judge_pairs(PAIRS)


@pytest.mark.parametrize("name", PAIRS)
def test_the_export_joins_its_raw_unrotated_and_as_a_smaller_one(name, judged):
    _, contents, link = judged[name]
    raw = next(row for row in contents.to_pylist() if row["preview"])
    assert raw["media_type"].endswith(name)
    assert (raw["width"], raw["height"]) == (3000, 4000)
    assert (link["joins"], link["kind"]) == (True, "resized")


@pytest.mark.parametrize("policy", ["newsroom", "museum"])
@pytest.mark.parametrize("name", PAIRS)
def test_the_raw_is_the_master_and_stays(policy, name, judged):
    rules = load_policy(policy)
    rules["review"] |= {"min_bytes_freed": 0}
    rules["min_archival_copies"] = 1
    rows = decide_pairs({name: judged[name]}, rules)
    raw, export = (rows[f"s3://x/{name}/{key}"] for key in (BETTER, WORSE))
    assert (raw["role"], raw["action"], raw["rule"]) == ("master", "keep", "master")
    assert export["action"] in ("review", "keep")
    if export["action"] == "review":
        assert export["kept_uri"] == raw["uri"]


def test_no_policy_frees_the_raw_or_what_states_more_beside_it(judged):
    rules = load_policy("training-set")
    rules["review"] |= {"min_bytes_freed": 0}
    rows = decide_pairs(judged, rules)
    assert all(row["action"] != "quarantine" for row in rows.values())
