"""Commands that agree: DIR first or by --output, -o, -q, -v, --json, help that isn't cut, completion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines.commands.cli import cli
from mirrorfold.pipelines.commands.printing import Said, many, prints
from mirrorfold.pipelines.errors import MirrorfoldError, SafetyStop, UsageError
from tests.mission.archive import libraries
from tests.mission.stores import fill_folder

MIRRORFOLD = str(Path(sys.executable).parent / "mirrorfold")


def leaves(command: click.Command, name: str = "") -> dict[str, click.Command]:
    """Give every command that does something by its whole name."""
    if not isinstance(command, click.Group):
        return {name: command}
    return {
        found: below
        for word, inner in command.commands.items()
        for found, below in leaves(inner, f"{name} {word}".strip()).items()
    }


LEAVES = leaves(cli)
PRINT_A_FILE = {"policy schema", "policy show"}
"""Commands whose output is a file for people or editors, not a result."""
SERVE = {"review serve"}
"""Commands that run until they are stopped."""


DIR_FIRST = [name for name, found in LEAVES.items() if "dir_argument" in {p.name for p in found.params}]


def flags(command: click.Command) -> set[str]:
    return {flag for parameter in command.params for flag in parameter.opts}


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_takes_what_the_others_take(name: str) -> None:
    found = flags(LEAVES[name])
    assert {"-q", "--quiet", "-v", "--verbose"} <= found
    assert "--json" in found or name in PRINT_A_FILE | SERVE
    assert ("-o" in found) == ("--output" in found)


@pytest.mark.parametrize("name", DIR_FIRST)
def test_dir_is_named_once(name: str) -> None:
    for arguments in ([], ["a", "--output", "b"]):
        if name in ("review import", "find", "why", "reconcile") and arguments:
            continue  # there the first of two is no folder
        given = CliRunner().invoke(cli, [*name.split(), *arguments, *needed(LEAVES[name])])
        assert isinstance(given.exception, UsageError), (given.output, given.exception)
        assert "name the folder of the run" in str(given.exception)


def needed(command: click.Command) -> list[str]:
    """Give a command what it can't do without."""
    words = []
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.required:
            kind = parameter.type
            words += [parameter.opts[-1], kind.choices[0] if isinstance(kind, click.Choice) else "1"]
    return words


STAGES = ("fingerprint", "match", "retain", "publish")
FINISHED = {"verify", *STAGES, "review import", "review split", "approve", "export"}


def test_every_command_on_a_run_takes_dir_first() -> None:
    assert set(DIR_FIRST) >= FINISHED | {name for name in LEAVES if name.startswith("state ")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("commands")
    files = dict(list(next(iter(libraries().values())).items())[:6])
    fill_folder(root / "photos", files)
    ended = call("run", root / "photos", "-o", root / "out", "--json")
    assert json.loads(ended.stdout)["finished"] is True
    assert sum(found["objects"] for found in json.loads(ended.stdout)["actions"].values()) == 6
    return root / "out"


def call(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run([MIRRORFOLD, *map(str, arguments)], capture_output=True, text=True)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended


@pytest.mark.parametrize("way", [["{}"], ["--output", "{}"], ["-o", "{}"]], ids=["positional", "--output", "-o"])
def test_dir_may_be_named_either_way(finished: Path, way: list[str]) -> None:
    where = [word.format(finished) for word in way]
    for command in ("verify", "state show"):
        found = CliRunner().invoke(cli, [*command.split(), *where, "--json"])
        assert found.exit_code == 0, found.exception
        json.loads(found.stdout)
    assert "already finished" not in call("publish", *where, "-q").stderr


def test_nothing_is_said_but_the_result(finished: Path) -> None:
    """No notices of libraries, and under -q no result either."""
    said = call("export", finished, "--what", "crosswalk", "--to", "csv")
    assert said.stderr == ""
    assert said.stdout.splitlines()[-1] == "6 rows"
    assert call("state", "show", finished, "-q").stdout == ""
    assert "finished" in call("publish", finished, "-v").stderr


def test_refused_rows_alone_are_no_success() -> None:
    @click.command()
    @prints
    def command() -> Said:
        return Said({"rows": 0}, ["0 rows"], SafetyStop("every row was refused"))

    found = CliRunner().invoke(command, ["--json"])
    assert json.loads(found.stdout) == {"rows": 0}
    assert isinstance(found.exception, MirrorfoldError)
    assert found.exception.exit_code == 3


@pytest.mark.parametrize("columns", ["40", "110", "200"])
def test_help_is_not_cut(columns: str) -> None:
    shown = subprocess.run(
        [MIRRORFOLD, "--help"], env=os.environ | {"COLUMNS": columns}, capture_output=True, text=True
    ).stdout
    assert "..." not in shown.partition("First steps")[0].partition("Options")[2]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    for typed, offered in (("mirrorfold exp", "export"), ("mirrorfold run --curr", "--currency")):
        words = typed.split()
        current = words[-1] if shell == "fish" else str(len(words) - 1)
        env = os.environ | {"_MIRRORFOLD_COMPLETE": f"{shell}_complete", "COMP_WORDS": typed, "COMP_CWORD": current}
        assert offered in subprocess.run([MIRRORFOLD], env=env, capture_output=True, text=True).stdout


def test_policies_and_price_books_are_listed_and_shown() -> None:
    for group, known in (("policy", "museum"), ("prices", "market-hk-2026-11")):
        listed = json.loads(CliRunner().invoke(cli, [group, "list", "--json"]).stdout)
        assert listed[known]
        for name in listed:
            assert yaml.safe_load(CliRunner().invoke(cli, [group, "show", name]).stdout)


def test_config_init_writes_what_loads_and_overwrites_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(cli, ["config", "init"]).exit_code == 0
    assert Settings.model_validate(yaml.safe_load((tmp_path / "mirrorfold.yaml").read_text("utf-8"))) == Settings()
    again = CliRunner().invoke(cli, ["config", "init"])
    assert isinstance(again.exception, UsageError)


@pytest.mark.parametrize(
    ("number", "word", "said"),
    [(1, "row", "1 row"), (2, "row", "2 rows"), (0, "query", "0 queries"), (1000, "day", "1,000 days")],
)
def test_counting_in_words(number: int, word: str, said: str) -> None:
    assert many(number, word) == said
