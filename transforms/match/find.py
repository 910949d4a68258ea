"""Which of an archive's contents may show the picture at hand: the search of a run, for one picture against all."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.schemas.contents import DIHEDRALS
from mirrorfold.transforms.match.features import Features
from mirrorfold.transforms.match.probes import STORED_WINDOWS
from mirrorfold.transforms.match.signatures import lists, probe_hashes
from mirrorfold.transforms.match.verify import Verifier

COLUMNS = ("content_id", "phash64", "windows64", "dihedral64", "phash64_on_black", "picture_digest")
CROP_COLUMNS = (*COLUMNS, "luma", "luma_on_black")


def may_show(contents: pa.Table, row: pa.Table, picture: Features, radius: int) -> np.ndarray:
    """Tell which contents a picture's hashes come near to, either one's whole to any signature of the other.

    Checks aren't looked at, nor what else makes a coded picture the same: `shown_in` does, of the few that are left.

    Args:
      contents: COLUMNS, or CROP_COLUMNS to look for the picture in all windows, not in the stored ones alone.
      row: the picture's own row of contents; picture: its features, made with probes.
      radius: bits.

    Returns:
      bool (rows,).
    """
    whole = contents.column("phash64").to_numpy()
    near = _within(whole[:, None] ^ picture.hashes[0], radius)
    if "luma" in contents.column_names:
        near |= _within(probe_hashes(contents) ^ picture.hashes[0, 0], radius)
    else:
        for name, length in (("windows64", STORED_WINDOWS), ("dihedral64", DIHEDRALS)):
            values, there = lists(contents.column(name), length)
            near |= _within(values ^ picture.hashes[0, 0], radius) & there
        on_black = contents.column("phash64_on_black")
        apart = pc.fill_null(on_black, 0).to_numpy() ^ picture.hashes[0, 0]
        near |= _within(apart[:, None], radius) & on_black.is_valid().to_numpy()
    for name in ("content_id", "picture_digest"):
        value = row.column(name)[0]
        if value.is_valid:
            near |= pc.fill_null(pc.equal(contents.column(name), value), False).to_numpy()
    return near


def shown_in(verifier: Verifier, picture: pa.Table, contents: pa.Table) -> pa.Table:
    """Judge the contents that may show a picture, as a run would have judged the pairs.

    Args:
      picture: one row of contents, `features.COLUMNS`; contents: those that `may_show` names, the same columns.

    Returns:
      `verify.EDGE_RESULT` of what joins or nearly does; `pair` is the row of contents.
    """
    features = verifier.features(pa.concat_tables([picture, contents]))
    first, others = np.zeros(1, np.int64), np.arange(1, len(features))
    met = verifier.candidates(features, first, others)
    judged = verifier.verify_edges(features, met)
    rows = pa.array(met[judged.column("pair").to_numpy(), 1] - 1)
    return judged.set_column(judged.schema.get_field_index("pair"), judged.schema.field("pair"), rows)


def _within(apart: np.ndarray, radius: int) -> np.ndarray:
    return np.bitwise_count(apart).min(axis=1) <= radius
