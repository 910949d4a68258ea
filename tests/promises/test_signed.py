"""Signed and then changed: nothing is signed or handed out on the word of a folder that isn't what was signed."""

from __future__ import annotations

import json

import pytest
import yaml

from mirrorfold.configs.policy import load_policy
from mirrorfold.configs.settings import Settings
from mirrorfold.pipelines import lists
from mirrorfold.pipelines.commands.session import earlier_request
from mirrorfold.pipelines.context import RunContext
from mirrorfold.pipelines.errors import BrokenPromiseError
from mirrorfold.pipelines.finished.approve import approve
from mirrorfold.pipelines.finished.export import export
from mirrorfold.pipelines.finished.verify import describe, verify
from mirrorfold.pipelines.record.request import REQUEST_PATH, Request
from mirrorfold.pipelines.record.steps import Step
from mirrorfold.pipelines.run import run as carry_out
from mirrorfold.transforms.retain import verdicts
from mirrorfold.transforms.retain.approvals import missing_roles
from mirrorfold.transforms.retain.digests import plan_hash
from mirrorfold.transforms.stores.output import LocalOutput
from tests.retain.runs import accept_tampering, write_run
from tests.retain.tables import clusters, content, content_id, contents, failures, obj, objects, pairs, twin
from tests.verify.test_verify import change, drop

POLICY = """
approval: {required_roles: [curator]}
keep_order: [{library: [keep]}]
quarantine: {method: copy, bucket: aside}
"""


def small_run(folder) -> None:
    """Two copies of one picture, one of which goes; signed by the one role that the policy asks for."""
    tables = {
        "objects": objects(obj("s3://keep/a.jpg", "a"), obj("s3://b/a2.jpg", "a")),
        "contents": contents(content("a")),
        "failures": failures(),
        "clusters": clusters(twin("s3://keep/a.jpg", "a", "a", is_master=True), twin("s3://b/a2.jpg", "a", "a")),
        "pairs": pairs(),
    }
    write_run(folder, tables, POLICY)
    approve(str(folder), "curator", "Ann Lee")


@pytest.fixture
def signed(tmp_path):
    small_run(tmp_path / "run")
    assert export(str(tmp_path / "run"), "quarantine", "s5cmd", recheck=False).draft == []
    return tmp_path / "run"


def edit_policy(**changes):
    """Make a tampering that rewrites a part of policy.yaml."""

    def tamper(folder):
        policy = yaml.safe_load((folder / "policy.yaml").read_text())
        for part, fields in changes.items():
            policy[part] |= fields
        (folder / "policy.yaml").write_text(yaml.safe_dump(policy))

    return tamper


def say_different(folder):
    word = {"content_a": content_id("a"), "content_b": content_id("a"), "verdict": "different"}
    verdicts.store_verdicts(LocalOutput(str(folder)), [verdicts.checked_verdict(word | SAID, "x:1")])


def forget_digests(folder):
    record = json.loads((folder / "run.json").read_text())
    del record["digests"]
    (folder / "run.json").write_text(json.dumps(record))


SAID = {"reviewer": "bo", "at": "2026-01-01"}

CHANGED = {
    "the list names the kept file": ("objects", change("objects", "s3://b/a2.jpg", key="a.jpg", bucket="keep")),
    "no role is needed any more": ("policy.yaml", edit_policy(approval={"required_roles": []})),
    "copies go into a stranger's bucket": ("policy.yaml", edit_policy(quarantine={"bucket": "stranger"})),
    "nobody waits": ("policy.yaml", edit_policy(quarantine={"days": 1})),
    "a verdict isn't published yet": ("verdicts", say_different),
    "another decision": ("decisions", change("decisions", "s3://keep/a.jpg", reason="because")),
    "a hold look-up is gone": ("hold_checks", drop("hold_checks", "s3://b/a2.jpg")),
    "another cluster": ("clusters", change("clusters", "s3://b/a2.jpg", kind_text="x")),
    "a content is another": ("contents", change("contents", content_id("a"), width=7)),
    "the record has no digests": ("run.json", forget_digests),
}


@pytest.mark.parametrize(("what", "tamper"), CHANGED.values(), ids=CHANGED)
def test_what_changed_after_the_sign_off_is_neither_exported_nor_signed(signed, what, tamper):
    tamper(signed)
    assert any(b.promise == 8 and b.table == what for b in verify(str(signed))), [*map(describe, verify(str(signed)))]
    with pytest.raises(BrokenPromiseError, match="nothing was exported") as refused:
        export(str(signed), "quarantine", "s5cmd", recheck=False)
    assert "\n" not in str(refused.value)
    with pytest.raises(BrokenPromiseError, match="nothing was signed"):
        approve(str(signed), "curator", "Ann Lee")


@pytest.mark.parametrize(("what", "tamper"), list(CHANGED.values())[:-1], ids=list(CHANGED)[:-1])
def test_no_sign_off_holds_though_the_record_is_rewritten_too(signed, what, tamper):
    before = plan_hash(LocalOutput(str(signed)))
    tamper(signed)
    accept_tampering(signed)
    assert plan_hash(LocalOutput(str(signed))) != before
    assert missing_roles(LocalOutput(str(signed)), {"approval": {"required_roles": ["curator"]}}) == ["curator"]


def test_a_list_can_name_no_other_file_than_the_one_decided_on(signed):
    change("objects", "s3://b/a2.jpg", key="a.jpg", bucket="keep")(signed)
    accept_tampering(signed)
    assert any("a list would name another file" in describe(broken) for broken in verify(str(signed)))


def test_what_was_set_aside_can_come_back_though_a_verdict_waits(signed):
    say_different(signed)
    assert export(str(signed), "restore", "s5cmd", recheck=False).rows == 1


def test_a_hold_that_was_added_since_stops_the_export(tmp_path):
    held, output = tmp_path / "holds.csv", LocalOutput(str(tmp_path / "run"))
    held.write_text("uri\ns3://b/x.jpg\n")
    small_run(output.root)
    settings = Settings.model_validate({"listing": {"hold_list": str(held), "allow_unmatched_holds": True}})
    policy = yaml.safe_load(output.get("policy.yaml"))
    output.put(REQUEST_PATH, Request((), settings, policy).to_json())
    lists.check(RunContext(output.root, settings, policy))
    accept_tampering(output.root)
    assert export(output.root, "quarantine", "s5cmd", recheck=False).rows == 1
    held.write_text("uri\ns3://b/a2.jpg\n")
    with pytest.raises(BrokenPromiseError, match=r"holds.csv: changed since the plan was made"):
        export(output.root, "quarantine", "s5cmd", recheck=False)
    held.unlink()
    assert export(output.root, "quarantine", "s5cmd", recheck=False).rows == 1, "it goes by what the list said"


def begun(folder, **settings) -> LocalOutput:
    output = LocalOutput(str(folder))
    policy = load_policy("museum")
    request = Request((), Settings.model_validate({"policy": "museum"} | settings), policy)
    output.put(REQUEST_PATH, request.to_json())
    return output


def test_a_stage_with_another_config_keeps_policy_hold_list_and_catalogue(tmp_path):
    output = begun(tmp_path / "run", catalogue="c.csv", listing={"hold_list": "h.csv"})
    config = tmp_path / "threads.yaml"
    config.write_text("fingerprint: {threads: 3}\n")
    request = earlier_request(output.root, str(config), {"policy": None})
    assert request.policy == load_policy("museum")
    assert (request.settings.catalogue, request.settings.listing.hold_list) == ("c.csv", "h.csv")
    assert (request.settings.fingerprint.threads, request.settings.policy) == (3, "museum")
    config.write_text("policy: newsroom\n")
    assert earlier_request(output.root, str(config), {"policy": None}).policy == load_policy("newsroom"), "asked for"
    assert earlier_request(output.root, None, {"policy": "default"}).policy == load_policy("default"), "asked for"


def test_a_folder_is_finished_no_longer_once_its_policy_is_another(tmp_path):
    output = begun(tmp_path / "run")
    steps = (Step("nothing", stage="fingerprint"),)
    museum, default = (Request((), Settings(), load_policy(name)) for name in ("museum", "default"))
    carry_out(museum, output.root, steps=steps, until="fingerprint")
    output.put("_SUCCESS", b"")
    carry_out(museum, output.root, steps=steps, until="fingerprint")
    assert output.exists("_SUCCESS"), "the same again leaves it whole"
    carry_out(default, output.root, steps=steps, until="fingerprint")
    assert not output.exists("_SUCCESS")
