"""The commands that ask a finished run about pictures: what it holds of one, and why two are or aren't one."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mirrorfold.pipelines.commands.printing import Said, folder_argument, many, prints, usage_errors

if TYPE_CHECKING:
    from mirrorfold.pipelines.finished.looking import Found, Subject, Why
    from mirrorfold.transforms.match.why import Meeting, Reasons, Tried


@click.command()
@folder_argument(rest="files")
@click.argument("files", metavar="FILE...", nargs=-1)
@click.option(
    "--crops/--no-crops",
    default=None,
    help="Look for FILE in every window of each content, which costs some 0.1 ms each; default: up to 50,000 contents.",
)
@prints
def find(folder: str, files: tuple[str, ...], crops: bool | None) -> Said:
    """List what an archive holds of the picture in FILE.

    FILE is fingerprinted here and held against every content of the finished run, by the rules of matching: copies,
    crops, turned and mirrored ones, with what the plan does with each. Nothing but the run's tables is read.
    """
    from mirrorfold.pipelines.finished.looking import find_files

    if not files:
        raise click.UsageError("name the pictures to look for: mirrorfold find DIR FILE...")
    with usage_errors():
        found = find_files(folder, files, crops)
    lines = [line for one in found for line in _find_lines(one)]
    return Said([asdict(one) for one in found], lines)


def _find_lines(found: Found) -> list[str]:
    among = f"{many(found.contents, 'content')}"
    lines = [f"{found.file}: {many(len(found.hits), 'picture') if found.hits else 'nothing'} among {among}"]
    for hit in found.hits:
        lines.append(
            f"  {hit.tier:<12}  {hit.kind_text}, {hit.width:,} x {hit.height:,}, content {hit.content_id[:12]}"
        )
        lines += [f"    {action:<10}  {library}  {uri}" for uri, library, action in hit.files]
    if not found.all_windows:
        lines.append("  crops of pictures here were looked for in nine windows of each; --crops looks in all 47")
    return lines


@click.command()
@folder_argument(rest="names")
@click.argument("names", metavar="A B", nargs=-1)
@prints
def why(folder: str, names: tuple[str, ...]) -> Said:
    """Say why two files are or aren't one picture.

    A and B are URIs of the run, their ends where no other ends so, content ids (or eight digits and more), or files at
    hand. Said are: by which signature the search finds the pair, what each rule measured and which one failed, what
    the run recorded, and what the plan does with either.
    """
    from mirrorfold.pipelines.finished.looking import why as explain

    if len(names) != 2:
        raise click.UsageError("name two files: mirrorfold why DIR A B")
    with usage_errors():
        said = explain(folder, *names)
    return Said(_plain(said), [line for line in _lines(said) if line])


def _plain(said: Why) -> dict:
    def subject(one: Subject) -> dict:
        content = one.content and {name: one.content[name] for name in ("content_id", "media_type", "width", "height")}
        return {"uri": one.uri, "content": content, "failure": one.failure or None, "decision": one.decided}

    plain: dict = {"a": subject(said.a), "b": subject(said.b), "identical": said.identical}
    if said.reasons is not None:
        plain |= {"found": said.reasons.found, **asdict(said.reasons)}
        plain["rules"] = [asdict(tried) | {"fits": tried.fits} for tried in said.reasons.rules]
    return plain | {"recorded": said.recorded, "confirmed": said.confirmed}


def _lines(said: Why) -> list[str]:
    lines = [*_subject("A", said.a), *_subject("B", said.b)]
    if said.identical:
        return [*lines, "One picture: identical, the same bytes (SHA-256).", *_plan(said)]
    if said.reasons is None:
        return [*lines, "Nothing can be said of what wasn't read."]
    return [
        *lines,
        _verdict(said.reasons),
        *_search(said.reasons),
        *_rules(said.reasons),
        *_recorded(said),
        *_plan(said),
    ]


def _subject(letter: str, one: Subject) -> list[str]:
    if one.content is None:
        return [f"{letter}  {one.uri}", f"   wasn't read: {one.failure or 'its content is unknown'}"]
    what = f"{one.content['width']:,} x {one.content['height']:,} {one.content['media_type']}"
    where = f"library {one.decided['library']}" if one.decided else "a file at hand"
    return [f"{letter}  {one.uri}", f"   {what}, content {one.content['content_id'][:12]}, {where}"]


def _verdict(reasons: Reasons) -> str:
    result = reasons.result
    if result["joins"]:
        return f"One picture: {result['tier']}, {result['kind_text']} (rule {result['rule']})."
    if result["near_miss"]:
        return f"Nearly one, held apart: a near miss, {result['kind_text']}."
    return "Two pictures: nothing makes them one."


def _search(reasons: Reasons) -> list[str]:
    if reasons.found:
        return [f"The search finds them: {_met(meeting)}" for meeting in reasons.meetings if meeting.found]
    nearest = min(reasons.meetings, key=lambda meeting: meeting.bits)
    lines = [f"The search doesn't find them, so a run doesn't compare them. Nearest: {_met(nearest)}"]
    if reasons.result["joins"]:
        lines.append("What is said above is what comparing them says all the same; members of one family are compared.")
    return lines


def _met(meeting: Meeting) -> str:
    other = "B" if meeting.whole == "A" else "A"
    where = "the whole of" if meeting.signature == "whole" else f"{meeting.signature} of"
    return (
        f"the whole of {meeting.whole} against {where} {other}: {meeting.bits} of 64 bits apart, "
        f"light and dark agree by {meeting.agreement} % ({meeting.needed} % needed)"
    )


def _rules(reasons: Reasons) -> list[str]:
    lines = []
    if not reasons.result["joins"]:
        nearest = min(reasons.rules[:-1], key=_distance)
        lines.append(f"Nearest rule: {nearest.words}. {_failed(nearest)}" if not nearest.fits else "")
    elif reasons.result["tier"] == "probable" and reasons.rules[0].rule == "near":
        lines.append(f"No sure copy (near-certain): {_failed(reasons.rules[0])}" if not reasons.rules[0].fits else "")
    return lines + [f"Note: {remark}." for remark in reasons.remarks]


def _distance(tried: Tried) -> float:
    """Give how far a rule is from fitting: the sum of what its failed tests miss, as shares of their limits."""
    return sum(abs(test.value - test.limit) / max(abs(test.limit), 0.01) for test in tried.measured if not test.passed)


def _failed(tried: Tried) -> str:
    missed = [
        f"{test.measure} {test.value:.3f}, {test.limit:.3f} at {'most' if test.at_most else 'least'}"
        for test in tried.measured
        if not test.passed
    ]
    return "; ".join(missed)


def _recorded(said: Why) -> list[str]:
    a, b = said.a.decided, said.b.decided
    if a is None or b is None:
        return []
    if said.recorded is None:
        lines = ["The run has no edge between them."]
    else:
        joins = "joins them" if said.recorded["joins"] else "holds them apart"
        lines = [
            f"The run {joins}: {said.recorded['tier']}, {said.recorded['kind_text']} (rule {said.recorded['rule']})."
        ]
    if said.confirmed is not None:
        same = "the same" if said.confirmed["confirmed"] else f"different ({said.confirmed['kind']})"
        lines.append(f"Compared at full detail: {same}.")
    if a["family_id"] and a["family_id"] == b["family_id"]:
        one = a["cluster_id"] == b["cluster_id"]
        lines.append("They stand in one cluster." if one else "They stand in one family, in two clusters.")
    return lines


def _plan(said: Why) -> list[str]:
    lines = []
    for letter, one in (("A", said.a), ("B", said.b)):
        if one.decided is not None:
            lines.append(f"{letter}: {one.decided['action']}, rule {one.decided['rule']}: {one.decided['reason']}")
    return lines


COMMANDS = (why, find)
