"""Alignment of single tries: nothing of one shows in the next."""

import numpy as np
import pytest

from mirrorfold.transforms.match.align import IDENTITY, align_coarse, align_fine, prepare_coarse, prepare_fine
from mirrorfold.transforms.match.probes import turn
from mirrorfold.transforms.match.tries import MOVES, reversed_warps, turned

from .match_pictures import luma_of, photographs

OFF = np.array([[1, 0.01, 0.05, -0.01, 1, -0.05]])


@pytest.fixture(scope="module")
def lumas():
    return np.stack([luma_of(picture) for picture in photographs()[:3]])


@pytest.mark.parametrize("before", [None, 1, 2], ids=["alone", "after-one", "after-another"])
def test_a_warp_that_comes_back_to_its_start_is_put_there(lumas, before):
    # A caption-like patch, so that the pair isn't clear as it lies.
    marked = lumas[:1].copy()
    marked[:, 20:40, 10:50] = 255
    prepared = prepare_fine(np.concatenate([lumas, marked]))
    rows = np.array([0] if before is None else [before, 0])
    others = np.array([3] if before is None else [0, 3])
    warps = np.tile(OFF, (len(rows), 1))
    align_fine(prepared, rows, others, np.tile([IDENTITY], (len(rows), 1)), warps)
    assert warps[-1].tolist() == list(IDENTITY)


def test_a_crop_is_found_from_nearby(lumas):
    prepared = prepare_coarse(lumas)
    warps = OFF.copy()
    scores = align_coarse(prepared, np.array([0]), np.array([0]), warps)
    assert scores[0, 1] > 0.99
    assert np.abs(warps[0] - IDENTITY).max() < 0.002


@pytest.mark.parametrize("symmetry", range(8))
def test_a_symmetry_is_a_part_of_the_warp(lumas, symmetry):
    both = np.concatenate([np.ascontiguousarray(turn(lumas[:1], symmetry)), lumas[:1]])
    onto = turned(np.array([IDENTITY]), np.array([0]))
    onto[:, [0, 1, 3, 4]] = np.linalg.inv(MOVES[symmetry]).ravel()
    scores = align_coarse(prepare_coarse(both), np.array([0]), np.array([1]), onto.copy(), steps=0)
    assert scores[0, 0] == pytest.approx(1, abs=1e-5)
    assert np.allclose(reversed_warps(reversed_warps(onto)), onto)
