"""`mirrorfold estimate` over real servers: it agrees with the run that follows, and reads next to nothing."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from mirrorfold.configs.policy import load_policy
from mirrorfold.pipelines.estimating.estimate import compared
from tests.mission.archive import libraries
from tests.mission.stores import environment, fill_folder, fill_gcs, fill_s3
from tests.servers import fake_gcs_server, moto_server, recording_proxy

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")
CONFIG = "prices: {currency: HKD, local_per_gb_month: 0.1, regions: {gz: asia-east2}}\nestimate: {near_objects: 30}\n"


def ask(sql: str) -> tuple:
    return duckdb.connect().execute(sql).fetchone()


def mirrorfold(*arguments: str, env: dict | None = None) -> subprocess.CompletedProcess:
    return subprocess.run([MIRRORFOLD, *arguments], env=env, capture_output=True, text=True, timeout=280)


@pytest.fixture(scope="module")
def estimated(tmp_path_factory):
    """Estimate three stores and then run over them; give what was printed, the run's tables and the requests seen."""
    root = tmp_path_factory.mktemp("estimate")
    files = libraries()
    (root / "config.yaml").write_text(CONFIG)
    with (
        moto_server() as s3,
        fake_gcs_server() as gcs,
        recording_proxy(s3.url) as s3_seen,
        recording_proxy(gcs.url) as gcs_seen,
    ):
        fill_s3(s3, "hk-archive", files["hk"])
        fill_gcs(gcs, "gz-mirror", files["gz"])
        fill_folder(root / "tw", files["tw"])
        picture = next(path for path in sorted((root / "tw").rglob("*.jpg")) if path.stat().st_size)
        picture.with_suffix(".xmp").write_text("<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
        env = environment(s3_seen.url, gcs_seen.url, s3)
        line = ["hk=s3://hk-archive", "gz=gs://gz-mirror", f"tw={root / 'tw'}", "--config", str(root / "config.yaml")]
        found = mirrorfold("estimate", *line, "--json", env=env)
        assert found.returncode == 0, found.stderr
        seen = [*s3_seen.requests, *gcs_seen.requests]
        done = mirrorfold("run", *line, "--output", str(root / "out"), env=env)
        assert done.returncode == 0, done.stderr
    return {"figures": json.loads(found.stdout), "seen": seen, "out": root / "out"}


def test_exact_copies_agree_with_the_run(estimated):
    by_bytes = "SELECT sum(bytes_freed), count(*) FROM '{}/decisions/*.parquet' WHERE tier_to_kept = 'identical'"
    size, copies = ask(by_bytes.format(estimated["out"]))
    exact = estimated["figures"]["exact"]
    assert exact["bytes"]["low"] == exact["bytes"]["high"] == size
    assert exact["copies"]["mid"] == copies
    assert estimated["figures"]["exact_two"]["bytes"]["mid"] < size


def test_what_a_run_would_read_agrees_with_what_it_read(estimated):
    counted = f"SELECT count(*) FROM '{estimated['out']}/objects/*.parquet' WHERE content_id IS NOT NULL"
    broken = f"SELECT count(*) FROM '{estimated['out']}/failures/*.parquet' WHERE stage != 'skipped'"
    read = ask(counted)[0] + ask(broken)[0]
    assert estimated["figures"]["work"]["objects"] == read
    assert estimated["figures"]["left_out"] == {"empty": 1, "not-an-image": 2}
    sidecars = ask(f"SELECT sum(size), count(*) FROM '{estimated['out']}/objects/*.parquet' WHERE uri LIKE '%.xmp'")
    load, work = estimated["figures"]["load"], estimated["figures"]["work"]
    assert (load["bytes_read"] - work["bytes_read"], load["get_requests"] - work["reads"]) == sidecars


def test_the_bill_agrees_with_the_run(estimated):
    figures, money = estimated["figures"], "FROM '{}/savings/*.parquet'".format(estimated["out"])
    bill = figures["bill"]
    assert (bill["objects"], bill["bytes"]) == ask(f"SELECT sum(objects), sum(bytes) {money}")
    assert bill["today"]["mid"] == pytest.approx(ask(f"SELECT sum(today_monthly) {money}")[0], abs=1e-5)
    gone = ask(f"SELECT sum(monthly) {money} WHERE action = 'quarantine'")[0]
    assert bill["today"]["mid"] - bill["after"]["mid"] == pytest.approx(gone, rel=0.25), "which copy goes isn't decided"
    assert bill["bytes_now"] == pytest.approx(figures["exact"]["bytes"]["mid"], abs=3)
    places = [(row["library"], row["bucket"], row["region"], row["storage_class"]) for row in figures["savings"]]
    sql = f"SELECT list(DISTINCT (library, bucket, region, storage_class)) {money}"
    assert set(places) == set(ask(sql)[0])
    assert {row["library"] for row in figures["bill_by"]["library"]} == {"hk", "gz", "tw"}


def test_the_money_leaves_as_csv_and_as_json(estimated):
    out = str(estimated["out"])
    done = mirrorfold("export", out, "--what", "savings", "--json")
    said = json.loads(done.stdout)
    with open(said["files"][0], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(said["savings"]) == ask(f"SELECT count(*) FROM '{out}/savings/*.parquet'")[0]
    assert sum(int(row["bytes_freed"]) for row in rows) == sum(row["bytes_freed"] for row in said["savings"])
    assert said["bill"]["today"]["mid"] == pytest.approx(
        sum(float(row["today_monthly"]) for row in rows if row["today_monthly"]), abs=1e-5
    )
    assert set(said["bill_by"]) == {"library", "region", "bucket", "storage_class"}
    refused = mirrorfold("export", out, "--what", "savings", "--to", "rclone")
    assert (refused.returncode, "--to csv" in refused.stderr) == (2, True)


def test_nothing_but_reads_reached_the_sources(estimated):
    assert {method for method, _ in estimated["seen"]} <= {"GET", "HEAD", "OPTIONS"}


def test_the_screen_says_what_a_person_needs(tmp_path):
    fill_folder(tmp_path / "tw", files := libraries()["tw"])
    (tmp_path / "tw" / "a copy.jpg").write_bytes(max(files.values(), key=len))
    (tmp_path / "config.yaml").write_text(CONFIG)
    line = ("estimate", f"gz={tmp_path / 'tw'}", "--config", str(tmp_path / "config.yaml"))
    shown = mirrorfold(*line).stdout
    text = " ".join(re.sub(r"[│╭╮╰╯─]", " ", shown).split())
    for part in (
        "exact copies, one of each kept",
        "near duplicates",
        "compared at full detail: all of them",
        "read again",
        "HKD a month size today without exact copies",
        "A full run would read",
        "confidence",
    ):
        assert part in text, text
    rows = list(csv.DictReader(io.StringIO(mirrorfold(*line, "--csv").stdout)))
    assert {row["action"] for row in rows} == {"keep", "quarantine"}
    assert all(float(row["today_monthly"]) > 0 and row["currency"] == "HKD" for row in rows)


def test_near_duplicates_are_an_interval_around_what_the_run_found(estimated):
    near = estimated["figures"]["near"]
    clusters = (
        "SELECT sum(contents - 1) FROM (SELECT count(DISTINCT content_id) AS contents "
        f"FROM '{estimated['out']}/clusters/*.parquet' GROUP BY cluster_id)"
    )
    assert near["contents"]["low"] <= ask(clusters)[0] <= near["contents"]["high"]
    compared = estimated["figures"]["review"]["compare_gets"]
    assert compared["mid"] == pytest.approx(2 * near["contents"]["mid"])  # both files of each pair
    review = estimated["figures"]["review"]
    assert review["compared"] == "all", "the default policy compares what waits, of so few bytes"
    assert review["compare_bytes"]["mid"] == pytest.approx(near["pair_bytes"] * near["contents"]["mid"])
    assert review["compare_cost"]["mid"] > 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(("--config", "{}/bad.yaml"), "bad.yaml", id="unknown setting"),
        pytest.param(("--config", "{}/book.yaml"), "nowhere.yaml", id="no such price book"),
        pytest.param(("--currency", "dollars"), "currency", id="not a currency"),
    ],
)
def test_bad_settings_end_before_any_work(tmp_path, arguments, says):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    (tmp_path / "bad.yaml").write_text("estimate: {near: 1}")
    (tmp_path / "book.yaml").write_text("prices: {book: nowhere.yaml}")
    done = mirrorfold("estimate", str(tmp_path / "photos"), *(argument.format(tmp_path) for argument in arguments))
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize(
    ("policy", "near_bytes", "says"),
    [
        pytest.param("default", 10 * 10**9, "all", id="as much as the default policy reads again"),
        pytest.param("default", 10 * 10**9 + 1, "none", id="more: what people let go is compared alone"),
        pytest.param("training-set", 10**15, "unasked", id="what goes unasked, however much"),
        pytest.param("museum", 10**15, "all", id="all that waits, however much"),
    ],
)
def test_an_estimate_says_what_a_policy_compares(policy, near_bytes, says):
    assert compared(load_policy(policy), near_bytes) == says
