"""The image, the Flex Template and the Kubernetes files: every path, version and name in them holds."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from apache_beam.runners.portability.sdk_container_builder import SDK_CONTAINER_ENTRYPOINT

from mirrorfold.pipelines.engine import option_files

ROOT = Path(__file__).resolve().parents[2]
CONTAINERS = ROOT / "containers"
LAUNCHER = "/opt/google/dataflow/python_template_launcher"
"""Where Google's launcher lies in its own image, and where Dataflow looks for it."""


@dataclass
class Image:
    """What a stage of the Containerfile has become once it is built.

    Attributes:
      base: the image it starts from, outside this file.
      files: by path in the image, what was copied there: a path of ours, or one of another stage.
      ran: every command, and what had been copied by then.
    """

    base: str
    workdir: str = "/"
    files: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    ran: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)


def instructions() -> list[tuple[str, str]]:
    """Read the Containerfile as (instruction, rest), continuation lines joined."""
    text = (CONTAINERS / "Containerfile").read_text()
    lines = re.sub(r"\\\n", " ", "".join(f"{line}\n" for line in text.splitlines() if not line.startswith("#")))
    return [tuple(line.split(None, 1)) for line in lines.splitlines() if line.strip()]


def images() -> dict[str, Image]:
    """Follow the Containerfile, as a builder does, to its stages."""
    made: dict[str, Image] = {}
    for name, rest in instructions():
        if name == "FROM":
            parent, stage = re.fullmatch(r"(\S+) AS (\w+)", rest).groups()
            image = made[stage] = copy.deepcopy(made[parent]) if parent in made else Image(parent)
        elif name == "WORKDIR":
            image.workdir = rest
        elif name == "COPY":
            *sources, target = rest.split()
            origin = ""
            if sources[0].startswith("--from="):
                origin = sources.pop(0).partition("=")[2]
                assert origin in made, f"there is no stage {origin} to copy from"
            for source in sources:
                path = os.path.join(target, Path(source).name) if target.endswith("/") else target
                image.files[os.path.normpath(os.path.join(image.workdir, path))] = f"{origin}:{source}"
        elif name == "ENV":
            image.env |= dict(pair.split("=", 1) for pair in rest.split())
        elif name == "RUN":
            image.ran += [(command.strip(), dict(image.files)) for command in rest.split("&&")]
        else:
            assert name == "ENTRYPOINT", f"what does {name} do?"
            image.entrypoint = json.loads(rest)
    return made


def locked(package: str) -> str:
    """Give a package's version in the lock file for the image's Python."""
    found = re.findall(rf"^{package}==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert found, f"{package} isn't in requirements.lock"
    return found[0]


def test_base_images_are_pinned_and_match_the_lock():
    bases = {stage: image.base for stage, image in images().items()}
    assert bases["worker"] == bases["template"] == f"apache/beam_python3.11_sdk:{locked('apache-beam')}"
    assert not [base for base in bases.values() if ":" not in base or base.endswith(":latest")]


def test_pillow_is_past_its_overflow():
    assert int(locked("pillow").split(".")[0]) >= 13


def test_pythons_agree():
    """The image's Python is one that the package takes, and its minor version the launcher's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    made = images()
    minor = re.search(r"beam_python3\.(\d+)_sdk", made["worker"].base).group(1)
    assert int(minor) >= int(re.search(r">=3\.(\d+)", project["requires-python"]).group(1))
    assert f"/python3{minor}-template-launcher-base:" in made["launcher"].base


def test_packages_come_by_hash_and_nothing_else_is_fetched():
    """These and no other commands, in this order."""
    (locked_ones, files), (own, _), (agree, _), (codecs, _) = images()["worker"].ran
    assert locked_ones == "python -m pip install --require-hashes -r requirements.lock"
    assert files["/opt/mirrorfold/requirements.lock"] == ":requirements.lock"
    assert own == "python -m pip install --no-deps --no-build-isolation ."
    assert agree == "python -m pip check"
    assert codecs == "python -W ignore check_image.py"
    assert images()["template"].ran == images()["worker"].ran


def test_what_is_copied_is_a_whole_package(tmp_path):
    """Laid out as in the image, it installs as there, and passes the image's own check."""
    worker = images()["worker"]
    own, files = worker.ran[1]
    for path, source in files.items():
        place = tmp_path / "image" / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        here = ROOT / source.removeprefix(":")
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(here, place, symlinks=True, ignore=ignore) if here.is_dir() else shutil.copy(here, place)
    workdir, site = tmp_path / "image" / worker.workdir.lstrip("/"), tmp_path / "site"
    install = [sys.executable, *own.split()[1:], "--quiet", "--target", str(site)]
    subprocess.run(install, cwd=workdir, check=True, capture_output=True)
    installed = {str(path.relative_to(site / "mirrorfold")) for path in (site / "mirrorfold").rglob("*.py")}
    assert installed == {path.name for path in (ROOT / "src" / "mirrorfold").glob("*.py")} | {
        str(path.relative_to(ROOT))
        for folder in ("schemas", "transforms", "pipelines", "configs")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {"mirrorfold", "mirrorfold-worker"} <= {path.name for path in (site / "bin").iterdir()}
    check, files = worker.ran[3]
    name = check.split()[-1]
    shutil.copy(ROOT / files[os.path.join(worker.workdir, name)].removeprefix(":"), workdir / name)
    checked = subprocess.run([sys.executable, *check.split()[1:]], cwd=workdir, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "every codec is there" in checked.stdout


def test_entry_points_exist():
    made = images()
    assert made["worker"].entrypoint == [SDK_CONTAINER_ENTRYPOINT]
    template = made["template"]
    assert template.entrypoint == [LAUNCHER]
    assert template.files[LAUNCHER] == f"launcher:{LAUNCHER}"
    assert template.files[template.env["FLEX_TEMPLATE_PYTHON_PY_FILE"]] == ":containers/flex_main.py"
    assert template.env["OPENBLAS_NUM_THREADS"] == "1"  # as worker_boot sets it where an engine starts processes


@pytest.mark.parametrize("path", ["containers/Containerfile", "docs/engines.md"])
def test_documented_targets_are_stages(path):
    named = re.findall(r"-f (\S+) --target (\w+)", (ROOT / path).read_text())
    assert {target for _, target in named} == {"worker", "template"}
    assert {target for _, target in named} <= set(images())
    assert {(ROOT / file).resolve() for file, _ in named} == {CONTAINERS / "Containerfile"}


def flex_main():
    spec = importlib.util.spec_from_file_location("flex_main", CONTAINERS / "flex_main.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_parameters_become_a_command_line():
    made = flex_main().command_line(
        ["--sources=hk=gs://a/b 'gs://c/d e'", "--output=gs://o/x", "--runner=DataflowRunner", "--region=r"]
    )
    assert made == [
        "run",
        "hk=gs://a/b",
        "gs://c/d e",
        "--output=gs://o/x",
        "--log-json",
        "--runner=DataflowRunner",
        "--region=r",
    ]


def test_metadata_names_the_parameters_that_are_read():
    metadata = json.loads((CONTAINERS / "flex_template.json").read_text())
    parameters = {parameter["name"]: parameter for parameter in metadata["parameters"]}
    assert set(parameters) == {"sources", *flex_main().OURS}
    assert [name for name, found in parameters.items() if not found["isOptional"]] == ["sources", "output"]
    for parameter in parameters.values():
        assert parameter["helpText"].endswith(".")
        for pattern in parameter["regexes"]:
            re.compile(pattern)


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("output", "gs://bucket/clean", True),
        ("output", "s3://bucket/clean", False),
        ("output", "gs://bucket", False),
        ("sources", "hk=gs://a gs://b", True),
        ("sources", "", False),
    ],
)
def test_metadata_refuses_what_cannot_work(name, value, fits):
    metadata = json.loads((CONTAINERS / "flex_template.json").read_text())
    (pattern,) = next(found["regexes"] for found in metadata["parameters"] if found["name"] == name)
    assert bool(re.match(pattern, value)) == fits


def test_kubernetes_agrees_with_its_option_file():
    cluster = yaml.safe_load((CONTAINERS / "flink-session.yaml").read_text())
    options = option_files.load("flink-kubernetes")
    manager = cluster["spec"]["taskManager"]
    sidecar = next(c for c in manager["podTemplate"]["spec"]["containers"] if c["name"] == "mirrorfold-worker")
    assert options["environment_config"] == f"localhost:{sidecar['ports'][0]['containerPort']}"
    assert options["sdk_worker_parallelism"] <= manager["resource"]["cpu"]
    pom = (ROOT / "tools" / "flink" / "pom.xml").read_text()
    assert f"beam-runners-flink-{cluster['spec']['image'].partition(':')[2]}<" in pom
