"""mirrorfold's answer: `python -m standard.adapters.mirrorfold DIR answer.csv`.

A run over both libraries under the default policy, told of the jurisdictions and the holds, with no cut-off below which
nothing is asked.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from standard.adapters.answers import holds_of, write
from standard.words import relations

POLICY = {
    "version": 1,
    "name": "suite",
    "holds": {"hold_list": "holds.csv"},
    "scopes": [
        {"name": "hk", "libraries": ["hk"], "jurisdiction": "HK", "min_copies": 1},
        {"name": "gz", "libraries": ["gz"], "jurisdiction": "CN", "min_copies": 1},
    ],
    "review": {"min_bytes_freed": 0},
}


def main(suite: Path, answer: Path) -> int:
    """Run over the suite's folder, and write the answer."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with (folder / "holds.csv").open("w", encoding="utf-8", newline="") as opened:
            writer = csv.writer(opened)
            writer.writerow(["uri"])
            writer.writerows([f"file://{(suite / 'files').resolve()}/{path}"] for path in holds_of(suite))
        (folder / "policy.yaml").write_text(yaml.safe_dump(POLICY), "utf-8")
        sources = [f"{library}={(suite / 'files' / library).resolve()}" for library in ("hk", "gz")]
        command = [str(Path(sys.executable).parent / "mirrorfold"), "run", *sources, "-o", str(folder / "out"), "-q"]
        done = subprocess.run([*command, "--policy", str(folder / "policy.yaml")])
        if done.returncode:
            return done.returncode
        write(answer, rows(folder / "out", (suite / "files").resolve()))
    return 0


def rows(run: Path, files: Path) -> Iterator[tuple[str, str, str, str]]:
    """Give the answer of a finished run: what its plan removes and asks, then what it merely found."""
    import mirrorfold

    tables = mirrorfold.open_run(run)
    named = {kind: name for name, found in relations().items() for kind in found["mirrorfold"]["kinds"][::-1]}
    named |= {
        found["mirrorfold"]["kinds"][0]: name
        for name, found in reversed(relations().items())
        if found["mirrorfold"]["kinds"]
    }

    def below(uri: str) -> str:
        return uri.removeprefix(f"file://{files}/")

    of: dict[str, list[str]] = {}
    for row in tables["decisions"].select(["uri", "content_id", "action", "kept_uri", "kind"]).to_pylist():
        if row["content_id"]:
            of.setdefault(row["content_id"], []).append(row["uri"])
        if row["kept_uri"] and row["action"] in ("quarantine", "review"):
            action = "remove-a" if row["action"] == "quarantine" else "ask"
            yield below(row["uri"]), below(row["kept_uri"]), named.get(row["kind"], ""), action
    for uris in of.values():
        for uri in uris[1:]:
            yield below(uris[0]), below(uri), "same-bytes", "keep"
    for row in tables["pairs"].select(["content_a", "content_b", "kind", "in_cluster"]).to_pylist():
        if row["in_cluster"]:
            yield below(of[row["content_a"]][0]), below(of[row["content_b"]][0]), named.get(row["kind"], ""), "keep"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
