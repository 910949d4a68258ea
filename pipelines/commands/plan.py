"""The commands for finished runs: check, review, sign off, hand over; merge two; and what it would cost beforehand."""

from __future__ import annotations

import click

from mirrorfold.pipelines.commands.beam_command import BeamCommand, InOrder
from mirrorfold.pipelines.commands.export import export
from mirrorfold.pipelines.commands.packing import pack, turn_back
from mirrorfold.pipelines.commands.printing import Said, folder_argument, json_option, many, prints, usage_errors
from mirrorfold.pipelines.commands.run import config_option, log_option, output_option, policy_option
from mirrorfold.pipelines.commands.shares import Share
from mirrorfold.pipelines.errors import BrokenPromiseError, UsageError


@click.command(cls=BeamCommand)
@click.argument("folders", nargs=-1, required=True, metavar="[SIDE=]DIR_A [SIDE=]DIR_B")
@output_option
@config_option
@policy_option
@log_option
@json_option
@click.pass_context
def merge(context, folders, output, config, policy, log_json, as_json) -> None:
    """Merge the tables of two runs made in different places; no image bytes move.

    Each side gets its own plan in DIR/sides/SIDE. Holds are looked up with the credentials that are there: what a store
    doesn't say is unknown, and never set aside. SIDE tells libraries and folders of the same name apart.
    """
    from mirrorfold.pipelines.commands import session
    from mirrorfold.pipelines.merging import merge as merging

    request = merging.merged_request(folders, config, policy)
    steps = merging.merge_mission(folders)
    session.carry_out(request, output, steps=steps, beam_args=context.obj, log_json=log_json, as_json=as_json)


@click.command()
@folder_argument()
@prints
def verify(folder: str) -> Said:
    """Check every promise of a finished run again, from its tables alone. Exit code 4: one is broken."""
    from mirrorfold.pipelines.finished import verify as checking

    with usage_errors():
        broken = checking.verify(folder)
        again = checking.read_again(folder)
    plain = {"folder": folder, "broken": [{"promise": b.promise, "table": b.table, "text": b.text} for b in broken]}
    plain |= {"read_again": again}
    if not broken:
        return Said(plain, [f"{folder}: every promise is kept", again])
    error = BrokenPromiseError(f"{many(len(broken), 'broken promise')} in {folder}: act on none of its plans")
    return Said(plain, [checking.describe(promise) for promise in broken], error)


SPLITS = "folder, collection, tier or risk (then everyone gets as much of each)."


@click.group(cls=InOrder)
def review() -> None:
    """What people decide about the doubtful pairs."""


@review.command("import")
@folder_argument(rest="files")
@click.argument("files", metavar="[FILE...]", nargs=-1)
@prints
def import_verdicts(folder: str, files: tuple[str, ...]) -> Said:
    """Take reviewers' verdicts (JSONL or CSV) for this run's plan and every later run.

    The review pages' "Export decisions" makes a FILE; take everybody's at once. All of them are taken or none, and none
    overwrites another: each reviewer's word is kept. Without a FILE, what `review serve` saved is taken. Then run
    `mirrorfold publish DIR`: decisions, savings and pages are made anew, and no image is read.
    """
    from mirrorfold.pipelines.finished.review_import import review_import

    with usage_errors():
        done = review_import(folder, *files)
    lines = [f"{many(done.read, 'verdict')} read, {done.new:,} of them new"]
    if done.unknown:
        lines.append(f"{done.unknown:,} on contents that this run doesn't have: kept for runs that do")
    lines += [f"reviewers disagree: {conflict}" for conflict in done.conflicts]
    if done.new:
        lines.append(f"apply them with: mirrorfold publish {folder}")
    plain = {"read": done.read, "new": done.new, "unknown": done.unknown, "conflicts": [str(c) for c in done.conflicts]}
    return Said(plain, lines)


@review.command("plan")
@folder_argument()
@click.option("--max-error", type=Share(), default="1%", show_default=True, help="Share of wrong pairs not to exceed.")
@click.option("--confidence", type=Share(), default="95%", show_default=True, help="How sure that must be.")
@click.option(
    "--expected-error", type=Share(), default="0", show_default=True, help="Share that you expect to be wrong."
)
@click.option("--again", is_flag=True, help="Draw once more, from pairs that came since; a rejected stratum stays so.")
@prints
def plan_samples(folder: str, max_error: float, confidence: float, expected_error: float, again: bool) -> Said:
    """Draw samples so that people look at some pairs of each kind, and their answers stand for all of it.

    A stratum is a tier, a kind and which library copies which. Of its N pairs n are drawn; with at most c errors among
    them it is accepted, and more than --max-error of its pairs are wrong in no more than 1 - --confidence of all such
    cases. `near-certain: {action: quarantine, when: accepted}` in the policy then lets the rest of an accepted stratum
    go. Said again, the command tells where each stratum stands.
    """
    from dataclasses import asdict

    from mirrorfold.pipelines.finished.review_plan import review_plan

    with usage_errors():
        found = review_plan(folder, max_error, confidence, expected_error, again)
    width = max(len(judged.stratum.name) for judged in found)
    lines = [f"{'stratum':{width}}  {'pairs':>9}  {'n':>7}  {'c':>3}  {'answered':>8}  {'errors':>6}  state"]
    for judged in found:
        s = judged.stratum
        counts = f"{s.pairs:>9,}  {s.sample:>7,}  {s.errors:>3}  {judged.answered:>8,}  {judged.errors:>6,}"
        lines.append(f"{s.name:{width}}  {counts}  {judged.state}")
    asked, whole = sum(j.stratum.sample for j in found), sum(j.stratum.pairs for j in found)
    lines.append(f"{many(asked, 'pair')} to look at stand for {whole:,}")
    lines.append(f"show them on the pages with: mirrorfold publish {folder}")
    return Said({"strata": [asdict(judged) for judged in found]}, lines)


@review.command("serve")
@folder_argument()
@click.option("--people", default="reviewer", metavar="A,B,...", help="Reviewers' names; each gets an address.")
@click.option("--tokens", metavar="FILE", help="Lines of NAME,TOKEN instead, of 16 characters at least.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; loopback unless you say so.")
@click.option("--port", type=click.IntRange(0, 65535), default=8350, show_default=True, help="0: any that is free.")
@click.option("--open/--no-open", "opens", default=True, help="Open the first address in a browser.")
def serve_pages(folder: str, people: str, tokens: str | None, host: str, port: int, opens: bool) -> None:
    """Serve the review pages to several people at once, with decisions saved as they are made.

    Each reviewer opens an address with a token of their own. Pictures are read from the sources when they are looked
    at, at any size. Ctrl-C ends it; nothing that was acknowledged is lost, however it ends. `mirrorfold review import
    DIR` then takes what was decided. Without TLS: beyond this machine put it behind your own proxy or tunnel.
    """
    from mirrorfold.pipelines.serving.serve import serve

    names = [name.strip() for name in people.split(",") if name.strip()]

    def say(addresses: dict[str, str]) -> None:
        for name, address in addresses.items():
            click.echo(f"{name}: {address}")
        click.echo(f"Ctrl-C ends it. Then: mirrorfold review import {folder}")
        if opens:
            click.launch(next(iter(addresses.values())))

    if not names and not tokens:
        raise UsageError("--people names nobody")
    with usage_errors():
        serve(folder, names, tokens, host, port, say)


@review.command("split")
@folder_argument()
@click.option("--into", type=int, required=True, metavar="N", help="How many people share the queue.")
@click.option("--overlap", type=float, default=0.1, show_default=True, help="Share that two people are asked about.")
@click.option("--by", default="folder", show_default=True, help="What stays with one person: " + SPLITS)
@click.option("--names", default="", metavar="A,B,...", help="The reviewers' names; they pick theirs on the pages.")
@prints
def split(folder: str, into: int, overlap: float, by: str, names: str) -> Said:
    """Share a published queue out among several reviewers, about equal work for each.

    The pages stay where they are: whoever picks a name at the top sees that part of the queue. What is in the overlap
    is asked of two people, and the second isn't shown what the first said; the report gives their agreement.
    """
    from mirrorfold.pipelines.finished.review_split import review_split

    with usage_errors():
        shares = review_split(folder, into, overlap, by, [name.strip() for name in names.split(",") if name.strip()])
    lines = [f"{s.name}: {many(s.pairs, 'pair')}, {s.shared:,} of them with somebody else" for s in shares]
    return Said(
        {"shares": [{"name": s.name, "pairs": s.pairs, "shared": s.shared} for s in shares]},
        [*lines, f"{folder}/review/index.html: everyone picks their name at the top"],
    )


@click.command()
@folder_argument()
@click.option("--role", required=True, help="The role you sign in; the policy names which are needed.")
@click.option("--by", "name", required=True, metavar="NAME", help="Who signs.")
@click.option("--for", "side", metavar="SIDE", help="Of a merged plan: the institution that you sign for.")
@click.option(
    "--withdraw",
    is_flag=True,
    help="Take your signature back: lists are drafts again. Where `reconcile` found that somebody acted on them, it "
    "says what was done and stops.",
)
@click.option(
    "--wave", type=int, metavar="N", help="Sign that the wave after N, the last one, needn't wait until N arrived."
)
@click.option("--although-acted-on", "although_acted", is_flag=True, help="Withdraw all the same.")
@prints
def approve(
    folder: str, role: str, name: str, side: str | None, withdraw: bool, wave: int | None, although_acted: bool
) -> Said:
    """Sign off a plan. The signature is bound to this very plan: another policy or verdict needs another."""
    from mirrorfold.pipelines.finished.approve import approve as sign
    from mirrorfold.pipelines.finished.waves import waive
    from mirrorfold.transforms.retain.acted import Acted

    if wave is not None:
        if withdraw or side:
            raise UsageError("--wave signs for a wave alone: leave out --withdraw and --for")
        with usage_errors():
            signed = waive(folder, wave, role, name)
        return Said(
            signed | {"wave": wave}, [f"signed as {role} by {name}: wave {wave + 1} needn't wait for wave {wave}"]
        )
    with usage_errors():
        record, missing = sign(folder, role, name, side, withdraw=withdraw, although_acted=although_acted)
    needed = f"still needed: {', '.join(missing)}" if missing else "every sign-off that the policy names is there"
    done = [Acted(**record["acted"]).told] if withdraw else []
    plain = {"role": role, "by": name, "plan_hash": record["plan_hash"], "missing": list(missing)}
    plain |= {"acted": record["acted"]["counts"]} if withdraw else {}
    said = f"{'withdrawn' if withdraw else 'signed'} as {role} by {name}, plan {record['plan_hash'][:12]}"
    return Said(plain, [said, *done, needed])


COMMANDS = (verify, review, approve, export, pack, merge, turn_back)
