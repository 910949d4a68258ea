"""A finished run over real files in folders, made without reading pictures: equal bytes are the same picture."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mirrorfold.configs.policy import resolve_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.record.request import REQUEST_PATH, Request
from mirrorfold.schemas.contents import CONTENTS
from mirrorfold.schemas.objects import OBJECTS
from mirrorfold.transforms.listing.live import list_live
from mirrorfold.transforms.stores.api import SourceSpec
from tests.retain.runs import write_run
from tests.retain.tables import clusters, content, failures, fill, pairs, twin


def finished(root: Path, libraries: list[str], policy: str = "", facts: dict[str, dict] | None = None) -> Path:
    """Finish a run over `root/LIBRARY` for each library and give its folder, `root/out`.

    Files that end in .jpg are pictures; of equal ones the first library's is kept. Others weren't read.

    Args:
      facts: columns of `contents` by a file's name.
    """
    out, specs = root / "out", [SourceSpec(name, "live", "file", str(root / name)) for name in libraries]
    listed = pa.concat_tables([t for n, spec in enumerate(specs) for t in list_live(spec, n)])
    rows = listed.select(OBJECTS.schema.names).take(pc.sort_indices(listed, [("uri", "ascending")])).to_pylist()
    unread, twins, known = [], [], {}
    masters: dict[str, str] = {}
    rank = {name: number for number, name in enumerate(libraries)}
    for row in sorted(rows, key=lambda r: (rank[r["library"]], r["uri"])):
        name = row["key"].rpartition("/")[2]
        if not name.endswith(".jpg"):
            unread.append({k: row[k] for k in ("uri", "version", "library")}
                          | {"stage": "skipped", "error": "not-an-image", "message": "by its name"})  # fmt: skip
            continue
        digest = hashlib.sha256((root / row["library"] / row["key"]).read_bytes()).hexdigest()
        row |= {"content_id": digest, "identity_evidence": "read"}
        known.setdefault(
            digest, content(digest) | {"content_id": digest, "size": row["size"]} | (facts or {}).get(name, {})
        )
        masters.setdefault(digest, row["uri"])
    counted = [row["content_id"] for row in rows]
    for row in rows:
        digest = row["content_id"]
        if digest and counted.count(digest) > 1:
            named = {"library": row["library"], "content_id": digest, "cluster_id": digest, "family_id": digest}
            twins.append(twin(row["uri"], digest, digest, is_master=masters[digest] == row["uri"]) | named)
    tables = {
        "objects": fill(OBJECTS, rows), "contents": fill(CONTENTS, [known[d] for d in sorted(known)]),
        "failures": failures(*sorted(unread, key=lambda r: r["uri"])), "clusters": clusters(*twins), "pairs": pairs(),
    }  # fmt: skip
    policy = f"keep_order: [{{library: [{', '.join(libraries)}]}}]\n" + policy
    write_run(out, tables, policy)
    path = out / REQUEST_PATH
    path.parent.mkdir(parents=True)
    path.write_bytes(Request(tuple(specs), Settings(), resolve_policy("version: 1\n" + policy, "p")).to_json())
    return out
