"""Export the record of a plan: PREMIS 3 entities of every object and decision, and of what was found after the move."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import NamedTuple

import duckdb

from mirrorfold.pipelines.finished.deciders import Deciders, deciders
from mirrorfold.pipelines.finished.verify import open_whole, read_policy
from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.publish.evidence import premis
from mirrorfold.transforms.publish.evidence.premis import Element
from mirrorfold.transforms.retain.acted import RECORD
from mirrorfold.transforms.retain.digests import plan_hash
from mirrorfold.transforms.retain.policy import policy_hash
from mirrorfold.transforms.stores.output import OutputStore

FOLDER = "exports/premis-{}/"
OBJECTS_PER_FILE = 20_000
RIGHTS = ("licence", "rights", "rights_uri", "usage_terms")
PROVED = ("read", "sha256", "md5", "crc32c", "etag", "empty")
ROWS = f"""
    SELECT o.uri, o.version, o.store, o.storage_class, o.key, o.size, d.action, d.rule, d.reason, d.kept_uri,
        d.kept_version, d.evidence, c.media_type, {", ".join(f"trim(c.{name}) AS {name}" for name in RIGHTS)},
        coalesce(o.content_id, f.sha256, o.sha256) AS sha256,
        CASE WHEN o.identity_evidence = 'read' OR f.sha256 IS NOT NULL THEN 'read' ELSE o.identity_evidence END AS how,
        f.error AS why, r.state, r.evidence AS proof, r.found_uri, r.detail
    FROM objects o JOIN decisions d USING (uri, version) LEFT JOIN contents c ON c.content_id = o.content_id
    LEFT JOIN failures f ON f.uri = o.uri AND f.version = o.version
    LEFT JOIN reconciliation r ON r.uri = o.uri AND r.version = o.version
    WHERE NOT o.is_delete_marker ORDER BY o.uri, o.version"""


class Evidence(NamedTuple):
    """What an export of the record wrote: its folder, files, and entities by kind."""

    folder: str
    files: list[str]
    entities: dict[str, int]


def export_evidence(folder: str, to: str) -> Evidence:
    """Write PREMIS 3 entities under DIR/exports/premis-TO: files of OBJECTS_PER_FILE objects, each whole by itself.

    Args:
      to: xml, or jsonl: a line for each entity.

    Raises:
      ValueError: the run isn't finished.
      BrokenPromiseError: the folder breaks a promise.
    """
    store = open_whole(folder)
    policy = read_policy(store)
    below = FOLDER.format(to)
    for path in store.list(below):
        store.delete(path)
    story = _Story(store, deciders(store, policy_hash(policy)))
    files: list[str] = []
    counts = dict.fromkeys(("object", "event", "agent", "rights"), 0)
    with connect(store, "objects", "decisions", "contents", "failures", "reconciliation") as connection:
        for rows in _batches(connection, OBJECTS_PER_FILE):
            entities = list(story.entities(rows))
            for kind, _ in entities:
                counts[kind] += 1
            name = f"premis-{len(files) + 1:05d}.{'xml' if to == 'xml' else 'jsonl'}"
            store.put(below + name, _xml(entities) if to == "xml" else _jsonl(entities))
            files.append(name)
    return Evidence(below.rstrip("/"), files, counts)


def _batches(connection: duckdb.DuckDBPyConnection, size: int) -> Iterator[list[dict]]:
    cursor = connection.execute(ROWS)
    names = [column[0] for column in cursor.description]
    while rows := cursor.fetchmany(size):
        yield [dict(zip(names, row, strict=True)) for row in rows]


def _xml(entities: Iterable[tuple[str, list[Element]]]) -> bytes:
    body = "".join(premis.to_xml(kind, entity) for kind, entity in entities)
    return f"{premis.HEAD}{body}</premis>\n".encode()


def _jsonl(entities: Iterable[tuple[str, list[Element]]]) -> bytes:
    lines = (json.dumps(premis.to_plain(kind, entity), ensure_ascii=False) for kind, entity in entities)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")


class _Story:
    """Tells of objects what was decided and found, with the people and programs that did it."""

    def __init__(self, store: OutputStore, people: Deciders):
        self.people = people
        self.plan = plan_hash(store)
        self.made = people.made or "unknown"
        self.program = f"mirrorfold {version('mirrorfold')}"
        try:
            asked = json.loads(store.get(RECORD))
            self.asked = asked["made_at"] if asked["plan_hash"] == self.plan else ""
        except (FileNotFoundError, ValueError, KeyError):
            self.asked = ""

    def entities(self, rows: list[dict]) -> Iterator[tuple[str, list[Element]]]:
        """Give the entities of some objects in the schema's order: objects, events, agents, rights."""
        events, rights = [], dict[tuple, list[tuple[str, str]]]()
        agents = {self.program} | {name for name, _, _ in self.people.signed}
        for row in rows:
            said = tuple(row[name] or None for name in RIGHTS)
            if any(said):
                rights.setdefault(said, []).append((row["uri"], row["version"]))
            made = list(self._events(row))
            events += made
            agents |= {name for name, _ in self.people.people(row["evidence"])}
            names = [entity[0][1][1][1] for entity in made]
            told = {"events": names, "rights": _name("rights", *map(str, said)) if any(said) else None}
            yield "object", premis.file_object(row | told | {"originator": self._originator(row)})
        yield from (("event", entity) for entity in events)
        for name in sorted(agents):
            if name == self.program:
                program, _, number = self.program.partition(" ")
                yield "agent", premis.agent(name, program, premis.SOFTWARE, number)
            else:
                yield "agent", premis.agent(f"person {name}", name, premis.PERSON)
        for said, objects in rights.items():
            fields = dict(zip(RIGHTS, said, strict=True))
            yield "rights", premis.rights_statement(_name("rights", *map(str, said)), fields, objects)

    def _originator(self, row: dict) -> str:
        return self.program if row["how"] in ("read", "previous") else "the store"

    def _events(self, row: dict) -> Iterator[list[Element]]:
        me, program = (row["uri"], row["version"]), (self.program, premis.PROGRAM)
        if row["how"] == "read" and row["sha256"]:
            yield premis.event(
                _name("digest", self.plan, *me), premis.DIGEST, self.made, "SHA-256 of the bytes as they were read",
                ("success", row["sha256"]), [program], [me],
            )  # fmt: skip
        yield self._decision(row, me)
        if not self.asked or row["state"] is None:
            return
        told = " · ".join(filter(None, [row["state"], row["found_uri"], row["detail"]]))
        if row["state"] in ("deleted", "deleted-early"):
            yield premis.event(
                _name("deletion", self.asked, *me), premis.DELETION, self.asked,
                "found gone when targets were listed; by whom it was deleted, and when, isn't known here",
                ("gone", told), [program], [me],
            )  # fmt: skip
        elif row["proof"] in PROVED or row["state"] == "changed":
            outcome = "fail" if row["state"] == "changed" else "pass"
            yield premis.event(
                _name("fixity", self.asked, *me), premis.FIXITY_CHECK, self.asked,
                f"the copy at the target held against the record, by {row['proof'] or 'reading'}",
                (outcome, told), [program], [me],
            )  # fmt: skip

    def _decision(self, row: dict, me: tuple[str, str]) -> list[Element]:
        people = self.people.people(row["evidence"])
        agents = [(self.program, premis.PROGRAM)]
        named = [name for name, _ in people] + [name for name, _, _ in self.people.signed]
        agents += [(f"person {name}", premis.AUTHORIZER) for name in dict.fromkeys(named)]
        words = [f"{name}, {at}" for name, at in people]
        words += [f"signed as {role} by {name}, {at}" for name, role, at in self.people.signed]
        detail = f"policy {self.people.policy}, rule {row['rule']}: {row['reason']}"
        note = "; ".join([premis.OUTCOMES[row["action"]], *words, *row["evidence"]])
        kept = [(row["kept_uri"], row["kept_version"])] if row["kept_uri"] else []
        at = max((at for _, at in people), default=self.made)
        name = _name("decision", self.plan, *me)
        return premis.event(
            name, premis.POLICY_ASSIGNMENT, at, detail, (row["action"], note), agents, [me, *kept]
        )  # fmt: skip


def _name(kind: str, *parts: str) -> str:
    return f"{kind}-{hashlib.sha256(chr(10).join(parts).encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
