"""Nothing near goes without a person's word on the pair, or the full detail of both."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mirrorfold.configs.policy import load_policy, resolve_policy
from mirrorfold.schemas.confirmations import CONFIRMATIONS
from mirrorfold.schemas.pairs import LIES_OTHERWISE
from mirrorfold.transforms.retain import verdicts
from mirrorfold.transforms.retain.compared import Compared, nothing_confirmed
from mirrorfold.transforms.retain.records import Confirmed, Question
from mirrorfold.transforms.retain.seen import seen_of

from .pure import decide_tables
from .tables import clusters, content, content_id, contents, failures, fill, obj, objects, pairs, twin

PAIR = tuple(sorted((content_id("m"), content_id("v"))))
BY_POLICY = "  {tier}: {{action: quarantine, verification: {{min_correlation: 0.9, max_residual: 0.5}}}}\n"


def tables(tier: str, width: int = 99) -> dict:
    pair = {
        "content_a": PAIR[0], "content_b": PAIR[1], "tier": tier, "kind": "resized", "in_cluster": True,
        "reason": "master", "rule": "rule-a", "correlation": 0.99, "residual": 0.01,
    }  # fmt: skip
    return {
        "objects": objects(obj("s3://x/m.jpg", "m"), obj("s3://x/v.jpg", "v", size=50_000_000)),
        "contents": contents(content("m", width=width), content("v")),
        "clusters": clusters(
            twin("s3://x/m.jpg", "m", "m", min("mv", key=content_id), is_master=True),
            twin("s3://x/v.jpg", "v", "m", min("mv", key=content_id), tier=tier, kind="resized"),
        ),
        "pairs": pairs(pair),
        "failures": failures(),
    }


class Compares:
    """Answers as it is told, and remembers what was asked."""

    def __init__(self, confirmed: bool):
        self.confirmed, self.asked = confirmed, []

    def answer(self, questions: list[Question]):
        self.asked += [question.pair for question in questions]
        kind = "" if self.confirmed else "redacted"
        return {q.pair: Confirmed(*q.pair, self.confirmed, kind, 60, 40, 0.5, 7, 8, 9, 10) for q in questions}


def decided(tier: str, confirmed: bool, policy: str = "", said=()):
    compares = Compares(confirmed)
    resolved = resolve_policy("version: 1\n" + (policy and "tiers:\n" + policy), "p.yaml")
    rulings = verdicts.rule_on([verdicts.checked_verdict(row, "x:1") for row in said])
    made = decide_tables(tables(tier), resolved, rulings, confirmer=lambda _: compares.answer)
    row = next(row for row in made["decisions"].to_pylist() if row["uri"] == "s3://x/v.jpg")
    return row, compares.asked, made["confirmations"].to_pylist()


def word(**more) -> dict:
    return {
        "content_a": PAIR[0], "content_b": PAIR[1], "verdict": "same", "reviewer": "ann", "at": "2026-01-01",
    } | more  # fmt: skip


@pytest.mark.parametrize("tier", ["near-certain", "probable"])
def test_a_policy_frees_what_full_detail_confirms(tier):
    row, asked, confirmations = decided(tier, True, BY_POLICY.format(tier=tier))
    assert (row["action"], row["rule"]) == ("quarantine", tier)
    assert asked == [PAIR]
    assert f"confirmed:{PAIR[0]}:{PAIR[1]}" in row["evidence"]
    assert [(c["content_a"], c["content_b"], c["confirmed"]) for c in confirmations] == [(*PAIR, True)]


@pytest.mark.parametrize("tier", ["near-certain", "probable"])
def test_what_differs_at_full_detail_goes_to_people_with_kind_and_place(tier):
    row, _, confirmations = decided(tier, False, BY_POLICY.format(tier=tier))
    assert (row["action"], row["rule"]) == ("review", f"{tier}-unconfirmed")
    assert (row["tier_to_kept"], row["kind"]) == ("probable", "redacted")
    assert "compared at full detail they differ (redacted: 9x10 at 7,8 of 60x40)" in row["reason"]
    assert (confirmations[0]["x"], confirmations[0]["y"]) == (7, 8)


READY = ("default", "museum", "newsroom", "studio", "training-set")


@pytest.mark.parametrize("ready", READY)
@pytest.mark.parametrize("tier", ["near-certain", "probable"])
@pytest.mark.parametrize("confirmed", [True, False, None])
@pytest.mark.parametrize("asked_for", ["the policy", "a batch", "a policy of one's own"])
def test_under_no_policy_goes_anything_near_that_full_detail_did_not_confirm(ready, tier, confirmed, asked_for):
    policy = load_policy(ready) | {"min_archival_copies": 1}
    policy["review"] |= {"min_bytes_freed": 0, "reviewers": 1}
    if asked_for == "a policy of one's own":
        demands = f"version: 1\ntiers:\n{BY_POLICY.format(tier=tier)}"
        policy["tiers"] |= {tier: resolve_policy(demands, "p.yaml")["tiers"][tier]}
    said = [word(seen=False)] if asked_for == "a batch" else []
    compares = Compares(bool(confirmed))
    rulings = verdicts.rule_on([verdicts.checked_verdict(row, "x:1") for row in said])
    answers = nothing_confirmed if confirmed is None else lambda _: compares.answer
    rows = decide_tables(tables(tier), policy, rulings, confirmer=answers)["decisions"].to_pylist()
    gone = [row for row in rows if row["action"] == "quarantine"]
    assert all(f"confirmed:{PAIR[0]}:{PAIR[1]}" in row["evidence"] for row in gone)
    if confirmed and asked_for == "a policy of one's own":
        assert gone, "what is confirmed goes, or this would hold of anything"
    if not confirmed:
        assert gone == []


def test_a_word_on_many_at_once_needs_full_detail_too():
    assert decided("probable", True, said=[word(seen=False)])[0]["action"] == "quarantine"
    row, asked, _ = decided("probable", False, said=[word(reason="batch: probable/resized")])
    assert (row["action"], asked) == ("review", [PAIR])


def test_a_word_on_the_pair_itself_is_enough():
    row, asked, _ = decided("near-certain", False, BY_POLICY.format(tier="near-certain"), said=[word()])
    assert (row["action"], row["rule"]) == ("quarantine", "verdict-same")
    assert asked == [PAIR], "which of the two stays the word doesn't say"


def test_the_same_coded_picture_needs_no_second_reading():
    policy = "  same-picture: {action: quarantine, verification: {rules: [rule-a]}}\n"
    row, asked, _ = decided("same-picture", False, policy)
    assert (row["action"], asked) == ("quarantine", [])


def test_what_only_waits_for_review_is_not_read():
    row, asked, _ = decided("near-certain", False)
    assert (row["action"], asked) == ("review", [])


class Sees(Compares):
    """Says of single contents whether they are damaged, by name."""

    def __init__(self, confirmed: bool, **damaged: str):
        super().__init__(confirmed)
        self.damaged = {content_id(name): said for name, said in damaged.items()}

    def answer(self, questions: list[Question]):
        found = super().answer(questions)
        return {
            (a, b): row._replace(damaged_a=self.damaged.get(a), damaged_b=self.damaged.get(b))
            for (a, b), row in found.items()
        }


def seen(sees: Compares, policy: str = "", width: int = 99, said=()) -> dict[str, dict]:
    rulings = verdicts.rule_on([verdicts.checked_verdict(row, "x:1") for row in said])
    resolved = resolve_policy("version: 1\ntiers:\n" + BY_POLICY.format(tier="near-certain") + policy, "p.yaml")
    made = decide_tables(tables("near-certain", width), resolved, rulings, confirmer=lambda _: sees.answer)
    return {row["uri"][7:-4]: row for row in made["decisions"].to_pylist()}


def test_a_damaged_master_gives_way_to_the_sound_one():
    rows = seen(Sees(True, m="Corrupt JPEG data", v=""), width=60)
    assert (rows["v"]["action"], rows["v"]["rule"]) == ("keep", "master")
    assert (rows["m"]["action"], rows["m"]["kept_uri"]) == ("quarantine", "s3://x/v.jpg")
    assert "which is kept: undamaged, which this isn't" in rows["m"]["reason"]


def test_a_damaged_master_with_more_pixels_waits_for_people_beside_the_sound_one():
    row = seen(Sees(True, m="Corrupt JPEG data", v=""))["m"]
    assert (row["rule"], row["conflicts"]) == ("below-cutoff", ["pixels"])


@pytest.mark.parametrize(
    ("policy", "damaged"),
    [("", {"m": "Corrupt", "v": "Corrupt"}), ("keep_order: [pixels]", {"m": "Corrupt", "v": ""})],
    ids=["both damaged", "a policy that doesn't ask for sound ones"],
)
def test_nothing_goes_unasked_beside_a_damaged_copy(policy, damaged):
    row = seen(Sees(True, **damaged), policy)["v"]
    assert (row["action"], row["rule"], row["kind"]) == ("review", "damaged", "damaged")
    assert "read whole, one is damaged (the kept one: Corrupt" in row["reason"]


class Measures(Compares):
    """Says of single contents whether they have less detail than their pixels promise, by name."""

    def __init__(self, confirmed: bool, **soft: bool):
        super().__init__(confirmed)
        self.soft = {content_id(name): said for name, said in soft.items()}

    def answer(self, questions: list[Question]):
        found = super().answer(questions)
        return {(a, b): row._replace(soft_a=self.soft.get(a), soft_b=self.soft.get(b)) for (a, b), row in found.items()}


def test_a_blow_up_gives_way_to_what_has_fewer_pixels_and_more_detail():
    rows = seen(Measures(True, m=True, v=False), "review: {min_bytes_freed: 0}")
    assert (rows["v"]["action"], rows["m"]["action"], rows["m"]["kept_uri"]) == ("keep", "review", "s3://x/v.jpg")
    assert "which is kept: the detail that its pixels promise" in rows["m"]["reason"]


@pytest.mark.parametrize("compare", [True, False])
def test_what_waits_for_people_is_read_where_the_policy_says_so_and_the_better_one_proposed(compare):
    sees = Measures(True, m=True, v=False)
    resolved = resolve_policy(f"version: 1\nreview: {{min_bytes_freed: 0, compare: {str(compare).lower()}}}", "p.yaml")
    made = decide_tables(tables("near-certain"), resolved, confirmer=lambda _: sees.answer)
    rows = {row["uri"][7:-4]: row for row in made["decisions"].to_pylist()}
    waits, stays = ("m", "v") if compare else ("v", "m")
    assert len(sees.asked) == compare
    assert (rows[waits]["action"], rows[stays]["action"]) == ("review", "keep")
    assert rows[waits]["kept_uri"] == f"s3://x/{stays}.jpg"


def test_what_waits_is_named_by_what_full_detail_found_and_where():
    compares = Compares(False)
    resolved = resolve_policy("version: 1\nreview: {min_bytes_freed: 0, compare: true}", "p.yaml")
    made = decide_tables(tables("near-certain"), resolved, confirmer=lambda _: compares.answer)
    row = next(row for row in made["decisions"].to_pylist() if row["action"] == "review")
    assert (row["rule"], row["tier_to_kept"], row["kind"]) == ("near-certain-unconfirmed", "probable", "redacted")
    assert "9x10 at 7,8 of 60x40" in row["reason"]


def test_what_has_more_behind_it_stays_named_by_that():
    made = tables("near-certain")
    made["contents"] = contents(content("m", width=99, parts=["motion-video"]), content("v"))
    resolved = resolve_policy("version: 1\nreview: {min_bytes_freed: 0, compare: true}", "p.yaml")
    rows = decide_tables(made, resolved, confirmer=lambda _: Compares(False).answer)["decisions"].to_pylist()
    row = next(row for row in rows if row["action"] == "review")
    assert (row["rule"], row["kind"]) == ("near-certain", "resized")


def test_what_could_not_be_compared_waits_as_it_is():
    resolved = resolve_policy("version: 1\nreview: {min_bytes_freed: 0, compare: true}", "p.yaml")
    made = decide_tables(tables("near-certain"), resolved, confirmer=nothing_confirmed)
    row = next(row for row in made["decisions"].to_pylist() if row["action"] == "review")
    assert (row["rule"], row["tier_to_kept"], row["kind"]) == ("near-certain", "near-certain", "resized")


def test_what_one_pair_shows_to_be_a_blow_up_is_one_beside_any_other():
    a, b, c = map(content_id, "abc")
    said = [Confirmed(a, b, True, "", soft_a=True, soft_b=False), Confirmed(a, c, True, "", soft_a=False, soft_b=False)]
    assert seen_of(said)[a].soft
    assert seen_of(said[::-1])[a].soft
    assert seen_of(said)[c].soft is False


def test_a_word_that_two_are_the_same_keeps_the_undamaged_one():
    rows = seen(Sees(False, m="Corrupt", v=""), width=60, said=[word()])
    assert (rows["v"]["action"], rows["m"]["action"], rows["m"]["kept_uri"]) == ("keep", "quarantine", "s3://x/v.jpg")


def test_a_word_that_two_are_the_same_keeps_the_one_with_the_detail():
    rows = seen(Measures(False, m=True, v=False), said=[word()])
    assert (rows["v"]["action"], rows["m"]["action"], rows["m"]["kept_uri"]) == ("keep", "quarantine", "s3://x/v.jpg")


def test_of_a_blow_up_its_source_stays_and_not_a_redacted_copy_of_it():
    made = tables("near-certain")
    made["objects"] = objects(*(obj(f"s3://x/{name}.jpg", name) for name in "mvr"))
    made["contents"] = contents(content("m", width=99), content("v"), content("r", width=99))
    family = min("mvr", key=content_id)
    made["clusters"] = clusters(
        twin("s3://x/m.jpg", "m", "m", family, is_master=True),
        twin("s3://x/v.jpg", "v", "m", family, tier="near-certain", kind="resized"),
        twin("s3://x/r.jpg", "r", "m", family, tier="near-certain", kind="retouched"),
    )
    m, v, r = map(content_id, "mvr")

    def answer(questions: list[Question]):
        found = {}
        for pair in (question.pair for question in questions):
            soft = {m: v in pair, v: False, r: False}
            said = (v in pair, "" if v in pair else "redacted")
            found[pair] = Confirmed(*pair, *said, 60, 40, 0.5, soft_a=soft[pair[0]], soft_b=soft[pair[1]])
        return found

    resolved = resolve_policy("version: 1\nreview: {min_bytes_freed: 0, compare: true}", "p.yaml")
    rows = decide_tables(made, resolved, confirmer=lambda _: answer)["decisions"].to_pylist()
    assert {row["uri"][7:-4]: row["kept_uri"] for row in rows if row["action"] == "review"} == {"m": "s3://x/v.jpg"}


@pytest.mark.parametrize("kind", LIES_OTHERWISE)
def test_what_lies_otherwise_keeps_its_name_and_is_not_compared_for_people(kind):
    made, compares = tables("probable"), Compares(False)
    made["clusters"] = made["clusters"].set_column(
        made["clusters"].schema.get_field_index("kind"), "kind", pa.array(["copy", kind])
    )
    made["pairs"] = made["pairs"].set_column(made["pairs"].schema.get_field_index("kind"), "kind", pa.array([kind]))
    resolved = resolve_policy("version: 1\nreview: {min_bytes_freed: 0, compare: true}", "p.yaml")
    rows = decide_tables(made, resolved, confirmer=lambda _: compares.answer)["decisions"].to_pylist()
    assert [(row["rule"], row["kind"]) for row in rows if row["action"] == "review"] == [("probable", kind)]
    assert compares.asked == []


def test_where_both_are_damaged_people_are_asked_again():
    row = seen(Sees(False, m="Corrupt", v="Corrupt"), "review: {min_bytes_freed: 0}", said=[word()])["v"]
    assert (row["action"], row["rule"]) == ("review", "damaged")


def test_whoever_chose_the_damaged_one_to_stay_is_taken_at_their_word():
    keep = "keep-a" if content_id("m") < content_id("v") else "keep-b"
    row = seen(Sees(False, m="Corrupt", v=""), said=[word(verdict=keep)])["v"]
    assert (row["action"], row["rule"]) == ("quarantine", "verdict-keeper")


def test_a_copy_that_is_damaged_itself_goes_where_full_detail_shows_no_difference():
    rows = seen(Sees(True, m="", v="Corrupt"))
    assert (rows["v"]["action"], rows["m"]["action"]) == ("quarantine", "keep")


def test_an_earlier_comparison_is_taken_over():
    known = Confirmed(*PAIR, True, "", 60, 40, 0.5)
    compares = Compares(False)
    compared = Compared(fill(CONFIRMATIONS, [known._asdict()]))
    assert compared.by(compares.answer)([Question(PAIR, (), ())]) == {PAIR: known}
    assert compares.asked == []
    assert compared.rows().num_rows == 1
