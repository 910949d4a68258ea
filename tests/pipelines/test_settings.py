"""Settings: the commented example is always true, and mistakes name the file and the setting."""

from __future__ import annotations

import pytest
import yaml

from mirrorfold.configs.example import example
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.pipelines.record.request import load_settings


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
        ("policy: [", "isn't YAML"),
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
