"""Each side's own plan of a merge, and which side keeps what for whom."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mirrorfold.transforms.blocks.tables import connect
from mirrorfold.transforms.publish.manifests.csv import write_manifests
from mirrorfold.transforms.publish.sides import render_sides
from mirrorfold.transforms.stores.output import OutputStore

FOLDER = "sides/"


def write_side_plans(store: OutputStore, sides: Sequence[tuple[str, list[str], str]]) -> None:
    """Write sides/NAME/*.csv for each side, sides/sides.json and the page sides/index.html.

    Args:
      sides: (name, its libraries, what travelled: all or hashes).
    """
    for path in store.list(FOLDER):
        store.delete(path)
    for name, libraries, _ in sides:
        write_manifests(store, f"{FOLDER}{name}/", frozenset(libraries))
    found = summarise_sides(store, sides)
    for side in found["sides"]:
        below = f"{FOLDER}{side['name']}/"
        side["files"] = sorted(path.removeprefix(below) for path in store.list(below))
    store.put(f"{FOLDER}sides.json", json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False).encode())
    store.put(f"{FOLDER}index.html", render_sides(found).encode())


def summarise_sides(store: OutputStore, sides: Sequence[tuple[str, list[str], str]]) -> dict:
    """Count what each side holds, frees and waits for, and which side keeps the copies that stand for whose objects."""
    tables = connect(store, "decisions", "hold_checks")
    tables.execute("CREATE TABLE sides (side VARCHAR, library VARCHAR)")
    tables.executemany(
        "INSERT INTO sides VALUES (?, ?)",
        [(s, library) for s, all_ in ((x[0], x[1]) for x in sides) for library in all_],
    )
    totals = tables.execute(
        """
        SELECT side, action, count(*), sum(size), sum(bytes_freed) FROM decisions JOIN sides USING (library)
        GROUP BY side, action ORDER BY side, action
        """
    ).fetchall()
    keeps = tables.execute(
        """
        SELECT s.side, k.side, d.action, d.tier_to_kept, count(*), sum(d.bytes_freed)
        FROM decisions d JOIN sides s USING (library)
        JOIN decisions kept ON kept.uri = d.kept_uri AND kept.version = d.kept_version
        JOIN sides k ON k.library = kept.library
        GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()
    unknown = dict(
        tables.execute(
            """
            SELECT side, count(*) FROM hold_checks JOIN decisions USING (uri, version) JOIN sides USING (library)
            WHERE hold_checks.hold = 'unknown' GROUP BY side
            """
        ).fetchall()
    )
    return {
        "sides": [
            {
                "name": name,
                "libraries": libraries,
                "travels": travels,
                "holds_unknown": unknown.get(name, 0),
                "actions": {
                    action: {"objects": n, "bytes": int(size or 0), "bytes_freed": int(freed or 0)}
                    for side, action, n, size, freed in totals
                    if side == name
                },
            }
            for name, libraries, travels in sides
        ],
        "keeps": [
            {"of": of, "by": by, "action": action, "tier": tier, "objects": n, "bytes_freed": int(freed or 0)}
            for of, by, action, tier, n, freed in keeps
        ],
    }
