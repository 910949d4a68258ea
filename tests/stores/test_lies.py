"""A store that lies: what can't be relied upon ends in `failures` or ends the run, and nothing is planned from it."""

from __future__ import annotations

import datetime
from collections import Counter

import duckdb
import pytest

from demo.archive import encode, photographs
from mirrorfold.pipelines.sources import check_sources
from mirrorfold.transforms.listing import watch
from mirrorfold.transforms.listing.live import list_live, plan_live
from mirrorfold.transforms.listing.ranges import KeyRange
from mirrorfold.transforms.stores.api import ObjectRef, SourceSpec, StoreError
from mirrorfold.transforms.stores.clock import in_force
from mirrorfold.transforms.stores.sources import open_stores
from tests.mission.test_five_stores import mirrorfold
from tests.stores.lying import LISTINGS, Liar, lying

pytestmark = pytest.mark.usefixtures("no_ambient_credentials")
SPEC = SourceSpec("lib", "live", "s3", "b", object_lock=None)
KEYS = [f"{name}/{number:03d}.jpg" for name in "abc" for number in range(30)]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch):
    """Let clients find a liar."""

    def use(liar: Liar) -> None:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": liar.url}.items():
            monkeypatch.setenv(name, value)

    return use


@pytest.mark.parametrize("about", ["", *LISTINGS])
def test_a_listing_is_whole_or_none(known, about: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watch, "MOST_STILL", 50)
    with lying(Liar(dict.fromkeys(KEYS, b"x"), about, page=7)) as liar:
        known(liar)
        if about in ("same page for ever", "a page twice", "odd order later"):
            with pytest.raises(StoreError, match="nothing was planned from it"):
                listed(7)
        else:
            assert listed(7) == Counter(KEYS), "each key once"


def listed(limit: int) -> Counter:
    """List as a run does, but that one range is all: None where no range can be cut."""
    keys = plan_live(SPEC, limit=limit) and KeyRange()
    found: Counter = Counter()
    for block in list_live(SPEC, 0, keys, limit=limit):
        found.update(block["key"].to_pylist())
    return found


@pytest.mark.parametrize("hours", [1, -1])
def test_a_retention_that_ended_by_our_clock_alone_still_holds(known, hours: int):
    over = datetime.datetime.now(datetime.UTC) - HOUR / 2
    with lying(Liar({"kept.jpg": b"x", "free.jpg": b"x"}, ahead=hours * HOUR)) as liar:
        liar.locks = {"kept.jpg": over, "free.jpg": over - 48 * HOUR}
        known(liar)
        rows = {row["key"]: row for block in list_live(SPEC, 0) for row in block.to_pylist()}
        holds = [open_stores((SPEC,)).hold(ref_of(rows[key])).hold for key in ("kept.jpg", "free.jpg")]
    assert holds == ["yes", "no"]
    assert in_force(over)


def test_a_store_that_refuses_our_clock_says_so_before_any_work(known):
    with lying(Liar({"a.jpg": b"x"}, ahead=HOUR, judges=True)) as liar:
        known(liar)
        with pytest.raises(Exception, match="clock is wrong: set it"):
            check_sources([SPEC])


def test_short_bursts_of_errors_are_sat_out(known):
    with lying(Liar({"a.jpg": b"abc"}, bursts=2)) as liar:
        known(liar)
        (row,) = (row for block in list_live(SPEC, 0) for row in block.to_pylist())
        assert open_stores((SPEC,)).read(ref_of(row)) == b"abc"
    assert liar.failed == {"a.jpg": 2}


def test_nothing_is_planned_from_what_lies(tmp_path):
    pictures = [encode(picture.resize((120, 90)), "JPEG", quality=90) for _, picture in list(photographs())[:4]]
    true = {f"true/{number}.jpg": data for number, data in enumerate(pictures)}
    lies = {"another.jpg": "etag", "short.jpg": "short", "fails.jpg": "fails"}
    objects = true | dict(zip(lies, pictures, strict=False)) | {"honest.jpg": pictures[3]}
    config = tmp_path / "config.yaml"
    config.write_text("fingerprint: {max_store_failures: 1}\n", encoding="utf-8")
    with lying(Liar(objects, reads=lies)) as liar:
        env = {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": liar.url, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        out = str(tmp_path / "out")
        done = mirrorfold("run", "lib=s3://b", "--output", out, "--config", str(config), env=env)
    assert done.returncode == 0, done.stderr
    assert {method for method, _ in liar.requests} <= {"GET", "HEAD"}
    failed = duckdb.sql(f"SELECT uri, error FROM '{out}/failures/*.parquet' ORDER BY uri").fetchall()
    assert failed == [
        ("s3://b/another.jpg", "vanished"),
        ("s3://b/fails.jpg", "unreachable"),
        ("s3://b/short.jpg", "vanished"),
    ]
    query = f"SELECT uri, kept_uri FROM '{out}/decisions/*.parquet' WHERE action = 'quarantine'"
    planned = [uri for row in duckdb.sql(query).fetchall() for uri in row]
    assert len(planned) == 2, "the honest copies are decided as ever"
    assert not {f"s3://b/{name}" for name in lies} & set(planned)


def ref_of(row: dict) -> ObjectRef:
    return ObjectRef(**{name: row[name] for name in ObjectRef._fields})
