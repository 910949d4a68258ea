"""A finished run's tables in an Iceberg catalogue: found there by others, an audit as the next snapshot."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import NoSuchNamespaceError

from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.finished.register import register
from mirrorfold.schemas.catalogue import TABLES
from mirrorfold.transforms.blocks import parquet
from mirrorfold.transforms.blocks.parquet import replace_table, to_parquet
from mirrorfold.transforms.stores.output import LocalOutput
from mirrorfold.transforms.stores.ranged import OutputFiles, RangedFile
from tests.retain.runs import write_run
from tests.retain.tables import clusters, content, contents, failures, obj, objects, pairs, twin

HIGH = (1 << 64) - 1


def finished(folder: Path, *keys: str) -> Path:
    """A run over one picture's copies, whose hashes are as high as hashes can be."""
    rows = [obj(f"s3://b/{key}", "a") for key in keys]
    twins = [twin(row["uri"], "a", "a", is_master=row is rows[0]) for row in rows]
    write_run(
        folder,
        {
            "objects": objects(*rows),
            "contents": contents(content("a", windows64=[HIGH] * 9)),
            "failures": failures(),
            "clusters": clusters(*twins),
            "pairs": pairs(),
        },
    )
    return folder


def test_tables_are_found_in_the_catalogue_and_an_audit_is_the_next_snapshot(tmp_path: Path):
    catalog = f"sqlite:///{tmp_path}/catalog.db"
    one, other = finished(tmp_path / "one", "x", "y"), finished(tmp_path / "other", "x", "y", "z")
    bytes_before = {path: path.read_bytes() for path in one.rglob("*") if path.is_file()}
    made = register(str(one), catalog)
    assert (made.tables["objects"], made.new) == (2, True)
    assert made.tables.keys() <= TABLES.keys()
    assert register(str(one), catalog) == made._replace(new=False), "the same run is there already"
    later = register(str(other), catalog)
    assert {path: path.read_bytes() for path in one.rglob("*") if path.is_file()} == bytes_before

    opened = load_catalog("default", type="sql", uri=catalog)
    for name in made.tables:
        table = opened.load_table(f"mirrorfold.{name}")
        for tag, folder in ((made.tag, one), (later.tag, other)):
            snapshot = table.snapshot_by_name(tag)
            found = table.scan(snapshot_id=snapshot.snapshot_id).to_arrow()
            assert found.num_rows == pq.read_table(folder / name).num_rows, (name, tag)
    table = opened.load_table("mirrorfold.objects")
    assert table.scan(row_filter="uri = 's3://b/z'").to_arrow()["key"].to_pylist() == ["z"]
    assert table.schema().find_field("uri").doc == TABLES["objects"].schema.field("uri").metadata[b"doc"].decode()


@pytest.mark.parametrize("broken", ["no run", "no catalogue"])
def test_what_cannot_be_registered_is_one_line(tmp_path: Path, broken: str):
    run = tmp_path if broken == "no run" else finished(tmp_path / "run", "x")
    catalog = f"sqlite:///{tmp_path}/c.db" if broken == "no run" else "nobody-named-it"
    with pytest.raises(UsageError, match=r"holds no finished run|there is no catalogue nobody-named-it") as caught:
        register(str(run), catalog)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("catalog", "said"),
    [
        ("sqlite:////nowhere/at/all.db", "unable to open database file"),
        ("http://127.0.0.1:9/x", "Max retries"),
        ("nonsense://x", "Can't load plugin"),
    ],
    ids=["no such place", "nobody listens", "no such kind"],
)
def test_a_catalogue_that_cannot_be_used_is_one_line(tmp_path: Path, catalog: str, said: str):
    with pytest.raises(UsageError, match="there is no catalogue") as caught:
        register(str(finished(tmp_path, "x")), catalog)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_catalogue_that_fails_later_is_one_line_and_a_mistake_of_ours_is_not(tmp_path: Path, monkeypatch):
    folder = finished(tmp_path, "x")
    for error, kind in (
        (NoSuchNamespaceError("gone"), UsageError),
        (OSError("disk full"), UsageError),
        (KeyError("a typo"), KeyError),
        (TypeError("None"), TypeError),
    ):
        monkeypatch.setattr("mirrorfold.pipelines.finished.register._replace", Raises(error))
        with pytest.raises(kind):
            register(str(folder), f"sqlite:///{tmp_path}/catalog.db")


class Raises:
    """A call that fails."""

    def __init__(self, error: Exception):
        self.error = error

    def __call__(self, *_) -> None:
        raise self.error


def test_a_column_has_an_index_of_many_pages(tmp_path: Path):
    rows = objects(*(obj(f"s3://b/{number:06d}/{'long name ' * 20}.jpg", "a") for number in range(20_000)))
    (tmp_path / "t.parquet").write_bytes(to_parquet(rows))
    column = pq.ParquetFile(tmp_path / "t.parquet").metadata.row_group(0).column(rows.schema.get_field_index("uri"))
    assert column.has_column_index
    assert column.has_offset_index
    assert column.total_uncompressed_size > 8 * (256 << 10), "its pages are a part of it"


class Counting(OutputFiles):
    """DIR's files for DuckDB, and how many bytes of them were read."""

    read = 0

    def _open(self, path: str, mode: str = "rb", **_):
        data = self._store.get(self._strip_protocol(path))

        def part(start: int, stop: int) -> bytes:
            self.read += stop - start
            return data[start:stop]

        return RangedFile(len(data), part)


def test_a_look_up_of_one_object_reads_one_row_group_of_the_columns_asked_for(tmp_path: Path, monkeypatch):
    """DuckDB prunes row groups, not pages; docs/questions.md says what a reader that knows the page index reads."""
    monkeypatch.setattr(parquet, "ROW_GROUP", 5_000)
    names = [f"s3://b/{number:06d}/{hashlib.sha256(str(number).encode()).hexdigest()}.jpg" for number in range(12_000)]
    output = LocalOutput(str(tmp_path))
    replace_table(output, TABLES["objects"], objects(*(obj(name, "a") for name in names)))
    (path,) = output.list("objects/")
    files = Counting(output)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register_filesystem(files)
        sql = f"select uri, version, etag from read_parquet('{files.name(path)}') where uri = ?"
        assert connection.execute(sql, [names[777]]).fetchall()[0][0] == names[777]
    footer = pq.read_metadata(tmp_path / path)
    chunks = [[footer.row_group(group).column(at) for at in range(footer.num_columns)] for group in range(3)]
    asked = [
        sum(c.total_compressed_size for c in group if c.path_in_schema in ("uri", "version", "etag"))
        for group in chunks
    ]
    assert files.read < max(asked) + 50_000 < 0.6 * sum(asked)
