"""What the lists that tools act on rest on, as queries like those of `checks`."""

from __future__ import annotations

from mirrorfold.schemas.realised import PARTS
from mirrorfold.transforms.verify.checks import Check

LIST_CHECKS: tuple[Check, ...] = (
    Check(5, "objects", "an object's uri isn't made of its store, bucket and key: a list would name another file", """
        SELECT uri, store, bucket, key FROM objects WHERE uri IS DISTINCT FROM
            CASE WHEN store = 'file' THEN 'file://' || rtrim(bucket, '/') || '/' || key
                 ELSE store || '://' || bucket || '/' || key END"""),
    # 9. The record outlives the copy.
    Check(9, "merged_record", "a value is stated only by what goes, and the merged record hasn't got it", """
        SELECT d.uri, d.version, f.field, f.value FROM decisions d JOIN relied r USING (uri, version), of_object f
        WHERE d.action = 'quarantine' AND f.uri = d.uri AND f.version = d.version
        AND NOT EXISTS (SELECT 1 FROM of_object k WHERE k.uri = d.kept_uri AND k.version = d.kept_version
            AND k.field = f.field AND k.value = f.value)
        AND NOT EXISTS (SELECT 1 FROM merged_record m WHERE m.uri = d.kept_uri AND m.version = d.kept_version
            AND m.field = f.field AND m.value = f.value)"""),
    Check(9, "merged_record", "the merged record has a value that the copy which it names doesn't state", """
        SELECT m.from_uri, m.from_version, m.field, m.value FROM merged_record m WHERE NOT EXISTS (
            SELECT 1 FROM of_object f WHERE f.uri = m.from_uri AND f.version = m.from_version
            AND f.field = m.field AND f.value = m.value)"""),
    # 7. What belongs together.
    Check(7, "decisions", "a decision names another package or other companions than the listing", """
        SELECT d.uri, d.version FROM decisions d JOIN objects o USING (uri, version)
        WHERE (d.package, coalesce(d.companions, [])) IS DISTINCT FROM (o.package, coalesce(o.companions, []))"""),
    Check(7, "decisions", "a part of a package is quarantined or reviewed", """
        SELECT d.uri, d.version, o.package FROM decisions d JOIN objects o USING (uri, version), expected
        WHERE expected.packages = 'keep' AND d.action IN ('quarantine', 'review')
        AND o.package IS NOT NULL AND NOT starts_with(o.package, 'pages:')"""),
    Check(7, "decisions", "an object below a file that makes its folder a package is quarantined or reviewed", """
        SELECT a.uri, a.version, a.folder FROM (
            SELECT uri, version, array_to_string(list_slice(string_split(uri, '/'), 1, n), '/') || '/' AS folder
            FROM decisions, unnest(range(3, len(string_split(uri, '/')))) AS depth(n)
            WHERE action IN ('quarantine', 'review')) a
        SEMI JOIN package_folders USING (folder) SEMI JOIN expected ON expected.packages = 'keep'"""),
    Check(7, "decisions", "a file that a METS document names as its package's is quarantined or reviewed", """
        SELECT d.uri, d.version, p.package FROM decisions d JOIN pointed p USING (uri)
        JOIN objects o ON o.uri = d.uri AND o.version = d.version, expected
        WHERE expected.packages = 'keep' AND d.action IN ('quarantine', 'review') AND o.is_latest"""),
    Check(7, "decisions", "some pages of a run are quarantined and others stay", """
        SELECT d.package, count(*) FILTER (d.action = 'quarantine') AS gone, count(*) AS pages
        FROM decisions d, expected WHERE expected.page_runs = 'keep' AND starts_with(d.package, 'pages:')
        GROUP BY d.package HAVING count(*) FILTER (d.action = 'quarantine') NOT IN (0, count(*))"""),
    Check(7, "decisions", "what is kept for a run's pages isn't one other run", """
        SELECT d.package, min(kept_uri) AS one, max(kept_uri) AS other FROM decisions d, expected
        WHERE expected.page_runs = 'keep' AND starts_with(d.package, 'pages:') AND d.action = 'quarantine'
        GROUP BY d.package HAVING count(DISTINCT regexp_replace(kept_uri,
            '(?i)[0-9]+[-_ ]?(recto|verso|[a-z])?[.][^./]+$', '')) > 1"""),
    Check(7, "decisions", "a picture is quarantined unasked, and files beside it would stay alone", """
        SELECT d.uri, d.version, o.companions FROM decisions d JOIN objects o USING (uri, version), expected
        WHERE expected.companions = 'review' AND d.action = 'quarantine' AND len(o.companions) > 0
        AND NOT starts_with(d.rule, 'verdict-')"""),
    Check(7, "decisions", "a RAW file or the picture of its stem goes, the other stays, and nobody chose", """
        SELECT d.uri, d.version, c.beside FROM (
            SELECT d.*, unnest(o.companions) AS beside FROM decisions d JOIN objects o USING (uri, version)
            WHERE d.action = 'quarantine') c JOIN decisions d USING (uri, version), expected
        WHERE expected.companions = 'review' AND regexp_matches(c.beside, picture_names())
        AND NOT EXISTS (SELECT 1 FROM decisions b JOIN objects l USING (uri, version)
            WHERE b.uri = c.beside AND l.is_latest AND b.action = 'quarantine')
        AND NOT (d.rule = 'verdict-keeper' AND list_contains(d.companions, d.kept_uri) AND EXISTS (
            SELECT 1 FROM relied k JOIN rulings r ON r.content_a = least(k.content_id, k.kept_content)
            AND r.content_b = greatest(k.content_id, k.kept_content)
            WHERE k.uri = d.uri AND k.version = d.version
            AND r.outcome = CASE WHEN k.kept_content = r.content_a THEN 'keep-a' ELSE 'keep-b' END))"""),
    # What a list that was handed out relies on was read once more.
    Check(7, "rereadings", "a reading doesn't say what its digests say", """
        SELECT uri, version, outcome FROM rereadings WHERE outcome IS DISTINCT FROM
            CASE WHEN sha256 IS NULL THEN 'unread' WHEN sha256 = content_id THEN 'same' ELSE 'rotted' END"""),
    Check(7, "rereadings", "a list was written, and a kept copy that its rows rely on wasn't read again for it", """
        SELECT DISTINCT d.kept_uri, d.kept_version FROM handed_out d
        JOIN objects k ON k.uri = d.kept_uri AND k.version = d.kept_version, expected
        WHERE expected.reread AND NOT EXISTS (
            SELECT 1 FROM rereadings r WHERE r.uri = k.uri AND r.version = k.version
            AND r.content_id = k.content_id AND r.plan = expected.plan)"""),
    Check(7, "rereadings", "a list carries more rows than rely on copies that were read again and are sound", """
        SELECT expected.listed, count(r.uri) AS sound FROM expected LEFT JOIN handed_out d ON true
        LEFT JOIN rereadings r ON r.uri = d.kept_uri AND r.version = d.kept_version AND r.outcome = 'same'
        WHERE expected.reread GROUP BY expected.listed HAVING expected.listed > count(r.uri)"""),
    Check(7, "realised", "what the plan sets aside isn't the sum of what became of it", f"""
        SELECT month, library, bucket, storage_class, planned_bytes FROM realised
        WHERE planned_bytes <> {" + ".join(f"{name}_bytes" for name in PARTS)}"""),
    # What its own package denies is no copy to rely on, and stays for people.
    Check(7, "decisions", "a file that its own package denies goes, or another goes for it: `publish` anew", """
        SELECT p.uri, d.uri AS goes, d.version FROM package_failures p JOIN decisions d ON d.kept_uri = p.uri
        WHERE p.error = 'differs' AND d.action = 'quarantine'
        UNION ALL SELECT p.uri, o.uri, o.version FROM package_failures p JOIN objects o USING (uri)
        JOIN decisions d USING (uri, version) WHERE p.error = 'differs' AND o.is_latest AND d.action = 'quarantine'"""),
    Check(7, "decisions", "a file is blocked because its package denies it, and no package does: `publish` anew", """
        SELECT uri, version FROM decisions WHERE earlier = 'denied'
        AND uri NOT IN (SELECT uri FROM package_failures WHERE error = 'differs')"""),
    # A plan in waves is that very plan.
    Check(7, "waves", "a row of the plan is in no wave, or what is in a wave isn't in the plan", """
        SELECT uri, version FROM decisions FULL JOIN this_wave USING (uri, version)
        WHERE EXISTS (FROM this_wave) AND (coalesce(action, '') = 'quarantine') <> (wave IS NOT NULL)"""),
    Check(7, "waves", "a row is in two waves", """
        SELECT uri, version FROM this_wave GROUP BY ALL HAVING count(*) > 1"""),
    Check(7, "waves", "a cluster's rows, or a package's files, go in several waves", """
        SELECT coalesce(d.cluster_id, '') AS cluster_id, coalesce(d.package, '') AS package, min(wave), max(wave)
        FROM this_wave JOIN decisions d USING (uri, version)
        GROUP BY GROUPING SETS (d.cluster_id, d.package)
        HAVING count(DISTINCT wave) > 1 AND (d.cluster_id IS NOT NULL OR d.package IS NOT NULL)"""),
    Check(7, "waves", "a picture and a file that belongs to it go in several waves", """
        SELECT beside AS uri, min(wave), max(wave) FROM (
            SELECT uri AS beside, wave FROM this_wave UNION ALL
            SELECT unnest(o.companions) AS beside, wave FROM this_wave JOIN objects o USING (uri, version))
        GROUP BY beside HAVING count(DISTINCT wave) > 1"""),
    Check(3, "decisions", "counts_as_copy isn't what the listing says", """
        SELECT d.uri, d.version FROM decisions d JOIN standing s USING (uri, version)
        WHERE d.counts_as_copy <> s.usable"""),
    Check(3, "decisions", "an object that a line of the hold list means is quarantined or reviewed", """
        SELECT uri, version, line FROM spelled JOIN hold_lines ON plain(of_line(line)) = name WHERE regex IS NULL
        UNION ALL SELECT uri, version, line FROM spelled JOIN hold_lines ON regexp_matches(name, regex)
        WHERE regex IS NOT NULL"""),
)  # fmt: skip
