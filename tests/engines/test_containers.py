"""The image, the Flex Template and the Kubernetes files: every path, version and name in them holds."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from mirrorfold.pipelines.engine import option_files

ROOT = Path(__file__).resolve().parents[2]
CONTAINERS = ROOT / "containers"
KNOWN = {"FROM", "ARG", "ENV", "WORKDIR", "COPY", "RUN", "ENTRYPOINT"}


def instructions() -> list[tuple[str, str]]:
    """Read the Containerfile as (instruction, rest), continuation lines joined."""
    text = (CONTAINERS / "Containerfile").read_text()
    lines = re.sub(r"\\\n", " ", "".join(f"{line}\n" for line in text.splitlines() if not line.startswith("#")))
    return [tuple(line.split(None, 1)) for line in lines.splitlines() if line.strip()]


def given(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def locked(package: str) -> str:
    """Give a package's version in the lock file for the image's Python."""
    found = re.findall(rf"^{package}==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert found, f"{package} isn't in requirements.lock"
    return found[0]


def test_only_known_instructions():
    assert {name for name, _ in instructions()} <= KNOWN


def test_base_images_are_pinned_and_match_the_lock():
    images = [re.split(r"\s+AS\s+", rest) for rest in given("FROM")]
    stages = {stage for _, stage in images}
    pinned = {image for image, _ in images if image not in stages}
    assert f"apache/beam_python3.11_sdk:{locked('apache-beam')}" in pinned
    assert not [image for image in pinned if ":" not in image or image.endswith(":latest")]


def test_pillow_is_past_its_overflow():
    assert int(locked("pillow").split(".")[0]) >= 13


def test_pythons_agree():
    """The image's Python is one that the package takes, and its minor version the launcher's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    minor = re.search(r"beam_python3\.(\d+)_sdk", given("FROM")[1]).group(1)
    assert int(minor) >= int(re.search(r">=3\.(\d+)", project["requires-python"]).group(1))
    assert f"python3{minor}-template-launcher-base" in given("FROM")[0]


def test_everything_copied_is_here():
    copied = [rest.split() for rest in given("COPY")]
    sources = {source for parts in copied if not parts[0].startswith("--from") for source in parts[:-1]}
    assert not [source for source in sources if not (ROOT / source).exists()]
    folders = re.search(r"FOLDERS = \[(.*?)\]", (ROOT / "setup.py").read_text()).group(1)
    assert set(re.findall(r'"(\w+)"', folders)) <= sources


def test_packages_come_by_hash_and_nothing_else_is_fetched():
    commands = " && ".join(given("RUN"))
    installs = re.findall(r"pip install [^&]*", commands)
    assert installs
    assert not [command for command in installs if "--require-hashes" not in command and "--no-deps" not in command]
    assert not re.search(r"curl|wget|apt-get|ADD ", commands)


def test_the_templates_entry_points_exist():
    environment = " ".join(given("ENV"))
    program = re.search(r"FLEX_TEMPLATE_PYTHON_PY_FILE=(\S+)", environment).group(1)
    workdir = given("WORKDIR")[0]
    assert program.startswith(f"{workdir}/")
    assert (CONTAINERS / Path(program).name).exists()
    copied = [rest for rest in given("COPY") if "python_template_launcher" in rest]
    assert json.loads(given("ENTRYPOINT")[-1])[0] == copied[0].split()[-1]


def test_the_images_own_check_passes_on_the_locked_packages():
    checked = subprocess.run(
        [sys.executable, "-W", "ignore", CONTAINERS / "check_image.py"], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


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
