"""Settings: the commented example is always true, and mistakes name the file and the setting."""

from __future__ import annotations

import pytest
import yaml

from mirrorfold.configs.example import example
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.record.request import load_settings
from mirrorfold.pipelines.sources import parse_sources
from mirrorfold.schemas.uri import library_name


def test_the_example_gives_the_defaults() -> None:
    assert Settings.model_validate(yaml.safe_load(example())) == Settings()


def test_every_setting_is_explained() -> None:
    assert example().count("#") > example().count(": ") * 0.7


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("polcy: default", "polcy"),
        ("match: {radius: 99}", "match.radius"),
        ("fingerprint: {threads: many}", "fingerprint.threads"),
        ("- a list", "settings by name"),
        ("policy: [", "not valid YAML"),
    ],
)
def test_mistakes_name_file_and_setting(tmp_path, text: str, says: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=says) as caught:
        load_settings(str(path))
    assert "mine.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_line_wins_over_the_file(tmp_path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("policy: museum\nprices: {currency: HKD}", encoding="utf-8")
    settings = load_settings(str(path), {"policy": "newsroom", "prices.currency": None})
    assert (settings.policy, settings.prices.currency) == ("newsroom", "HKD")


@pytest.mark.parametrize(
    ("argument", "library"),
    [
        ("客戶=/a", "客戶"),
        ("हिन्दी=/a", "हिन्दी"),
        ("архив-2=s3://a/b", "архив-2"),
        ("cafe\u0301=/a", "caf\u00e9"),
        ("a b=/a", None),
        ("a\u202eb=/a", None),
        ("/x=y", None),
    ],
)
def test_libraries_of_any_script(tmp_path, argument: str, library: str | None) -> None:
    name, _, _ = argument.partition("=")
    assert library_name(name) == library
    if library:
        specs = parse_sources([f"{name}={tmp_path}"], Settings(), None)
        assert [spec.library for spec in specs] == [library]
