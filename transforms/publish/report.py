"""report.html: one file that a manager reads and a data engineer trusts; no script, no network."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

from mirrorfold.transforms.publish import charts
from mirrorfold.transforms.publish.environment import environment
from mirrorfold.transforms.publish.facts import Facts
from mirrorfold.transforms.publish.languages import LANGUAGES, NAMES, SENTENCES, Both, both, both_or, joined
from mirrorfold.transforms.publish.part_changes import changes_part
from mirrorfold.transforms.publish.part_clusters import Picture, cluster_cards
from mirrorfold.transforms.publish.part_savings import duration, money_range, savings_part
from mirrorfold.transforms.publish.part_sign import sign_part
from mirrorfold.transforms.publish.part_whatif import mirrors_part, whatif_part
from mirrorfold.transforms.publish.policy_words import policy_lines
from mirrorfold.transforms.publish.queue import Found, Work
from mirrorfold.transforms.publish.signing import Signing, signatures
from mirrorfold.transforms.publish.team import people_of
from mirrorfold.transforms.publish.text import human_bytes, human_share
from mirrorfold.transforms.publish.wilson import wilson

COMMANDS = ("again", "check", "ask", "import", "approve", "export")

LEAST_MONEY = 1
"""Below one unit of the currency a month, a headline says nothing of money; the table does."""


@dataclass(frozen=True)
class Report:
    """All that the report is made of.

    Attributes:
      summary: what transforms.estimate.summary gives, or None without prices.
      work: what people are asked.
      people: the reviewers: what each answered, how well they agree, what was adjudicated, see `team.people_of`.
      samples: strata of acceptance by sampling, with where each stands.
      verdicts: by tier: what people found who looked at pairs of the quality sample.
      provenance: (name, value) of what the run was made from; names as in strings `reproduce`.
      signing: how far the plan is signed. made: the day on which it was made, as YYYY-MM-DD.
      commands: shell lines by name, see COMMANDS; one that doesn't apply is left out.
    """

    facts: Facts
    work: Work
    policy: Mapping
    policy_hash: str
    policy_source: str
    settings_source: str = ""
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    summary: Mapping | None = None
    verdicts: Mapping[str, Found] = field(default_factory=dict)
    samples: Sequence[Mapping] = ()
    people: Mapping[str, Sequence] = field(default_factory=lambda: people_of(()))
    provenance: Sequence[tuple[str, str]] = ()
    commands: Mapping[str, str] = field(default_factory=dict)
    signing: Signing = field(default_factory=Signing)
    made: str = ""
    review_link: str | None = "review/index.html"
    language: str = "en"


def style_hash(style: str) -> str:
    """Give a style sheet's source expression for a Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def render(report: Report) -> str:
    """Render the whole page."""
    style = (importlib.resources.files("mirrorfold.transforms.publish") / "static" / "report.css").read_text("utf-8")
    style += print_footer(report.signing.plan)
    facts = report.facts
    unlooked = [tier for tier in charts.TIERS[1:] if not report.verdicts.get(tier, Found()).looked]
    sums = sums_by_action(facts.plan)
    context = {
        "language": report.language,
        "languages": NAMES,
        "style": Markup(style),
        "style_hash": Markup(style_hash(style)),
        "headline": headline(report, sums),
        "bar": archive_bar(sums),
        "cards": cards(report, sums),
        "review_link": report.review_link if facts.totals["asked"] else None,
        "tiers": [
            {"name": name, "label": both(f"tiers.{name}"), "note": both(f"tier_notes.{name}")} for name in charts.TIERS
        ],
        "signatures": Markup(signatures(report.signing)),
        "plan_hash": report.signing.plan,
        "policy_name": report.policy.get("name", ""),
        "policy_hash": report.policy_hash,
        "made": report.made,
        **sign_part(facts, report.policy, report.summary, report.people, unlooked),
        **savings_part(facts, report.summary),
        **whatif_part(facts),
        **mirrors_part(facts),
        **changes_part(facts),
        "clusters": cluster_cards(facts, report.pictures),
        "formats": [
            {**row, "contents": f"{row['contents']:,}", "bytes": human_bytes(row["bytes"])} for row in facts.formats
        ],
        "failures": [failure_row(row) for row in facts.failures],
        "policy_intro": both("policy.intro", hash=Markup("<code>{}</code>").format(report.policy_hash[:12])),
        "policy_lines": policy_lines(report.policy),
        "policy_source": report.policy_source,
        "settings_source": report.settings_source,
        "next_keep": both("next.keep", days=(report.policy.get("quarantine") or {}).get("days", 90)),
        "precision": [precision_row(tier, report.verdicts.get(tier, Found())) for tier in charts.TIERS[1:]],
        "people": people_rows(report.people),
        "samples": [sample_row(row) for row in report.samples],
        "provenance": report.provenance,
        "commands": {name: report.commands.get(name, "") for name in COMMANDS},
    }
    return environment().get_template("report.html.j2").render(context)


def print_footer(plan: str) -> str:
    """Write the plan's hash at the foot of every printed page: a page that was exchanged shows."""
    if not re.fullmatch(r"[0-9a-f]+", plan):
        return ""
    return f'@page {{ @bottom-left {{ content: "mirrorfold · {plan[:16]}"; font: 8pt system-ui, sans-serif; }} }}\n'


def sums_by_action(plan: Sequence[Mapping]) -> dict[str, dict[str, int]]:
    """Sum objects and bytes by what happens to them: what waits for people, whatever its action is until then, and what
    is below the cut-off, are apart from what is kept."""
    sums = {name: {"objects": 0, "bytes": 0} for name in ("quarantine", "review", "below", "keep", "blocked")}
    for row in plan:
        waits, below = (row["waiting"], row["waits"]), (row["below_objects"], row["below"])
        rest = (row["objects"] - waits[0] - below[0], row["bytes"] - waits[1] - below[1])
        stays = "keep" if row["action"] == "review" else row["action"]
        for name, (objects, size) in (("review", waits), ("below", below), (stays, rest)):
            sums[name]["objects"] += objects
            sums[name]["bytes"] += size
    return sums


def headline(report: Report, sums: Mapping) -> dict:
    """Say the one thing that matters, in one line."""
    totals, now = report.facts.totals, sums["quarantine"]
    total = human_bytes(totals["bytes"])
    monthly = (report.summary or {}).get("now", {}).get("monthly")
    if now["bytes"]:
        share = human_share(now["bytes"], totals["bytes"])
        why = both(
            "report.headline_now_why",
            share=share,
            total=total,
            objects=f"{now['objects']:,}",
            grounds=grounds(report.facts.plan),
        )
        money = None
        if report.summary and monthly and monthly["mid"] >= LEAST_MONEY:
            money = both("report.money_monthly", money=money_range(monthly, report.summary["currency"]))
        return {"title": both("report.headline_now", bytes=human_bytes(now["bytes"])), "why": why, "money": money}
    if report.work.pairs:
        why = both("report.headline_none_why", review=human_bytes(report.work.bytes_freed))
    else:
        why = both("report.headline_empty_why", objects=f"{totals['objects']:,}", total=total)
    return {"title": both("report.headline_none"), "why": why, "money": None}


def grounds(plan: Sequence[Mapping]) -> Both:
    """Say why what is freed now may go: for the same bytes, by people's word, by what the policy names."""
    counts: dict[str, int] = {}
    for row in plan:
        if row["action"] == "quarantine" and row["freed"]:
            counts[row["ground"]] = counts.get(row["ground"], 0) + row["objects"]
    said = [
        both(f"report.ground_{ground}", objects=f"{counts[ground]:,}")
        for ground in ("identical", "people", "policy")
        if ground in counts
    ]
    return joined(said, SENTENCES)


def archive_bar(sums: Mapping) -> list[dict]:
    """Lay the actions out along a bar 1,000 wide; what isn't nothing stays visible."""
    names = [name for name in ("quarantine", "review", "below", "keep", "blocked") if sums[name]["bytes"]]
    total = sum(sums[name]["bytes"] for name in names)
    widths = [max(4.0, 1000 * sums[name]["bytes"] / total) for name in names]
    parts, x = [], 0.0
    for name, width in zip(names, widths, strict=True):
        width *= 1000 / sum(widths)
        label = both("actions." + {"below": "below-cutoff"}.get(name, name))
        size = human_bytes(sums[name]["bytes"])
        parts.append(
            {"action": name, "x": f"{x:.1f}", "width": f"{width:.1f}", "name": label, "bytes": size,
             "title": f"{label[LANGUAGES[0]]} · {label[LANGUAGES[1]]}: {size}"}
        )  # fmt: skip
        x += width
    return parts


def cards(report: Report, sums: Mapping) -> list[dict]:
    """Make the three figures below the headline."""
    work, estimated = report.work, (report.summary or {}).get("review_work") or {}
    hours = estimated.get("hours")
    if hours is None:
        hours = work.seconds / 3600
    kept = sums["keep"]["objects"] + sums["blocked"]["objects"]
    return [
        {
            "label": both("report.card_people"), "figure": human_bytes(work.bytes_freed),
            "note": both("report.card_people_note", pairs=f"{work.pairs:,}", clusters=f"{work.clusters:,}",
                hours=duration(hours)),
        },
        {
            "label": both("report.card_below"), "figure": human_bytes(sums["below"]["bytes"]),
            "note": both("report.card_below_note", objects=f"{sums['below']['objects']:,}")
            if sums["below"]["objects"]
            else both("report.card_below_none"),
        },
        {
            "label": both("report.card_kept"), "figure": human_bytes(sums["keep"]["bytes"] + sums["blocked"]["bytes"]),
            "note": both("report.card_kept_note", objects=f"{kept:,}", blocked=f"{sums['blocked']['objects']:,}"),
        },
    ]  # fmt: skip


def failure_row(row: Mapping) -> dict:
    """Write one row of what wasn't read."""
    return {
        **row,
        "objects": f"{row['objects']:,}",
        "text": both_or(f"codes.{row['error']}", escape(row["error"])),
        "stage": both_or(f"failures.stage_{row['stage']}", row["stage"]),
    }


def sample_row(row: Mapping) -> dict:
    """Write one stratum of acceptance by sampling."""
    bound = both("samples.bound", error=f"{100 * row['max_error']:g} %", confidence=f"{100 * row['confidence']:g} %")
    return {
        **{name: f"{row[name]:,}" for name in ("pairs", "sample", "errors", "answered", "found")},
        "name": row["name"],
        "state": both(f"samples.{row['state']}"),
        "bound": bound if row["state"] == "accepted" else "–",
    }


def people_rows(people: Mapping[str, Sequence]) -> dict[str, list[dict]]:
    """Write what the reviewers did: answers, agreement with its Cohen's kappa, adjudications."""
    return {
        "answers": [{**row, "one_by_one": f"{row['seen']:,}", "by_filter": f"{row['filtered']:,}"}
            for row in people["answers"]],
        "agreement": [
            {
                "names": [found.first, found.second],
                "pairs": f"{found.pairs:,}",
                "agreed": human_share(found.agreed, found.pairs),
                "kappa": "–" if found.kappa is None else f"{found.kappa:.2f}",
            }
            for found in people["agreement"]
        ],
        "adjudications": list(people["adjudications"]),
    }  # fmt: skip


def precision_row(tier: str, found: Found) -> dict:
    """Write what people who looked at the sample say of a tier."""
    looked, same = found.looked, found.same
    low, high = wilson(same, looked)
    interval = f"{100 * same / looked:.1f} % ({100 * low:.1f}–{100 * high:.1f} %)" if looked else both("sure.none_yet")
    return {
        "tier": both(f"tiers.{tier}"),
        "looked": f"{looked:,}",
        "people": f"{found.people:,}",
        "right": f"{same:,}" if looked else "–",
        "interval": interval,
    }
