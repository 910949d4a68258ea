"""The review page shows what copies of a cluster state beyond the kept one."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from mirrorfold.schemas.merged_record import MERGED_RECORD
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.publish.details import gather_proposals
from mirrorfold.transforms.publish.pages import page_item
from mirrorfold.transforms.retain.merged_record import ASKED, INPUTS, merged_record
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.runs import write_run
from tests.retain.tables import clusters, content, content_id, contents, failures, obj, objects, pairs, twin


def test_of_a_pair_that_waits_the_candidates_values_are_proposed(tmp_path):
    names = ("a", "b")
    low, high = sorted(map(content_id, names))
    tables = {
        "objects": objects(*(obj(f"s3://hk/{n}", n, size=10**9) for n in names)),
        "contents": contents(content("a", creator="Bo", size=10**9), content("b", credit="Ann", creator="Cy")),
        "pairs": pairs({"content_a": low, "content_b": high, "tier": "near-certain", "kind": "resized",
                        "in_cluster": True, "rule": "x", "reason": "master"}),
        "failures": failures(),
        "clusters": clusters(*(twin(f"s3://hk/{n}", n, "a", is_master=n == "a", tier="near-certain") for n in names)),
    }  # fmt: skip
    made = write_run(tmp_path, tables)
    assert "review" in made["decisions"].column("action").to_pylist()
    assert made["merged_record"].num_rows == 0
    with connect(LocalOutput(str(tmp_path)), *INPUTS) as connection:
        proposed = merged_record(connection, ASKED)
    kept = proposed.column("uri")[0].as_py()
    assert {row["field"] for row in proposed.to_pylist()} >= {"creator"}
    shown = _shown(proposed, kept)
    item = {"pairs": [{"cluster_id": "c", "place": 0}], "contents": [], "objects": [], "proposals": shown}
    item["pairs"] = [dict.fromkeys(PAIR, None) | {"cluster_id": "c", "place": 0, "reason": "", "kind": ""}]
    rows = page_item(item, lambda _: None)["record"]
    assert rows == [[r["field"], r["value"], r["state"], r["from_uri"]] for r in shown]
    assert rows[0][2] == "conflict"


PAIR = ("pair", "warp", "kept", "other", "kind_text", "rule", "conflicts", "objects", "bytes_if_same", "d_phash64",
        "correlation", "w")  # fmt: skip


def _shown(proposed: pa.Table, kept: str) -> list[dict]:
    """Gather as the pages do: the cluster is item 0 of the queue, another one that nobody asks about isn't shown."""
    connection = duckdb.connect()
    connection.execute("create table queue as select 0 item, 'c' cluster_id union all select 9, 'other'")
    connection.execute("create table shown as select 0 item, 'x' content_id")
    stranger = proposed.slice(0, 1).to_pylist()[0] | {"uri": "s3://hk/else"}
    rows = pa.concat_tables([proposed, pa.Table.from_pylist([stranger], schema=MERGED_RECORD.schema)])
    connection.execute(
        "create table decisions as select ? uri, '' version, 'c' cluster_id"
        " union all select 's3://hk/else', '', 'other'",
        [kept],
    )
    gather_proposals(connection, rows)
    made = connection.sql("select * from shown_proposals order by state = 'conflict' desc, field").to_arrow_table()
    assert made.num_rows == proposed.num_rows
    return made.to_pylist()
