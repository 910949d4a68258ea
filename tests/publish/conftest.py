"""One published run for all tests of the pages: built once, read by many."""

from __future__ import annotations

import pytest

from mirrorfold.transforms.publish.publish import Options
from tests.publish.publish_archive import build_archive
from tests.publish.publish_runs import Published, publish


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> Published:
    archive = build_archive(tmp_path_factory.mktemp("published"))
    return publish(archive, Options(sample=5, proofs=2))
