"""Acceptance by sampling: a stratum of like pairs may go once a computed sample of it was looked at and passed.

A stratum of N pairs breaks the promise when more than a share `max_error` of them would be freed wrongly. The sample's
size n is the smallest for which a stratum with the fewest such errors passes, with at most c errors found, with a
probability of no more than 1 - confidence (hypergeometric: the sample is drawn without replacement).
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from mirrorfold.transforms.blocks.chance import finds_at_most
from mirrorfold.transforms.retain.people import person
from mirrorfold.transforms.retain.policy import Policy
from mirrorfold.transforms.retain.records import Ruling
from mirrorfold.transforms.retain.verdicts import looked_at, rule_on
from mirrorfold.transforms.stores.output import OutputStore

FOLDER = "review/acceptance/"
PAIRS = pa.schema(
    [
        pa.field("content_a", pa.string(), nullable=False),
        pa.field("content_b", pa.string(), nullable=False),
        pa.field("kept", pa.string(), nullable=False),
        pa.field("stratum", pa.string(), nullable=False),
        pa.field("place", pa.int32()),
    ]
)
"""`place`: where in the sample's order a pair is asked; null for those that aren't in the sample."""

MOST_ERRORS = 20


class WaitingPair(NamedTuple):
    """A pair that waits for a decision, and the stratum it belongs to."""

    content_a: str
    content_b: str
    kept: str
    stratum: str


@dataclass(frozen=True)
class Stratum:
    """One stratum of a plan: N pairs, of which n are asked, and c errors among them are borne.

    `too_many` is the fewest errors in it that would break the promise.
    """

    name: str
    pairs: int
    sample: int
    errors: int
    too_many: int


@dataclass(frozen=True)
class AcceptancePlan:
    """What was promised when the sample was drawn, and of which very pairs."""

    max_error: float
    confidence: float
    seed: str
    strata: tuple[Stratum, ...]
    digest: str

    @property
    def id(self) -> str:
        """Name the plan: a digest of all it says."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Judged:
    """Where a stratum stands: `accepted`, `rejected` or `open`, after so many answers and errors found."""

    stratum: Stratum
    plan: str
    state: str
    answered: int
    errors: int


def too_many(total: int, max_error: float) -> int:
    """Give the fewest errors that are more than a share of `total`."""
    return math.floor(total * max_error + 1e-9) + 1


@functools.lru_cache(maxsize=4096)
def sample_size(total: int, max_error: float, confidence: float, errors: int = 0) -> int:
    """Give the smallest sample that keeps the promise while bearing so many errors; all pairs where none is enough."""
    wrong = too_many(total, max_error)
    if wrong > total or errors >= wrong:
        return total
    risk, low, high = 1 - confidence, errors, total
    while low < high:
        middle = (low + high) // 2
        if finds_at_most(errors, total, wrong, middle) <= risk:
            high = middle
        else:
            low = middle + 1
    return low


def choose_errors(total: int, max_error: float, confidence: float, expected: float) -> int:
    """Give the fewest errors to bear so that a stratum as good as expected passes 9 times of 10."""
    likely = round(total * expected)
    most = min(MOST_ERRORS, too_many(total, max_error) - 1)
    for errors in range(most + 1):
        if finds_at_most(errors, total, likely, sample_size(total, max_error, confidence, errors)) >= 0.9:
            return errors
    return most


def draw(
    pairs: Iterable[WaitingPair], max_error: float, confidence: float, seed: str, expected: float = 0.0
) -> tuple[AcceptancePlan, pa.Table]:
    """Draw a sample of every stratum; the same pairs and seed give the same sample, in any order.

    Returns:
      the plan, and its pairs as rows of PAIRS.

    Raises:
      ValueError: a share that isn't one, or nothing to draw from; one line.
    """
    for name, share in (("max-error", max_error), ("confidence", confidence)):
        if not 0 < share < 1:
            raise ValueError(f"--{name} is a share between 0 and 1, like 1% or 0.01, not {share:g}")
    if not 0 <= expected < max_error:
        raise ValueError(f"--expected-error must be below --max-error, not {expected:g}")
    by_stratum: dict[str, list[WaitingPair]] = {}
    for pair in pairs:
        by_stratum.setdefault(pair.stratum, []).append(pair)
    if not by_stratum:
        raise ValueError("no pair waits that could be accepted by sampling: conflicts are for people alone")
    strata, rows = [], []
    for name in sorted(by_stratum):
        drawn = sorted(by_stratum[name], key=lambda pair: _lot(seed, pair))
        errors = choose_errors(len(drawn), max_error, confidence, expected)
        size = sample_size(len(drawn), max_error, confidence, errors)
        strata.append(Stratum(name, len(drawn), size, errors, too_many(len(drawn), max_error)))
        rows += [(*pair, place if place < size else None) for place, pair in enumerate(drawn)]
    rows.sort()
    table = pa.table(
        [pa.array(values, f.type) for values, f in zip(zip(*rows, strict=True), PAIRS, strict=True)], PAIRS
    )
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    return AcceptancePlan(max_error, confidence, seed, tuple(strata), digest), table


def _lot(seed: str, pair: WaitingPair) -> bytes:
    return hashlib.sha256(f"{seed} {pair.content_a} {pair.content_b}".encode()).digest()


def judge(stratum: Stratum, plan: str, answers: Sequence[bool | None]) -> Judged:
    """Say where a stratum stands, from the sample's answers in its order: True right, False an error, None not yet.

    It ends as soon as no further answer could change it.
    """
    errors = sum(answer is False for answer in answers)
    answered = sum(answer is not None for answer in answers)
    if errors > stratum.errors:
        state = "rejected"
    elif answered == stratum.sample or errors + stratum.sample - answered <= stratum.errors:
        state = "accepted"
    else:
        state = "open"
    return Judged(stratum, plan, state, answered, errors)


def is_right(outcome: str, kept_is_a: bool) -> bool | None:
    """Tell whether what people found means that freeing the pair as planned is right; None where they disagree."""
    if outcome in ("conflict", "defer"):
        return None
    return outcome == "same" or outcome == ("keep-a" if kept_is_a else "keep-b")


def save(output: OutputStore, plan: AcceptancePlan, pairs: pa.Table) -> None:
    """Keep a plan and its pairs under DIR."""
    sink = io.BytesIO()
    pq.write_table(pairs, sink, compression="zstd")
    output.put(f"{FOLDER}{plan.id}.parquet", sink.getvalue())
    output.put(f"{FOLDER}{plan.id}.json", json.dumps(asdict(plan), indent=1, ensure_ascii=False).encode())


def read(output: OutputStore) -> list[tuple[AcceptancePlan, list[dict]]]:
    """Read the plans kept under DIR, each with its pairs.

    Raises:
      ValueError: a plan or its pairs were changed since they were drawn.
    """
    found = []
    for path in sorted(output.list(FOLDER)):
        if not path.endswith(".json"):
            continue
        try:
            raw = json.loads(output.get(path))
            plan = AcceptancePlan(**raw | {"strata": tuple(Stratum(**stratum) for stratum in raw["strata"])})
            with output.open(f"{FOLDER}{plan.id}.parquet") as source:
                pairs = pq.read_table(source).to_pylist()
            rows = [tuple(row[name] for name in PAIRS.names) for row in pairs]
            whole = hashlib.sha256(json.dumps(rows).encode()).hexdigest() == plan.digest
        except (ValueError, TypeError, KeyError, FileNotFoundError, pa.ArrowInvalid) as error:
            raise ValueError(f"{output.url(path)} isn't an acceptance plan as it was drawn: {error}") from error
        if not whole:
            raise ValueError(f"{output.url(path)}: its pairs were changed since they were drawn")
        found.append((plan, pairs))
    return found


Looked = Mapping[tuple[str, str], tuple[str, tuple[str, ...]]]


def judge_all(plans: Iterable[tuple[AcceptancePlan, list[dict]]], looked: Looked, people: int = 1) -> list[Judged]:
    """Judge every stratum of every plan by what people found who looked, see `verdicts.looked_at`.

    Args:
      people: how many must have looked at a pair and agree.
    """
    found = []
    for plan, pairs in plans:
        samples: dict[str, list[dict]] = {}
        for row in pairs:
            if row["place"] is not None:
                samples.setdefault(row["stratum"], []).append(row)
        for stratum in plan.strata:
            asked = sorted(samples.get(stratum.name, []), key=lambda row: row["place"])
            found.append(judge(stratum, plan.id, [_answer(row, looked, people) for row in asked]))
    return found


def _answer(row: Mapping, looked: Looked, people: int) -> bool | None:
    said = looked.get((row["content_a"], row["content_b"]))
    right = None if said is None else is_right(said[0], row["kept"] == row["content_a"])
    # One person who finds an error is enough to hold a stratum up; to let a pair pass, as many as the policy asks for.
    return None if right and said is not None and len(said[1]) < people else right


def accepted(
    plans: Sequence[tuple[AcceptancePlan, list[dict]]],
    looked: Looked,
    rulings: Mapping[tuple[str, str], Ruling],
    people: int = 1,
) -> dict[tuple[str, str], Ruling]:
    """Give the pairs of accepted strata on which nobody ruled, as rulings `accepted` that name their plan."""
    judged = judge_all(plans, looked, people)
    passed = {(found.plan, found.stratum.name) for found in judged if found.state == "accepted"}
    found = {}
    for plan, pairs in plans:
        for row in pairs:
            pair = row["content_a"], row["content_b"]
            ruled = rulings.get(pair)
            if (plan.id, row["stratum"]) in passed and (ruled is None or ruled.outcome == "defer"):
                found[pair] = Ruling("accepted", (*(ruled.verdicts if ruled else ()), f"acceptance-{plan.id}"), False)
    return found


def standing(output: OutputStore, said: Sequence[dict], policy: Policy) -> list[Judged]:
    """Judge the plans kept under DIR by the verdicts of those whom the policy lets review."""
    return judge_all(read(output), _looked(said, policy), policy.reviewers)


def rule_with_samples(output: OutputStore, said: Sequence[dict], policy: Policy) -> dict[tuple[str, str], Ruling]:
    """Put verdicts together, and add what accepted samples let go where the policy has a tier wait for that."""
    rulings = rule_on(said, policy.reviewers, policy.may_review)
    if not any(rule.when == "accepted" for _, rule in policy.tiers):
        return rulings
    return rulings | accepted(read(output), _looked(said, policy), rulings, policy.reviewers)


def _looked(said: Sequence[dict], policy: Policy) -> Looked:
    may = policy.may_review
    return looked_at([verdict for verdict in said if may is None or person(verdict["reviewer"]) in may])
