"""One command over S3, GCS, Azure, an OSS-like store and a folder, as a user gives it, on real servers.

Every request is recorded.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.mission.archive import libraries
from tests.mission.stores import environment, fill_azure, fill_folder, fill_gcs, fill_s3
from tests.servers import azurite_server, fake_gcs_server, moto_server, recording_proxy
from tests.stores.personality import PERSONALITIES, personality_world
from tests.worlds import azure_environment

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")
READS = {"GET", "HEAD", "OPTIONS"}


def mirrorfold(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess:
    """Run the installed command."""
    return subprocess.run([MIRRORFOLD, *arguments], env=env, capture_output=True, text=True, timeout=280)


def archive() -> dict[str, dict[str, bytes]]:
    """Make five libraries that share pictures: two more mirrors beside the common three."""
    files = libraries()
    photos = {key: data for key, data in files["hk"].items() if key.startswith("photos/")}
    return files | {
        "jp": {f"写真/{key.partition('/')[2]}": data for key, data in photos.items()},
        "sz": {f"mirror/{key}": data for key, data in photos.items()},
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Run the mission over five stores; give the folder, the recorders and what was printed."""
    root = tmp_path_factory.mktemp("mission")
    files = archive()
    with contextlib.ExitStack() as stack:
        s3, gcs, azure = (stack.enter_context(start()) for start in (moto_server, fake_gcs_server, azurite_server))
        account = "/" + azure.access_key
        seen = {
            "s3": stack.enter_context(recording_proxy(s3.url)),
            "gcs": stack.enter_context(recording_proxy(gcs.url)),
            "azure": stack.enter_context(recording_proxy(azure.url.removesuffix(account))),
        }
        oss = stack.enter_context(personality_world(PERSONALITIES["oss"]))
        fill_s3(s3, "hk-archive", files["hk"])
        fill_gcs(gcs, "gz-mirror", files["gz"])
        fill_folder(root / "tw", files["tw"])
        fill_azure(azure, "jp-archive", files["jp"])
        for key, data in files["sz"].items():
            oss.put(key, data)
        env = environment(seen["s3"].url, seen["gcs"].url, s3) | oss.environment
        env |= azure_environment(azure, seen["azure"].url + account)
        config = root / "config.yaml"
        # Filled within the same seconds, mirrors look like one disk by several ways: the operator says what they are.
        stated = {"sz": {"endpoint": oss.spec.endpoint, "object_lock": "none"}, "jp": {"lifecycle": "none"}, "gz": {}}
        stated = {library: {**said, "replica": True} for library, said in stated.items()}
        config.write_text(json.dumps({"sources": stated}), "utf-8")
        sources = ["hk=s3://hk-archive", "gz=gs://gz-mirror", f"tw={root / 'tw'}", "jp=az://jp-archive"]
        sources += [f"sz=s3://{oss.spec.bucket}", "--config", str(config)]
        done = mirrorfold("run", *sources, "--output", str(root / "out"), env=env)
        again = mirrorfold("run", *sources, "--output", str(root / "out"), env=env)
        yield {
            "root": root,
            "out": root / "out",
            "done": done,
            "again": again,
            "seen": {name: recorder.requests for name, recorder in seen.items()} | {"oss": oss.requests},
            "env": env,
        }


@pytest.fixture(scope="module")
def sql(finished):
    """Ask the tables in DuckDB, as README shows."""
    connection = duckdb.connect()
    for table in ("objects", "contents", "failures", "pairs", "clusters", "decisions", "savings"):
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM '{finished['out']}/{table}/*.parquet'")
    return lambda query: connection.execute(query).fetchall()


def test_it_ends_well(finished) -> None:
    assert finished["done"].returncode == 0, finished["done"].stderr
    assert (finished["out"] / "_SUCCESS").exists()
    assert (finished["out"] / "report.html").exists()
    assert "Can be freed now" in finished["done"].stdout


def test_every_object_is_listed_with_its_key(finished, sql) -> None:
    wanted = {(library, key) for library, files in archive().items() for key in files}
    assert set(sql("SELECT library, key FROM objects")) == wanted


def test_every_object_is_decided_once(finished, sql) -> None:
    listed = sum(len(files) for files in archive().values())
    assert sql("SELECT count(*), count(DISTINCT (uri, version)) FROM decisions") == [(listed, listed)]


def test_in_equals_out(finished, sql) -> None:
    [(objects, read, failed)] = sql(
        "SELECT (SELECT count(*) FROM objects), (SELECT count(*) FROM objects WHERE content_id IS NOT NULL), "
        "(SELECT count(*) FROM failures)"
    )
    assert objects == read + failed


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("broken/truncated.jpg", "truncated"),
        ("broken/bomb.png", None),
        ("broken/empty.jpg", "empty"),
        ("notes.txt", "not-an-image"),
    ],
    ids=["truncated", "bomb", "empty", "text"],
)
def test_bad_files_are_failures_or_contents(finished, sql, key: str, code: str | None) -> None:
    found = sql(f"SELECT error FROM failures JOIN objects USING (uri, version) WHERE key = '{key}'")
    if code is not None:
        assert found == [(code,)]
    else:
        read = sql(f"SELECT count(*) FROM objects WHERE key = '{key}' AND content_id IS NOT NULL")
        assert len(found) + read[0][0] == 1


def test_copies_are_grouped_across_all_five(finished, sql) -> None:
    rows = sql(
        "SELECT content_id FROM clusters GROUP BY content_id "
        "HAVING count(DISTINCT library) = 5 AND count(DISTINCT cluster_id) = 1"
    )
    photos = [key for key in libraries()["hk"] if key.startswith("photos/")]
    assert len(rows) == len(photos)


def test_each_variant_is_in_its_pictures_cluster(finished, sql) -> None:
    apart = sql(
        """
        SELECT o.key FROM objects o JOIN clusters c USING (uri, version)
        JOIN objects p ON p.library = 'hk'
          AND p.key = 'photos/' || regexp_extract(o.key, '([^/]+)\\.[a-z]+$', 1) || '.jpg'
        JOIN clusters d ON d.uri = p.uri AND d.version = p.version
        WHERE (o.key LIKE 'web/%' OR o.key LIKE 'png/%') AND c.family_id <> d.family_id
        """
    )
    assert apart == []


def test_receipts_and_blanks_stay_apart(finished, sql) -> None:
    sure = sql(
        "SELECT o.key FROM clusters c JOIN objects o USING (uri, version) "
        "WHERE (o.key LIKE 'receipts/%' OR o.key LIKE 'blank/%') AND c.tier <> 'probable' "
        "AND NOT c.is_master"
    )
    assert sure == []


def test_only_exact_copies_are_quarantined_unasked(finished, sql) -> None:
    assert sql("SELECT DISTINCT tier_to_kept FROM decisions WHERE action = 'quarantine'") == [("identical",)]


@pytest.mark.parametrize("store", ["s3", "gcs", "azure", "oss"])
def test_sources_saw_only_reads(finished, store: str) -> None:
    assert finished["seen"][store]
    assert {method for method, _ in finished["seen"][store]} <= READS


def test_a_second_run_does_nothing_again(finished) -> None:
    assert finished["again"].returncode == 0
    assert "already finished" in finished["again"].stderr


def test_verify_is_green(finished) -> None:
    verified = mirrorfold("verify", str(finished["out"]), env=finished["env"])
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_run_json_counts_what_the_tables_hold(finished, sql) -> None:
    record = json.loads((finished["out"] / "run.json").read_text())
    assert {name: record["counts"][name] for name in ("objects", "contents", "decisions")} == {
        name: sql(f"SELECT count(*) FROM {name}")[0][0] for name in ("objects", "contents", "decisions")
    }
