"""Policies as people write them: what is wrong is said with its line, and what is right means the same everywhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mirrorfold.configs.policy import load_policy, policy_schema, ready_policies, resolve_policy
from mirrorfold.transforms.retain.policy import compile_policy, policy_hash

MISTAKES = {
    "empty": ("", 1, "must be given"),
    "not YAML": ("a: [", 1, "not valid YAML"),
    "a list": ("- 1", 1, ""),
    "no version": ("name: x", 1, "version: must be given"),
    "a later version": ("\nversion: 2", 2, "version: "),
    "an unknown setting": ("version: 1\nprotcet: []", 2, "protcet: there is no such setting"),
    "an unknown setting inside": ("version: 1\n\ntiers:\n  identical: {acton: keep}", 4, "tiers.identical.acton: "),
    "a setting twice": ("version: 1\nprotect: []\nprotect: []", 3, "'protect' is given twice"),
    "a negative number": ("version: 1\nmin_archival_copies: 0", 2, "min_archival_copies: "),
    "in a list": ("version: 1\nscopes:\n- {name: a, match: b}\n- {name: c d, match: e}", 4, "scopes[2].name: "),
    "a scope of nothing": ("version: 1\nscopes:\n- {name: a}", 3, "scope 'a' needs match or libraries"),
    "scopes of one name": (
        "version: 1\nscopes:\n- {name: a, match: b}\n- {name: a, match: c}", 2, "two scopes have the same name",
    ),
    "an unknown scope": ("version: 1\n\nkeep_order: [scope: [hk]]", 3, "no scope named 'hk'"),
    "an unknown criterion": ("version: 1\nkeep_order:\n- pixels\n- beauty", 4, "keep_order[2]"),
    "a criterion without its list": ("version: 1\nkeep_order: [library]", 2, "library needs a list"),
    "an unknown unit": ("version: 1\nreview: {min_bytes_freed: 30XB}", 2, "unknown unit 'XB'"),
    "more than all of it": ("version: 1\nreview: {min_share_freed: 101%}", 2, "review.min_share_freed: "),
    "a hash alone": ("version: 1\ntiers:\n  probable: {action: quarantine}", 3, "a perceptual hash alone never"),
    "distances alone": (
        "version: 1\ntiers:\n  near-certain: {action: quarantine, verification: {max_d_phash256: 0}}", 3,
        "a perceptual hash alone never",
    ),
    "too weak a demand": (
        "version: 1\ntiers:\n  probable:\n    action: quarantine\n    verification: {min_correlation: 0.2}", 5,
        "tiers.probable.verification.min_correlation: ",
    ),
    "acting on held objects": ("version: 1\nholds: {on_hold: quarantine}", 2, "holds.on_hold: "),
    "copies without a bucket": ("version: 1\nquarantine: {method: copy}", 2, "method copy needs a bucket"),
    "no such hold list": ("version: 1\nholds:\n  hold_list: none.csv", 3, "holds.hold_list: can't read none.csv"),
    "an empty condition": (
        "version: 1\nroles: {master: {any: [{}]}}", 2, "an empty condition would match every object",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_with_its_place(text, line, message):
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        resolve_policy(text, "p.yaml")
    assert str(error.value).startswith(f"p.yaml:{line}: ")
    assert "\n" not in str(error.value)


def test_a_missing_policy_is_one_line(tmp_path):
    with pytest.raises(ValueError, match=r"none\.yaml: can't read the policy"):
        load_policy(str(tmp_path / "none.yaml"))
    with pytest.raises(ValueError, match="no ready policy named 'musuem': there are default, museum"):
        load_policy("musuem")


@pytest.mark.parametrize("name", ready_policies())
def test_ready_policies_are_valid_and_commented(name):
    policy = load_policy(name)
    assert policy["name"] == name
    compile_policy(policy)
    text = Path("configs", "policies", f"{name}.yaml").read_text() if Path("configs").exists() else "#"
    assert text.startswith("#")


def test_the_museum_keeps_two_copies_and_default_one():
    assert load_policy("default")["min_archival_copies"] == 1
    assert load_policy("museum")["min_archival_copies"] == 2


def test_resolving_again_changes_nothing():
    for name in ready_policies():
        policy = load_policy(name)
        assert policy == json.loads(json.dumps(policy))
        assert policy_hash(policy) == policy_hash(json.loads(json.dumps(policy, sort_keys=True)))


def test_the_hash_is_of_what_a_policy_says_not_of_where_it_lies(tmp_path):
    hashes = set()
    for folder, holds in (("a", "uri\nx\n"), ("b", "uri\nx\n"), ("c", "uri\ny\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "holds.csv").write_text(holds)
        (tmp_path / folder / "p.yaml").write_text("version: 1\nholds: {hold_list: holds.csv}\n")
        hashes.add(policy_hash(load_policy(str(tmp_path / folder / "p.yaml"))))
    assert len(hashes) == 2


def test_sizes_have_units():
    for text, size in (("30MB", 30_000_000), ("30MiB", 30 << 20), ("1.5 GB", 1_500_000_000), ("7", 7)):
        assert (
            resolve_policy(f"version: 1\nreview: {{min_bytes_freed: {text}}}", "p")["review"]["min_bytes_freed"] == size
        )


def test_the_schema_knows_every_setting():
    schema = policy_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(load_policy("default"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("roles: {master: {any: [{format: [tiff, dgn]}]}}", "no file has the format 'dgn', did you mean dng"),
        ("roles: {master: {any: [{format: spreadsheet}]}}", "no file has the format 'spreadsheet'"),
    ],
)
def test_a_format_that_no_file_has_is_refused(text, says):
    with pytest.raises(ValueError, match=says):
        resolve_policy(f"version: 1\n{text}", "p.yaml")


@pytest.mark.parametrize(("said", "means"), [("true", True), ("false", False), ("10GB", 10**10), ("0", 0)])
def test_comparing_is_asked_for_by_yes_no_or_a_size(said, means):
    resolved = resolve_policy(f"version: 1\nreview: {{compare: {said}}}", "p.yaml")["review"]["compare"]
    assert (resolved, type(resolved)) == (means, type(means))


def test_comparing_to_an_unknown_extent_is_one_line():
    with pytest.raises(ValueError, match=r"p\.yaml:2: review\.compare: true, false, or a size such as 10GB[^\n]*$"):
        resolve_policy("version: 1\nreview: {compare: maybe}", "p.yaml")
