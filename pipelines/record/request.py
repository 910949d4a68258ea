"""What the user asked for: read once from the command line and the config file, kept beside the tables."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from mirrorfold.configs import mistakes
from mirrorfold.configs.policy import load_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.errors import UsageError
from mirrorfold.transforms.stores.api import SourceSpec
from mirrorfold.transforms.stores.output import open_output

REQUEST_PATH = "_work/request.json"


@dataclass(frozen=True)
class Request:
    """A validated request: sources, settings and the resolved policy, as plain values."""

    sources: tuple[SourceSpec, ...]
    settings: Settings
    policy: dict
    previous: str | None = None

    def to_json(self) -> bytes:
        """Write it down, so that a later command on DIR needs no sources named again."""
        document = {
            "sources": [asdict(spec) for spec in self.sources],
            "settings": self.settings.model_dump(mode="json"),
            "policy": self.policy,
            "previous": self.previous,
        }
        return json.dumps(document, indent=1, sort_keys=True).encode()

    @staticmethod
    def from_json(data: bytes) -> Request:
        """Read what `to_json` wrote."""
        document = json.loads(data)
        return Request(
            tuple(SourceSpec(**spec) for spec in document["sources"]),
            Settings.model_validate(document["settings"]),
            document["policy"],
            document["previous"],
        )


def load_settings(path: str | None, changes: dict | None = None) -> Settings:
    """Read settings from a YAML file, with changes from the command line on top.

    Raises:
      UsageError: one line for each mistake, naming the file, the line and the setting.
    """
    return make_settings(read_given(path, changes), path)


def read_given(path: str | None, changes: dict | None = None) -> dict:
    """Read what a YAML file and the command line say of the settings, and nothing else: no default is filled in.

    Raises:
      UsageError: one line that names the file.
    """
    given = _read_yaml(path)[0] if path else {}
    for dotted, value in (changes or {}).items():
        if value is not None:
            _set(given, dotted.split("."), value)
    return given


def make_settings(given: dict, path: str | None = None) -> Settings:
    """Check settings and fill in every default; `path` names the file in errors.

    Raises:
      UsageError: one line for each mistake, naming the file, the line and the setting.
    """
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        root = _read_yaml(path)[1] if path else None
        raise UsageError(mistakes.name_all(error, root, path, Settings)) from error


def overlay(recorded: dict, given: dict) -> dict:
    """Lay what is given over what is recorded, setting by setting: what isn't named stays as it was."""
    laid = dict(recorded)
    for name, value in given.items():
        below = laid.get(name)
        laid[name] = overlay(below, value) if isinstance(value, dict) and isinstance(below, dict) else value
    return laid


def _read_yaml(path: str) -> tuple[dict, yaml.Node | None]:
    try:
        text = Path(path).read_text(encoding="utf-8")
        root = mistakes.compose(text, path)
    except OSError as error:
        raise UsageError(f"can't read the config file {path}: {error.strerror}; check --config") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} isn't YAML: it isn't UTF-8 text") from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    given = yaml.safe_load(text)
    if given is None:
        return {}, None
    if not isinstance(given, dict):
        raise UsageError(f"{path} must hold settings by name, e.g. 'policy: museum'")
    return given, root


def _set(document: dict, path: list[str], value: object) -> None:
    for part in path[:-1]:
        document = document.setdefault(part, {})
    document[path[-1]] = value


def resolve_policy(settings: Settings) -> dict:
    """Load the policy that the settings name."""
    try:
        return load_policy(settings.policy)
    except ValueError as error:
        raise UsageError(str(error)) from error


def saved_request(output: str) -> Request:
    """Read the request that an earlier command left in DIR."""
    try:
        return Request.from_json(open_output(output).get(REQUEST_PATH))
    except FileNotFoundError:
        raise UsageError(f"{output} holds no run: start with `mirrorfold list` or `mirrorfold run`") from None
