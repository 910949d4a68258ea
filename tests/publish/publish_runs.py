"""Publish a test archive with the real stores and the real decoders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from mirrorfold.configs.policy import load_policy
from mirrorfold.transforms.publish.decoding import DecoderPool
from mirrorfold.transforms.publish.publish import Options, Story, publish_pages
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import open_output
from mirrorfold.transforms.stores.sources import open_stores
from tests.publish.publish_archive import Archive


@dataclass(frozen=True)
class Published:
    """A published run: its archive, and where its files lie."""

    archive: Archive
    folder: Path

    def text(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")


def story(rulings: dict | None = None, looked: dict | None = None, said: tuple = ()) -> Story:
    """Tell a story without prices."""
    policy = load_policy("default")
    return Story(
        policy=policy,
        policy_hash="0" * 64,
        policy_source=yaml.safe_dump(policy),
        commands={"again": "mirrorfold run hk=/archive --output out", "check": "", "ask": ""},
        rulings=rulings or {},
        looked=looked or {},
        said=said,
        reviewers=2 if said else 1,
    )


def publish(
    archive: Archive,
    options: Options,
    rulings: dict | None = None,
    records: tuple = (),
    said: tuple = (),
    told: Story | None = None,
) -> Published:
    """Publish an archive's run with the real stores and the real decoders."""
    libraries = sorted({row["library"] for row in archive.rows["objects"]})
    specs = tuple(SourceSpec(name, "live", "file", str(archive.root / "sources" / name)) for name in libraries)
    stores = open_stores(specs)
    with DecoderPool(2, 400_000_000) as decoders:
        publish_pages(
            open_output(archive.output),
            told or story(rulings, said=said),
            options,
            stores.read,
            decoders.decode,
            records,
        )
    stores.close()
    return Published(archive, Path(archive.output))
