"""What pipelines/publish.py tells the pages: commands that can be pasted, and the settings that matter."""

from __future__ import annotations

import json
import shlex

import pytest

from mirrorfold.configs.policy import load_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.publish import commands, publish, settings_source, source_argument
from mirrorfold.transforms.stores.api import SourceSpec
from tests.publish.publish_archive import build_archive


@pytest.mark.parametrize(
    ("spec", "argument"),
    [
        (SourceSpec("hk", "live", "s3", "bucket", "a b/"), "hk=s3://bucket/a b/"),
        (SourceSpec("hk", "live", "gs", "bucket"), "hk=gs://bucket/"),
        (SourceSpec("hk", "live", "file", "/archive/hk"), "hk=/archive/hk"),
        (
            SourceSpec("hk", "s3-inventory", "s3", "b", manifest="s3://i/manifest.json"),
            "hk=s3-inventory+s3://i/manifest.json",
        ),
        (SourceSpec("hk", "listing", "s3", "b", manifest="uris.csv"), "hk=listing+uris.csv"),
    ],
    ids=["s3", "gs", "folder", "inventory", "listing"],
)
def test_sources_read_as_on_the_command_line(spec: SourceSpec, argument: str) -> None:
    assert source_argument(spec) == argument


def context(tmp_path, **settings) -> RunContext:
    sources = (SourceSpec("hk", "live", "file", f"{tmp_path}/it's; rm -rf $HOME"),)
    return RunContext(str(tmp_path / "out put"), Settings(**settings), load_policy("default"), sources)


def test_commands_survive_a_shell(tmp_path) -> None:
    found = commands(context(tmp_path))
    words = shlex.split(found["again"])
    assert words == ["mirrorfold", "run", f"hk={tmp_path}/it's; rm -rf $HOME", "--output", str(tmp_path / "out put")]
    assert shlex.split(found["check"]) == ["mirrorfold", "verify", str(tmp_path / "out put")]


def test_only_settings_that_differ_are_written(tmp_path) -> None:
    assert settings_source(context(tmp_path)) == ""
    run = context(tmp_path, publish={"sample": 7})
    assert settings_source(run) == "publish:\n  sample: 7\n"
    assert "--config settings.yaml" in commands(run)["again"]


def test_publishes_report_pages_and_manifests(tmp_path) -> None:
    archive = build_archive(tmp_path)
    sources = tuple(
        SourceSpec(name, "live", "file", str(tmp_path / "sources" / name)) for name in ("hk", "gz-mirror", "press")
    )
    (tmp_path / "catalogue.csv").write_text(f"uri,licence\n{archive.rows['objects'][0]['uri']},All rights reserved\n")
    settings = Settings(catalogue=str(tmp_path / "catalogue.csv"), publish={"language": "zh-Hant"})
    publish(RunContext(archive.output, settings, load_policy("default"), sources))
    output = tmp_path / "out"
    assert '<html lang="zh-Hant">' in (output / "report.html").read_text()
    items = (output / "review" / "data" / "items-00000.js").read_text()
    assert json.dumps({"licence": "All rights reserved"}, separators=(",", ":")) in items
    assert (output / "manifests" / "quarantine.csv").exists()
