"""The promises as queries: each selects the rows that break it, so a kept promise selects none."""

from __future__ import annotations

from typing import NamedTuple


class Check(NamedTuple):
    """A query whose rows break a promise."""

    promise: int
    table: str
    text: str
    sql: str


CHECKS: tuple[Check, ...] = (
    # 1. Every listed object once in decisions; read or in failures.
    Check(1, "decisions", "a listed object has no decision", """
        SELECT uri, version FROM objects ANTI JOIN decisions USING (uri, version)"""),
    Check(1, "decisions", "a decision is about an object that wasn't listed", """
        SELECT uri, version FROM decisions ANTI JOIN objects USING (uri, version)"""),
    Check(1, "decisions", "an object has more than one decision", """
        SELECT uri, version, count(*) AS decisions FROM decisions GROUP BY ALL HAVING count(*) > 1"""),
    Check(1, "objects", "an object is listed more than once", """
        SELECT uri, version, count(*) AS listed FROM objects GROUP BY ALL HAVING count(*) > 1"""),
    Check(1, "failures", "an object has neither a content_id nor a row in failures", """
        SELECT uri, version FROM objects ANTI JOIN failures USING (uri, version) WHERE content_id IS NULL"""),
    Check(1, "failures", "an object has both a content_id and a row in failures", """
        SELECT uri, version FROM objects SEMI JOIN failures USING (uri, version) WHERE content_id IS NOT NULL"""),
    Check(1, "failures", "a failure is about an object that wasn't listed", """
        SELECT uri, version FROM failures ANTI JOIN objects USING (uri, version)"""),
    Check(1, "failures", "an object has more than one failure", """
        SELECT uri, version, count(*) AS failures FROM failures GROUP BY ALL HAVING count(*) > 1"""),
    Check(1, "failures", "a failure has a stage or code that isn't one of the stable ones", """
        SELECT uri, stage, error FROM failures
        WHERE stage NOT IN (SELECT name FROM failure_stages) OR error NOT IN (SELECT name FROM failure_codes)"""),
    Check(1, "contents", "an object's content_id isn't in contents", """
        SELECT uri, version, content_id FROM objects ANTI JOIN contents USING (content_id)
        WHERE content_id IS NOT NULL"""),
    Check(1, "contents", "a content is of no listed object", """
        SELECT content_id FROM contents ANTI JOIN objects USING (content_id)"""),
    Check(1, "contents", "a content is listed more than once", """
        SELECT content_id, count(*) AS listed FROM contents GROUP BY ALL HAVING count(*) > 1"""),
    Check(1, "decisions", "a decision states another size, class, library or content than the listing", """
        SELECT d.uri, d.version FROM decisions d JOIN objects o USING (uri, version)
        WHERE (d.size, d.storage_class, d.library, d.content_id)
           IS DISTINCT FROM (o.size, o.storage_class, o.library, o.content_id)"""),
    # 2. Plans only.
    Check(2, "decisions", "an action isn't keep, quarantine, review or blocked", """
        SELECT uri, version, action FROM decisions WHERE action NOT IN ('keep', 'quarantine', 'review', 'blocked')"""),
    Check(2, "objects", "a listed object lies in the run's own folder", """
        SELECT uri, version FROM objects, run_folder WHERE starts_with(uri, run_folder.start)"""),
    # 3. The last copy, holds, protected places.
    Check(3, "decisions", "a quarantined or reviewed row names no kept copy", """
        SELECT uri, version FROM decisions WHERE action IN ('quarantine', 'review') AND kept_uri IS NULL"""),
    Check(3, "decisions", "the kept copy that a row names isn't in decisions", """
        SELECT uri, version, kept_uri, kept_version FROM decisions d
        WHERE kept_uri IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM decisions k WHERE k.uri = d.kept_uri AND k.version = d.kept_version)"""),
    Check(3, "decisions", "the kept copy that a row names is itself quarantined", """
        SELECT d.uri, d.version, d.kept_uri FROM decisions d
        JOIN decisions k ON k.uri = d.kept_uri AND k.version = d.kept_version WHERE k.action = 'quarantine'"""),
    Check(3, "decisions", "the kept copy that a quarantined row names isn't kept by the same plan", """
        SELECT d.uri, d.version, d.kept_uri FROM decisions d
        JOIN decisions k ON k.uri = d.kept_uri AND k.version = d.kept_version
        WHERE d.action = 'quarantine' AND k.action NOT IN ('keep', 'blocked')"""),
    Check(3, "decisions", "the kept copy that a row names isn't current, readable, read and lasting", """
        SELECT d.uri, d.version, d.kept_uri FROM decisions d
        JOIN standing k ON k.uri = d.kept_uri AND k.version = d.kept_version WHERE NOT k.usable"""),
    Check(3, "decisions", "the kept copy's etag isn't the listed one", """
        SELECT d.uri, d.kept_uri, d.kept_etag, o.etag FROM decisions d
        JOIN objects o ON o.uri = d.kept_uri AND o.version = d.kept_version
        WHERE d.kept_etag IS DISTINCT FROM o.etag"""),
    Check(3, "decisions", "a quarantined object is the same physical copy as another object", """
        SELECT s.uri, s.version, s.physical_id FROM standing s WHERE s.action = 'quarantine' AND EXISTS (
            SELECT 1 FROM objects o WHERE o.physical_id = s.physical_id AND o.uri <> s.uri)"""),
    Check(3, "decisions", "an object under hold is quarantined or reviewed", """
        SELECT d.uri, d.version FROM decisions d JOIN objects o USING (uri, version)
        WHERE d.action IN ('quarantine', 'review') AND o.hold = 'yes'"""),
    Check(3, "hold_checks", "a quarantined object has no hold look-up that says no", """
        SELECT uri, version FROM decisions d WHERE action = 'quarantine' AND NOT EXISTS (
            SELECT 1 FROM hold_checks h WHERE h.uri = d.uri AND h.version = d.version AND h.hold = 'no')"""),
    Check(3, "hold_checks", "an object whose look-up says held or unknown is quarantined", """
        SELECT d.uri, d.version, h.hold FROM decisions d JOIN hold_checks h USING (uri, version)
        WHERE d.action = 'quarantine' AND h.hold <> 'no'"""),
    Check(3, "decisions", "an object in a protected place is quarantined or reviewed", """
        SELECT uri, version FROM decisions, protected WHERE action IN ('quarantine', 'review')
        AND regexp_matches(uri, protected.regex)"""),
    Check(3, "decisions", "an unreadable object is quarantined or reviewed", """
        SELECT uri, version FROM standing WHERE action IN ('quarantine', 'review') AND NOT readable"""),
    Check(3, "decisions", "a noncurrent version, delete marker, passing copy or replica is quarantined", """
        SELECT s.uri, s.version FROM standing s JOIN objects o USING (uri, version), expected
        WHERE s.action = 'quarantine' AND (NOT o.is_latest OR o.is_delete_marker OR s.passes
            OR (o.replication_status = 'REPLICA' AND expected.replicas = 'keep'))"""),
    Check(3, "decisions", "fewer copies than the policy's minimum are kept of what a quarantined row relies on", """
        SELECT d.uri, d.version, d.kept_uri, coalesce(c.copies, 0) AS copies FROM relied d
        LEFT JOIN copies c ON c.content_id = d.kept_content, expected
        WHERE d.action = 'quarantine' AND coalesce(c.copies, 0) < expected.min_archival_copies"""),
    Check(3, "decisions", "fewer copies than the policy's minimum are kept in a quarantined row's jurisdiction", """
        SELECT d.uri, d.version, f.place, coalesce(c.copies, 0) AS copies FROM relied d
        JOIN fewest f ON f.place = d.place
        LEFT JOIN copies_by_place c ON c.content_id = d.kept_content AND c.place = d.place
        WHERE d.action = 'quarantine' AND coalesce(c.copies, 0) < f.copies"""),
    Check(3, "decisions", "every copy of a cluster is quarantined", """
        SELECT cluster_id FROM standing WHERE cluster_id IS NOT NULL
        GROUP BY cluster_id HAVING bool_and(action = 'quarantine')"""),
    Check(3, "decisions", "scope or jurisdiction isn't the one the policy gives", """
        SELECT d.uri, d.version, d.scope, s.scope AS expected FROM decisions d
        JOIN standing s USING (uri, version)
        WHERE d.scope IS DISTINCT FROM s.scope OR d.jurisdiction IS DISTINCT FROM s.jurisdiction"""),
    Check(3, "decisions", "copies_left isn't the number of copies kept", """
        SELECT d.uri, d.version, d.copies_left, coalesce(c.copies, 0) AS kept FROM decisions d
        LEFT JOIN copies c USING (content_id)
        WHERE d.copies_left <> coalesce(c.copies, 0)"""),
    # 4. A perceptual hash alone never quarantines.
    Check(4, "decisions", "a row quarantined as identical relies on other bytes", """
        SELECT d.uri, d.kept_uri FROM relied d WHERE d.action = 'quarantine' AND d.tier_to_kept = 'identical'
        AND d.content_id IS DISTINCT FROM d.kept_content"""),
    Check(4, "decisions", "a quarantined row has a tier that doesn't exist", """
        SELECT uri, tier_to_kept FROM decisions WHERE action = 'quarantine'
        AND (tier_to_kept IS NULL OR tier_to_kept NOT IN ('identical', 'same-picture', 'near-certain', 'probable'))"""),
    Check(4, "decisions", "other bytes are quarantined without a person's word or a verification that is met", """
        SELECT d.uri, d.kept_uri, d.tier_to_kept FROM relied d
        WHERE d.action = 'quarantine' AND d.tier_to_kept <> 'identical'
        AND NOT EXISTS (SELECT 1 FROM rulings r WHERE r.content_a = least(d.content_id, d.kept_content)
            AND r.content_b = greatest(d.content_id, d.kept_content) AND (r.outcome = 'same'
            OR r.outcome = 'accepted'
            OR r.outcome = CASE WHEN d.kept_content = r.content_a THEN 'keep-a' ELSE 'keep-b' END))
        AND NOT EXISTS (SELECT 1 FROM verified_pairs p WHERE p.content_a = least(d.content_id, d.kept_content)
            AND p.content_b = greatest(d.content_id, d.kept_content) AND p.tier = d.tier_to_kept)"""),
    Check(4, "decisions", "a row goes because people decided so, and no word on this very pair says it", """
        SELECT d.uri, d.kept_uri, n."rule" FROM relied d JOIN decisions n USING (uri, version)
        WHERE d.action = 'quarantine' AND (starts_with(n."rule", 'verdict-') OR n."rule" = 'accepted')
        AND NOT EXISTS (SELECT 1 FROM rulings r WHERE r.content_a = least(d.content_id, d.kept_content)
            AND r.content_b = greatest(d.content_id, d.kept_content) AND r.outcome IN ('same', 'accepted',
                CASE WHEN d.kept_content = r.content_a THEN 'keep-a' ELSE 'keep-b' END))"""),
    Check(4, "decisions", "records conflict and a sample that was accepted lets the row go", """
        SELECT uri, version, conflicts FROM decisions WHERE action = 'quarantine' AND "rule" = 'accepted'
        AND len(conflicts) > 0"""),
    Check(6, "confirmations", "a quarantined row's copy wasn't confirmed at full detail, nor was the pair opened", """
        SELECT d.uri, d.kept_uri, d.tier_to_kept FROM relied d
        WHERE d.action = 'quarantine' AND d.content_id IS DISTINCT FROM d.kept_content
        AND d.tier_to_kept IN ('near-certain', 'probable')
        AND NOT EXISTS (SELECT 1 FROM confirmations f WHERE f.content_a = least(d.content_id, d.kept_content)
            AND f.content_b = greatest(d.content_id, d.kept_content) AND f.confirmed)
        AND NOT EXISTS (SELECT 1 FROM rulings r WHERE r.opened
            AND r.content_a = least(d.content_id, d.kept_content)
            AND r.content_b = greatest(d.content_id, d.kept_content)
            AND (r.outcome = 'same'
            OR r.outcome = CASE WHEN d.kept_content = r.content_a THEN 'keep-a' ELSE 'keep-b' END))"""),
    Check(6, "confirmations", "a pair is called confirmed though a place in it differs by more than a copy's does", """
        SELECT content_a, content_b, excess FROM confirmations WHERE confirmed
        AND (excess IS NULL OR isnan(excess) OR excess > 1 OR width < 1 OR height < 1)"""),
    Check(6, "decisions", "a row goes unasked though it has what the kept copy lacks: parts, pixels, bits, rights", """
        SELECT d.uri, d.kept_uri FROM relied d
        JOIN contents g ON g.content_id = d.content_id JOIN contents k ON k.content_id = d.kept_content
        JOIN decisions n USING (uri, version) JOIN objects o ON o.uri = n.kept_uri AND o.version = n.kept_version
        WHERE d.action = 'quarantine' AND d.content_id <> d.kept_content
        AND ((k.damaged IS NOT NULL AND g.damaged IS NULL)
            OR NOT list_has_all(coalesce(k.parts, []), coalesce(g.parts, []))
            OR g.width::BIGINT * g.height > 1.02 * k.width * k.height
            OR coalesce(g.bit_depth, g.declared_depth) > coalesce(k.bit_depth, k.declared_depth)
            OR (cardinality(coalesce(o.stated, MAP {})) = 0 AND (
                (g.rights IS NOT NULL AND k.rights IS NULL) OR (g.credit IS NOT NULL AND k.credit IS NULL)
                OR (g.caption IS NOT NULL AND k.caption IS NULL)
                OR (g.usage_terms IS NOT NULL AND k.usage_terms IS NULL)
                OR (g.rights_uri IS NOT NULL AND k.rights_uri IS NULL))))
        AND NOT EXISTS (SELECT 1 FROM rulings r WHERE r.content_a = least(d.content_id, d.kept_content)
            AND r.content_b = greatest(d.content_id, d.kept_content) AND (r.outcome = 'same'
            OR r.outcome = CASE WHEN d.kept_content = r.content_a THEN 'keep-a' ELSE 'keep-b' END))"""),
    Check(6, "confirmations", "a row goes for a kept copy that was read as damaged, and nobody chose that one", """
        SELECT d.uri, d.kept_uri FROM relied d
        JOIN (SELECT content_a AS damaged FROM confirmations WHERE damaged_a <> ''
            UNION SELECT content_b FROM confirmations WHERE damaged_b <> '') f ON f.damaged = d.kept_content
        WHERE d.action = 'quarantine' AND d.tier_to_kept IN ('near-certain', 'probable')
        AND NOT EXISTS (SELECT 1 FROM rulings r
            WHERE r.content_a = least(d.content_id, d.kept_content)
            AND r.content_b = greatest(d.content_id, d.kept_content)
            AND r.outcome = CASE WHEN d.kept_content = r.content_a THEN 'keep-a' ELSE 'keep-b' END)"""),
    Check(6, "confirmations", "a row goes unasked beside a kept copy that is damaged", """
        SELECT d.uri, d.kept_uri FROM relied d JOIN confirmations f
        ON f.content_a = least(d.content_id, d.kept_content) AND f.content_b = greatest(d.content_id, d.kept_content)
        WHERE d.action = 'quarantine' AND d.tier_to_kept IN ('near-certain', 'probable')
        AND coalesce(CASE WHEN d.kept_content = f.content_a THEN f.damaged_a ELSE f.damaged_b END, '') <> ''
        AND NOT EXISTS (SELECT 1 FROM rulings r WHERE r.opened
            AND r.content_a = f.content_a AND r.content_b = f.content_b AND (r.outcome = 'same'
            OR r.outcome = CASE WHEN d.kept_content = r.content_a THEN 'keep-a' ELSE 'keep-b' END))"""),
    Check(4, "decisions", "identical bytes are quarantined though neither the policy nor a person says so", """
        SELECT d.uri, d.kept_uri FROM relied d, expected
        WHERE d.action = 'quarantine' AND d.tier_to_kept = 'identical' AND expected.identical <> 'quarantine'
        AND NOT EXISTS (SELECT 1 FROM rulings r WHERE r.outcome = 'same'
            AND r.content_a = d.content_id AND r.content_b = d.content_id)"""),
    Check(4, "decisions", "a row known by MD5 alone is quarantined, and the policy doesn't accept MD5", """
        SELECT d.uri, d.version FROM decisions d JOIN objects o USING (uri, version), expected
        WHERE d.action = 'quarantine' AND o.identity_evidence = 'md5' AND expected.md5 <> 'accept'
        AND NOT list_contains(d.evidence, 'read:' || o.content_id)"""),
    Check(4, "decisions", "people said that a pair isn't a duplicate, and it is quarantined: retain again", """
        SELECT d.uri, d.kept_uri FROM relied d JOIN rulings r
        ON r.content_a = least(d.content_id, d.kept_content) AND r.content_b = greatest(d.content_id, d.kept_content)
        WHERE d.action = 'quarantine' AND r.outcome IN ('different', 'split')"""),
    # 5. Preconditions.
    Check(5, "decisions", "a quarantined row carries neither version nor etag", """
        SELECT uri FROM decisions WHERE action = 'quarantine' AND version = '' AND etag = ''"""),
    Check(5, "decisions", "a row's etag isn't the listed one", """
        SELECT d.uri, d.version, d.etag, o.etag AS listed FROM decisions d JOIN objects o USING (uri, version)
        WHERE d.etag IS DISTINCT FROM o.etag"""),
    # 7. A kept copy will still be there.
    Check(7, "decisions", "the kept copy that a row names was itself named to go by an earlier plan", """
        SELECT d.uri, d.kept_uri FROM decisions d
        JOIN standing k ON k.uri = d.kept_uri AND k.version = d.kept_version
        JOIN decisions e ON e.uri = k.uri AND e.version = k.version
        WHERE k.earlier = 'planned' OR e.earlier = 'planned'"""),
    Check(7, "decisions", "the kept copy that a row names is rotted: its bytes changed unseen", """
        SELECT d.uri, d.kept_uri FROM decisions d
        JOIN standing k ON k.uri = d.kept_uri AND k.version = d.kept_version
        JOIN decisions e ON e.uri = k.uri AND e.version = k.version
        WHERE k.earlier = 'rotted' OR e.earlier = 'rotted'"""),
    Check(7, "decisions", "the kept copy that a row names is in a bin or snapshot, is a link, or a rule deletes it", """
        SELECT d.uri, d.kept_uri FROM decisions d
        JOIN standing k ON k.uri = d.kept_uri AND k.version = d.kept_version WHERE k.passes"""),
    Check(7, "decisions", "a rule may delete the kept copy by its tags or custom time, and nobody looked", """
        SELECT d.uri, d.kept_uri FROM decisions d, expected
        JOIN objects o ON o.uri = d.kept_uri AND o.version = d.kept_version
        JOIN decisions k ON k.uri = d.kept_uri AND k.version = d.kept_version
        WHERE d.action = 'quarantine' AND o.lifecycle = 'attributes' AND NOT list_contains(k.evidence, 'lasting:yes')
            AND expected.lifecycle_unknown = 'keep'"""),
    Check(7, "decisions", "what the run before said of an object isn't remembered", """
        SELECT s.uri, s.version, s.earlier FROM standing s JOIN decisions d USING (uri, version)
        WHERE s.earlier IS NOT NULL AND s.earlier IS DISTINCT FROM d.earlier AND s.action <> 'quarantine'"""),
    Check(7, "decisions", "a list that was handed out names an object, and the plan as it is doesn't know of it", """
        SELECT l.uri, l.version FROM lists l JOIN decisions d USING (uri, version)
        WHERE d.content_id = l.content_id AND d.action <> 'quarantine'
        AND NOT EXISTS (SELECT 1 FROM in_hands h WHERE h.uri = l.uri AND h.version = l.version)"""),
    Check(7, "outside", "an earlier plan names an object where this run didn't look, and it isn't remembered", """
        SELECT b.uri, b.version FROM before b WHERE (b.named OR b.rotted) AND EXISTS (SELECT 1 FROM looked)
        AND NOT EXISTS (SELECT 1 FROM objects o WHERE o.uri = b.uri)
        AND NOT EXISTS (SELECT 1 FROM looked l WHERE starts_with(b.uri, l.start)
            AND NOT coalesce(regexp_matches(b.uri, l.left_out), false))
        AND NOT EXISTS (SELECT 1 FROM outside m WHERE m.uri = b.uri AND m.version = b.version)"""),
    Check(7, "decisions", "an earlier plan names a last good copy because of one that rotted, and nothing says so", """
        SELECT s.uri, s.version, s.named_for_uri FROM standing s JOIN decisions d USING (uri, version)
        JOIN standing k ON k.uri = s.named_for_uri AND k.version = s.named_for_version
        LEFT JOIN copies c ON c.content_id = s.content_id
        WHERE s.earlier = 'planned' AND k.earlier = 'rotted' AND coalesce(c.copies, 0) = 0 AND d.action = 'keep'
            AND d.rule NOT IN (SELECT name FROM restraints)"""),
    Check(7, "changes", "bytes that changed unseen since the run before are no change", """
        SELECT s.uri, s.version, s.sha256_before, s.sha256 FROM standing s LEFT JOIN changes c
        ON c.uri = s.uri AND c.version = s.version AND c.change = 'rotted' AND c.sha256 = s.sha256
            AND c.sha256_before = s.sha256_before
        WHERE s.earlier = 'rotted' AND s.sha256 <> s.sha256_before AND c.uri IS NULL"""),
    Check(7, "decisions", "copies in lasting classes go, and all that is kept is in classes that aren't", """
        SELECT s.uri, s.version FROM standing s JOIN relied r USING (uri, version)
        JOIN (SELECT content_id, bool_and(frail) AS frail FROM standing WHERE usable AND action <> 'quarantine'
              GROUP BY content_id) k ON k.content_id = s.content_id
        WHERE r.tier_to_kept = 'identical' AND s.action = 'quarantine' AND s.usable AND NOT s.frail AND k.frail"""),
    Check(7, "decisions", "copies that every tool can carry go, and all that is kept has keys that some can't", """
        SELECT s.uri, s.version FROM standing s JOIN relied r USING (uri, version)
        JOIN (SELECT content_id, bool_and(uncarriable) AS odd, bool_and(frail) AS frail FROM standing
              WHERE usable AND action <> 'quarantine' GROUP BY content_id) k ON k.content_id = s.content_id
        WHERE r.tier_to_kept = 'identical' AND s.action = 'quarantine' AND s.usable AND NOT s.uncarriable AND k.odd
            AND s.frail <= k.frail"""),
    # The tables among themselves.
    Check(0, "decisions", "bytes_freed isn't the size of a quarantined or reviewed row, or isn't 0 for another", """
        SELECT uri, version, action, size, bytes_freed FROM decisions
        WHERE bytes_freed <> CASE WHEN action IN ('quarantine', 'review') THEN size ELSE 0 END"""),
    Check(0, "decisions", "a row was decided under another policy than policy.yaml", """
        SELECT uri, version, decisions.policy_hash FROM decisions, expected
        WHERE decisions.policy_hash <> expected.policy_hash"""),
    Check(0, "clusters", "a cluster doesn't have exactly one master", """
        SELECT cluster_id, count(*) FILTER (is_master) AS masters FROM clusters
        GROUP BY cluster_id HAVING count(*) FILTER (is_master) <> 1"""),
    Check(0, "clusters", "a master's content isn't the cluster's id", """
        SELECT cluster_id, content_id FROM clusters WHERE is_master AND content_id <> cluster_id"""),
    Check(0, "clusters", "a family has a single object", """
        SELECT family_id FROM clusters GROUP BY family_id HAVING count(*) < 2"""),
    Check(0, "clusters", "a content is in two clusters, or a cluster in two families", """
        SELECT content_id AS id FROM clusters GROUP BY content_id HAVING count(DISTINCT cluster_id) > 1
        UNION ALL SELECT cluster_id FROM clusters GROUP BY cluster_id HAVING count(DISTINCT family_id) > 1"""),
    Check(0, "clusters", "a family isn't named by the smallest content in it", """
        SELECT family_id, min(content_id) AS smallest FROM clusters GROUP BY family_id
        HAVING family_id <> min(content_id)"""),
    Check(0, "clusters", "an object is in clusters twice", """
        SELECT uri, version FROM clusters GROUP BY uri, version HAVING count(*) > 1"""),
    Check(0, "clusters", "a clustered object isn't listed with that content", """
        SELECT uri, version, content_id FROM clusters ANTI JOIN objects USING (uri, version, content_id)"""),
    Check(0, "clusters", "decisions name another cluster or family than clusters does", """
        SELECT d.uri, d.version FROM decisions d LEFT JOIN clusters c USING (uri, version)
        WHERE (d.cluster_id, d.family_id) IS DISTINCT FROM (c.cluster_id, c.family_id)"""),
    Check(0, "pairs", "a pair isn't in canonical order", """
        SELECT content_a, content_b FROM pairs WHERE content_a >= content_b"""),
    Check(0, "pairs", "a pair is listed twice", """
        SELECT content_a, content_b FROM pairs GROUP BY ALL HAVING count(*) > 1"""),
    Check(0, "pairs", "a pair names a content that isn't in contents", """
        SELECT content_a, content_b FROM pairs ANTI JOIN contents ON contents.content_id = content_a
        UNION ALL SELECT content_a, content_b FROM pairs ANTI JOIN contents ON contents.content_id = content_b"""),
    Check(0, "pairs", "a pair has a tier that pairs can't have", """
        SELECT content_a, content_b, tier FROM pairs WHERE tier NOT IN ('same-picture', 'near-certain', 'probable')"""),
    Check(0, "pairs", "a clustered content has no pair with its master", """
        SELECT DISTINCT content_id, cluster_id FROM clusters ANTI JOIN pairs
        ON content_a = least(content_id, cluster_id) AND content_b = greatest(content_id, cluster_id)
        WHERE content_id <> cluster_id"""),
    Check(0, "pairs", "a clustered content's pair with its master says another tier, or holds nothing together", """
        SELECT DISTINCT content_id, cluster_id, clusters.tier, pairs.tier AS pair_tier FROM clusters JOIN pairs
        ON content_a = least(content_id, cluster_id) AND content_b = greatest(content_id, cluster_id)
        WHERE content_id <> cluster_id AND (clusters.tier <> pairs.tier OR NOT in_cluster OR reason <> 'master')"""),
    Check(0, "pairs", "two masters are the same picture: one of them should have claimed the other", """
        SELECT content_a, content_b FROM pairs
        SEMI JOIN clusters a ON a.cluster_id = content_a AND a.kind <> 'family-too-large'
        SEMI JOIN clusters b ON b.cluster_id = content_b AND b.kind <> 'family-too-large'
        WHERE reason <> 'near-miss'"""),
    Check(0, "decisions", "an object of a family too large to be settled goes without a person's word", """
        SELECT d.uri, d.version FROM decisions d JOIN clusters c USING (uri, version)
        WHERE c.kind = 'family-too-large' AND d.action = 'quarantine'
        AND coalesce(d.tier_to_kept, '') <> 'identical'"""),
    Check(0, "savings", "savings count other objects or bytes than decisions", """
        SELECT s.objects AS objects, d.objects AS decided, s.freed AS freed, d.freed AS decided_freed
        FROM (SELECT coalesce(sum(objects), 0) AS objects, coalesce(sum(bytes_freed), 0) AS freed FROM savings) s,
             (SELECT count(*) AS objects, coalesce(sum(bytes_freed), 0) AS freed FROM decisions) d
        WHERE s.objects <> d.objects OR s.freed <> d.freed"""),
    Check(0, "lineage", "lineage names an object that isn't listed", """
        SELECT uri, version FROM lineage ANTI JOIN objects USING (uri, version)
        UNION ALL SELECT to_uri, to_version FROM lineage ANTI JOIN objects
        ON objects.uri = to_uri AND objects.version = to_version"""),
)  # fmt: skip
