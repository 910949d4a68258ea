"""The second, more careful measure of pairs that narrowly fit no rule."""

from dataclasses import replace

import numpy as np
import pytest

from mirrorfold.transforms.match.filters import smoothed
from mirrorfold.transforms.match.join import Rule
from mirrorfold.transforms.match.measure import measure
from mirrorfold.transforms.match.rules import Limits
from mirrorfold.transforms.match.second import both_ways, measure_again, refine
from mirrorfold.transforms.match.verify import CHECK_LIMIT, Verifier, judge, judge_twice

from .match_pictures import luma_of, make_contents, photographs
from .test_verify import cut, page

VERIFIER = Verifier(Rule(6, CHECK_LIMIT))
NAMES = ("correlation", "highpass", "residual", "agreement", "crop_area", "shear", "stretch", "reference", "turned")


@pytest.fixture(scope="module")
def features():
    pictures = [page(1), cut(page(1), 0.1), page(2), cut(page(2), 0.15), page(3), photographs()[0]]
    return VERIFIER.features(make_contents(pictures, ({},) * len(pictures)))


@pytest.fixture(scope="module")
def found(features):
    return measure(features, np.array([0, 2, 0, 4]), np.array([1, 3, 2, 5]), VERIFIER.rule)


def test_a_warp_is_found_from_nearby():
    luma = smoothed(luma_of(photographs()[0])[None])[0]
    warp = np.array([1, 0.01, 0.03, -0.01, 1, -0.03])
    assert refine.dispatcher()(luma, luma, warp, 12)
    assert np.abs(warp - [1, 0, 0, 0, 1, 0]).max() < 1e-4


def test_a_pair_is_measured_alike_whatever_the_others_are(features, found):
    together = measure_again(features, found, np.arange(4))
    for pair in range(4):
        alone = measure_again(features, found, np.array([pair]))
        for one, all_ in zip(alone, together, strict=True):
            assert [getattr(one, name)[0] for name in NAMES] == [getattr(all_, name)[pair] for name in NAMES]


def test_the_better_way_round_comes_first(features, found):
    better, other = measure_again(features, found, np.arange(4))
    assert (better.correlation + better.highpass >= other.correlation + other.highpass).all()
    assert (better.reference == other.turned).all()
    assert (better.turned == other.reference).all()


def test_the_worse_of_both_ways_round_counts(features, found):
    better, other = measure_again(features, found, np.arange(2))
    for measures in (better, other):
        residual, agreement = both_ways(features, measures, np.arange(2))
        assert (residual >= measures.residual).all()
        assert (agreement <= measures.agreement).all()
    gaps = [both_ways(features, measures, np.arange(2))[0] - measures.residual for measures in (better, other)]
    assert (np.maximum(*gaps) > 0.01).any()


def test_a_crop_that_narrowly_fits_no_rule_has_a_second_chance(features, found):
    # As if `climb` had left the crop sheared and stretched beyond the limits: measured again, it is within.
    found = found.take(np.array([0, 2, 3]))
    warp, shear, stretch = found.warp.copy(), found.shear.copy(), found.stretch.copy()
    warp[0, 1] += 0.004
    shear[0], stretch[0] = 0.02, 0.03
    bent = replace(found, warp=warp, shear=shear, stretch=stretch)
    assert judge(features, bent, Limits()).column("joins").to_pylist() == [False] * 3
    assert judge_twice(features, bent, Limits()).column("joins").to_pylist() == [True, False, False]
