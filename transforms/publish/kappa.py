"""How well reviewers agree beyond chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

KIND_OF = {"same": "same", "keep-a": "same", "keep-b": "same", "different": "different", "split": "variant"}
"""What an answer says of the two pictures; which copy stays is another question."""


class Agreement(NamedTuple):
    """Two reviewers on the pairs that both answered; `kappa` is None where chance alone would have them agree."""

    first: str
    second: str
    pairs: int
    agreed: int
    kappa: float | None


def cohen_kappa(labels: Sequence[tuple[str, str]]) -> float | None:
    """Give Cohen's kappa of two raters (Cohen 1960): 1 is agreement, 0 what chance gives; None when undefined."""
    if not labels:
        return None
    n = len(labels)
    observed = sum(one == other for one, other in labels) / n
    first, second = Counter(one for one, _ in labels), Counter(other for _, other in labels)
    expected = sum(first[label] * second[label] for label in first) / n**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def agreements(verdicts: Iterable[Mapping]) -> list[Agreement]:
    """Compare every two reviewers over the pairs that both looked at; the last word of each counts.

    What was said of a whole filter, put off or adjudicated isn't an independent answer and is left out.
    """
    answers: dict[tuple[str, str], dict[str, str]] = {}
    for verdict in verdicts:
        if verdict["seen"] and verdict["verdict"] in KIND_OF and verdict["purpose"] != "adjudication":
            pair = verdict["content_a"], verdict["content_b"]
            answers.setdefault(pair, {})[verdict["reviewer"]] = KIND_OF[verdict["verdict"]]
    shared: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for by_reviewer in answers.values():
        for first, second in combinations(sorted(by_reviewer), 2):
            shared.setdefault((first, second), []).append((by_reviewer[first], by_reviewer[second]))
    return [
        Agreement(*names, len(labels), sum(one == other for one, other in labels), cohen_kappa(labels))
        for names, labels in sorted(shared.items())
    ]
