"""A run's tables as DuckDB views, with what the checks share derived from the listing, never from the decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from mirrorfold.schemas.belongings import PICTURES
from mirrorfold.schemas.decisions import DECISIONS
from mirrorfold.schemas.failures import CODES, STAGES
from mirrorfold.schemas.merged_record import LIST_FIELDS, TEXT_FIELDS
from mirrorfold.schemas.objects import FRAIL_CLASSES
from mirrorfold.schemas.table import Table
from mirrorfold.schemas.uri import UNCARRIABLE
from mirrorfold.transforms.blocks.sql import parquet_files, quoted
from mirrorfold.transforms.verify.model import Expected

RESTRAINTS = (
    "package", "delete-marker", "noncurrent", "link", "door", "passing", "quarantine-place", "expiring",
    "lifecycle-unknown", "same-copy", "replica", "no-precondition", "md5-only", "unconfirmed",
)  # fmt: skip
"""Rules that keep an object whatever its copies are."""
AT_LEAST = ("min_correlation", "min_highpass", "min_crop_area")

SPELLING = (
    "CREATE MACRO decoded(u) AS coalesce(try(url_decode(u)), u)",
    r"""CREATE MACRO rooted(u) AS regexp_replace(u, '^(file:/*(localhost/)?|/+)', '/')""",
    "CREATE MACRO squeezed(u) AS CASE WHEN starts_with(u, '/') THEN regexp_replace(u, '/+', '/', 'g') ELSE u END",
    r"""CREATE MACRO plain(u) AS squeezed(rooted(regexp_replace(
        regexp_replace(lower(nfc_normalize(replace(decoded(decoded(decoded(u))), '+', ' '))), '^\s+|\s+$', '', 'g'),
        '^(s3|s3a|s3n|gs|gcs|az)://', '')))""",
    r"""CREATE MACRO of_line(u) AS regexp_replace(regexp_replace(regexp_replace(
        regexp_replace(u, '^[\s''"\x{feff}\x{200b}]+|[\s''"\x{feff}\x{200b}]+$', '', 'g'),
        '^https?://([^/]+?)[.](s3[.a-z0-9-]*[.]amazonaws[.]com|storage[.]googleapis[.]com)/([^?#]*).*$',
        's3://\1/\3', 'i'), '^https?://[^/]+/([^?#]*).*$', 's3://\1', 'i'), '[?]versionid=[^/]*$', '', 'i')""",
)
"""One form for the spellings of a URI, written apart from the one that the decisions use."""


def open_tables(
    files: Mapping[Table, Sequence[str]], expected: Expected, folder_uri: str, work: str, before: Sequence[str] = ()
):
    """Open an in-memory database over Parquet files.

    Args:
      files: local paths of each table's shards; none makes an empty table.
      folder_uri: how a listed object inside the run's own folder would begin.
      work: a folder for what doesn't fit memory.
      before: local paths of the previous run's decisions; none where it has none, or isn't there.
    """
    db = duckdb.connect(config={"temp_directory": work, "preserve_insertion_order": "false"})
    for table, paths in files.items():
        if paths:
            db.execute(f"CREATE VIEW {table.name} AS SELECT * FROM {parquet_files(paths)}")
        else:
            db.register(table.name, table.empty())
    _register(db, expected, folder_uri)
    _remember(db, expected, before)
    _derive(db, expected)
    return db


def _register(db: duckdb.DuckDBPyConnection, expected: Expected, folder_uri: str) -> None:
    names = pa.schema([("name", pa.string())])
    plain = {
        "failure_stages": pa.table({"name": list(STAGES)}, schema=names),
        "failure_codes": pa.table({"name": list(CODES)}, schema=names),
        "restraints": pa.table({"name": RESTRAINTS}, schema=names),
        "protected": pa.table({"regex": pa.array(expected.protect, pa.string())}),
        "run_folder": pa.table({"start": pa.array([folder_uri])}),
        "fewest": pa.table(
            {
                "place": pa.array(list(expected.fewest), pa.string()),
                "copies": pa.array(list(expected.fewest.values()), pa.int64()),
            }
        ),
        "rulings": pa.table(
            {
                "content_a": pa.array([pair[0] for pair in expected.rulings], pa.string()),
                "content_b": pa.array([pair[1] for pair in expected.rulings], pa.string()),
                "outcome": pa.array([outcome for outcome, _ in expected.rulings.values()], pa.string()),
                "opened": pa.array([pair in expected.opened for pair in expected.rulings], pa.bool_()),
            }
        ),
        "hold_lines": pa.table(
            {
                "line": pa.array([line for line, _ in expected.holds], pa.string()),
                "regex": pa.array([regex for _, regex in expected.holds], pa.string()),
            }
        ),
        "expected": pa.table(
            {
                "policy_hash": [expected.policy_hash],
                "min_archival_copies": [expected.min_archival_copies],
                "md5": [expected.md5],
                "replicas": [expected.replicas],
                "lifecycle_unknown": [expected.lifecycle_unknown],
                "identical": [expected.tiers["identical"][0]],
                "plan": [expected.plan],
                "reread": [bool(expected.handed and expected.handed[0])],
                "listed": [expected.handed[1] if expected.handed else 0],
                "wave": pa.array([expected.handed[2] if expected.handed else None], pa.int32()),
                "conflict_review": pa.array([list(expected.conflict_review)], pa.list_(pa.string())),
                **{name: [expected.together.get(name, "")] for name in ("packages", "page_runs", "companions")},
            }
        ),
    }
    plain["looked"] = pa.table(
        {
            "start": pa.array([start for start, _ in expected.looked], pa.string()),
            "left_out": pa.array(["|".join(regexes) or None for _, regexes in expected.looked], pa.string()),
        }
    )
    nothing = pa.table({name: pa.array([], pa.string()) for name in ("uri", "package")})
    plain["pointed"] = nothing if expected.pointed is None else expected.pointed
    for name, table in plain.items():
        db.register(name, table)


def _remember(db: duckdb.DuckDBPyConnection, expected: Expected, before: Sequence[str]) -> None:
    """Say again, from the previous run's decisions, what its plan named and what it listed: the view `before`."""
    if before:
        # Columns that an older run doesn't have are null.
        db.register("decisions_form", DECISIONS.empty())
        db.execute(f"""
            CREATE VIEW previous AS SELECT * FROM decisions_form
            UNION ALL BY NAME SELECT * FROM {parquet_files(before)}""")
    else:
        db.register("previous", DECISIONS.empty())
    kept = (("remembered", expected.remembered), ("outside", expected.outside), ("in_hands", expected.in_hands))
    for name, rows in (*kept, ("lists", expected.lists)):
        db.register(name, DECISIONS.empty() if rows is None else rows)
    named = "false" if expected.withdrawn else "action = 'quarantine' OR earlier = 'planned'"
    db.execute(f"""
        CREATE VIEW before AS SELECT uri, version, etag, size, coalesce(content_id, read_sha256) AS sha256,
            coalesce({named} OR action = 'outside', false) AS named, coalesce(earlier = 'rotted', false) AS rotted,
            coalesce(kept_uri, earlier_kept_uri) AS kept_uri,
            coalesce(kept_version, earlier_kept_version) AS kept_version
        FROM (SELECT * FROM previous UNION ALL BY NAME SELECT * FROM remembered)""")


def _derive(db: duckdb.DuckDBPyConnection, expected: Expected) -> None:
    frail = ", ".join(map(quoted, FRAIL_CLASSES))
    db.execute("CREATE VIEW this_wave AS SELECT w.* FROM waves w, expected e WHERE w.plan = e.plan")
    db.execute("""
        CREATE VIEW handed_out AS SELECT d.* FROM decisions d LEFT JOIN this_wave w USING (uri, version), expected e
        WHERE d.action = 'quarantine' AND (e.wave IS NULL OR w.wave = e.wave)""")
    db.execute(f"""
        CREATE TABLE standing AS
        WITH now AS (
            SELECT uri, version, o.etag, o.size, coalesce(o.content_id, f.sha256) AS sha256,
                b.etag = o.etag AND b.size = o.size AS unmoved,
                coalesce(coalesce(o.content_id, f.sha256) = b.sha256, unmoved, false) AS same
            FROM objects o LEFT JOIN failures f USING (uri, version) LEFT JOIN before b USING (uri, version)),
        said AS (
            SELECT n.uri, n.version, n.sha256, b.sha256 AS sha256_before,
                coalesce(b.kept_uri, h.kept_uri) AS kept_uri, coalesce(b.kept_version, h.kept_version) AS kept_version,
                CASE WHEN coalesce(n.sha256 <> b.sha256 AND n.unmoved, false) THEN 'rotted'
                    WHEN coalesce(b.rotted, false) AND n.same THEN 'rotted'
                    WHEN coalesce(b.named, false) AND n.same THEN 'planned'
                    WHEN h.content_id = n.sha256 OR n.sha256 IS NULL AND h.etag = n.etag AND h.size = n.size
                        THEN 'planned' END AS earlier
            FROM now n LEFT JOIN before b USING (uri, version) LEFT JOIN in_hands h USING (uri, version))
        SELECT o.uri, o.version, o.content_id, o.physical_id, d.action, d.cluster_id,
            said.earlier AS earlier, said.kept_uri AS named_for_uri, said.kept_version AS named_for_version,
            said.sha256, said.sha256_before, ({_passing(expected)}) AS passes,
            (o.storage_class IN ({frail}) OR coalesce(o.class_to IN ({frail}), false)) AS frail,
            regexp_matches(o.key, {quoted(UNCARRIABLE)}) AS uncarriable,
            c.content_id IS NOT NULL AS readable,
            (c.content_id IS NOT NULL AND o.is_latest AND NOT o.is_delete_marker AND NOT o.archived
                AND NOT ({_passing(expected)}) AND d.earlier IS NULL AND said.earlier IS NULL
                AND (coalesce(o.identity_evidence IN ('read', 'previous'), false)
                OR coalesce(list_contains(d.evidence, 'read:' || o.content_id), false))
                AND d.rule <> 'identity-refuted') AS usable,
            {_case(expected, "name")} AS scope, {_case(expected, "jurisdiction")} AS jurisdiction,
            coalesce({_case(expected, "place")}, '') AS place
        FROM objects o LEFT JOIN decisions d USING (uri, version) JOIN said USING (uri, version)
        LEFT JOIN contents c ON c.content_id = o.content_id""")
    db.execute("""
        CREATE VIEW kept_copies AS SELECT content_id, coalesce(physical_id, uri) AS copy, place FROM standing
        WHERE usable AND action <> 'quarantine'""")
    db.execute("CREATE VIEW copies AS SELECT content_id, count(DISTINCT copy) AS copies FROM kept_copies GROUP BY ALL")
    db.execute("""
        CREATE VIEW copies_by_place AS
        SELECT content_id, place, count(DISTINCT copy) AS copies FROM kept_copies GROUP BY ALL""")
    db.execute("""
        CREATE VIEW relied AS SELECT d.uri, d.version, d.action, d.content_id, d.kept_uri, d.tier_to_kept,
            s.place, k.content_id AS kept_content
        FROM decisions d JOIN standing s USING (uri, version)
        JOIN objects k ON k.uri = d.kept_uri AND k.version = d.kept_version""")
    db.execute("""
        CREATE VIEW package_folders AS
        SELECT regexp_replace(uri, '[^/]*$', '') AS folder FROM objects WHERE is_latest AND NOT is_delete_marker
        AND regexp_matches(uri,
            '(?i)/(bagit[.]txt|0=ocfl_object_[0-9.]+|([^/]*[._-])?mets[.]xml|ImageProperties[.]xml|tilemapresource[.]xml)$')
        UNION SELECT regexp_replace(uri, '(?i)[.]dzi$', '_files/') FROM objects WHERE is_latest AND NOT is_delete_marker
        AND regexp_matches(uri, '(?i)[.]dzi$')
        UNION SELECT regexp_replace(uri, '(?i)(TileGroup[0-9]+/[0-9-]+|[0-9]+/[0-9]+_[0-9]+|[0-9]+(,[0-9]+){3}/[^/]+/'
            || '!?[0-9]+/[a-z]+)[.][a-z]+$', '') FROM objects WHERE is_latest AND NOT is_delete_marker
        AND regexp_matches(uri, '(?i)(/TileGroup[0-9]+/[0-9]+-[0-9]+-[0-9]+|_files/[0-9]+/[0-9]+_[0-9]+|'
            || '/[0-9]+(,[0-9]+){3}/[^/]+/!?[0-9]+/[a-z]+)[.][a-z]+$')""")
    texts = ", ".join(f"trim({name}) AS {name}" for name in TEXT_FIELDS)
    told = " UNION ALL ".join(
        [
            f"SELECT content_id, field, value FROM (UNPIVOT (SELECT content_id, {texts} FROM contents) "
            f"ON {', '.join(TEXT_FIELDS)} INTO NAME field VALUE value)",
            *(
                f"SELECT content_id, '{name}', trim(w) FROM (SELECT content_id, unnest({name}) AS w FROM contents)"
                for name in LIST_FIELDS
            ),
        ]
    )
    db.execute(f"CREATE VIEW of_content AS SELECT DISTINCT content_id, field, value FROM ({told}) WHERE value <> ''")
    db.execute(f"""
        CREATE TABLE of_object AS
        WITH about AS (
            SELECT uri, version FROM decisions WHERE action = 'quarantine'
            UNION SELECT kept_uri, kept_version FROM decisions WHERE action = 'quarantine'
            UNION SELECT from_uri, from_version FROM merged_record)
        SELECT o.uri, o.version, c.field, c.value FROM about JOIN objects o USING (uri, version)
        JOIN of_content c USING (content_id)
        UNION SELECT o.uri, o.version, e.word.key, trim(e.word.value) FROM about JOIN objects o USING (uri, version),
            unnest(map_entries(o.stated)) AS e(word)
        WHERE trim(e.word.value) <> '' AND e.word.key IN ({", ".join(map(quoted, (*TEXT_FIELDS, *LIST_FIELDS)))})
        UNION SELECT d.uri, d.version, 'catalogue_no', trim(d.catalogue_no) FROM about JOIN decisions d
        USING (uri, version) WHERE trim(d.catalogue_no) <> ''""")
    for macro in SPELLING:
        db.execute(macro)
    names = "|".join(sorted(PICTURES))
    db.execute(f"CREATE MACRO picture_names() AS {quoted(f'(?i)[.]({names})$')}")
    db.execute("""
        CREATE VIEW spelled AS SELECT uri, version, plain(uri) AS name FROM decisions
        WHERE action IN ('quarantine', 'review') AND EXISTS (SELECT 1 FROM hold_lines)""")
    db.execute(f"CREATE VIEW verified_pairs AS SELECT content_a, content_b, tier FROM pairs WHERE {_demands(expected)}")


def _passing(expected: Expected) -> str:
    """Write what makes an object no copy that will still be there, from its listing and its name alone."""
    terms = ["o.passing IS NOT NULL", "o.expires_at IS NOT NULL"]
    if expected.passing:
        terms.append(f"regexp_matches(o.uri, {quoted(expected.passing)})")
    if expected.doors:
        terms.append(f"o.library IN ({', '.join(map(quoted, expected.doors))})")
    if expected.quarantine_bucket:
        terms.append(f"o.bucket = {quoted(expected.quarantine_bucket)} AND o.store <> 'file'")
    terms.append(
        "coalesce(list_contains(d.evidence, 'lasting:no') OR list_contains(d.evidence, 'lasting:tagged'), false)"
    )
    if expected.lifecycle_unknown == "keep":
        hidden = "o.lifecycle = 'attributes' AND list_contains(d.evidence, 'lasting:unknown')"
        terms.append(f"coalesce({hidden}, false)")
        terms.append("coalesce(o.lifecycle = 'unknown', false)")
    return " OR ".join(f"({term})" for term in terms)


def _case(expected: Expected, field: str) -> str:
    whens = []
    for place in expected.places:
        inside = []
        if place.regexes:
            inside.append("(" + " OR ".join(f"regexp_matches(o.uri, {quoted(r)})" for r in place.regexes) + ")")
        if place.libraries:
            inside.append(f"o.library IN ({', '.join(map(quoted, place.libraries))})")
        value = getattr(place, field)
        whens.append(f"WHEN {' AND '.join(inside)} THEN {quoted(value) if value is not None else 'NULL'}")
    return f"CASE {' '.join(whens)} END" if whens else "NULL::VARCHAR"


def _demands(expected: Expected) -> str:
    tiers = []
    for name, (action, kinds, verification) in expected.tiers.items():
        if action != "quarantine" or name == "identical" or not verification:
            continue
        terms = ["in_cluster", f"tier = {quoted(name)}"]
        if kinds:
            terms.append(f"kind IN ({', '.join(map(quoted, kinds))})")
        for demand, wanted in verification.items():
            if demand == "rules":
                terms.append(f"rule IN ({', '.join(map(quoted, wanted))})")
            else:
                # DuckDB holds NaN to be greater than every number: it meets no demand here.
                column, sign = demand[4:], ">=" if demand in AT_LEAST else "<="
                terms.append(f"{column} {sign} {wanted} AND NOT isnan({column}::DOUBLE)")
        tiers.append("(" + " AND ".join(terms) + ")")
    return " OR ".join(tiers) or "false"
