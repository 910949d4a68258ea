"""The commands for what a run is told beforehand: policies, price books, the settings file."""

from __future__ import annotations

import json
import os

import click

from mirrorfold.pipelines.commands.beam_command import InOrder
from mirrorfold.pipelines.commands.printing import Said, many, prints, usage_errors
from mirrorfold.pipelines.errors import UsageError


@click.group(cls=InOrder)
def policy() -> None:
    """The written policy that decides what is kept."""


@policy.command("list")
@prints
def list_policies() -> Said:
    """Name the policies that come with mirrorfold, and what each is for."""
    from mirrorfold.configs.policy import policy_text, ready_policies

    found = {name: first_comment(policy_text(name)) for name in ready_policies()}
    return Said(found, table(found))


@policy.command("show")
@click.argument("name", metavar="NAME|FILE", default="default")
@click.option("--resolved", is_flag=True, help="Write every default out, as it is kept beside a run.")
def show_policy(name: str, resolved: bool) -> None:
    """Print a policy with its comments, to copy and change."""
    import yaml

    from mirrorfold.configs.policy import load_policy, policy_text

    with usage_errors():
        written, whole = policy_text(name), load_policy(name) if resolved else None
    click.echo(written if whole is None else yaml.safe_dump(whole, sort_keys=False, allow_unicode=True), nl=False)


@policy.command("check")
@click.argument("file", metavar="NAME|FILE")
@click.option(
    "--profile", metavar="PROFILE", help="Say where it departs from archive, museum, newsroom ... (standard/)."
)
@prints
def check_policy(file: str, profile: str | None) -> Said:
    """Check a policy file; each mistake is a line with file and line number.

    With --profile each departure from what such an institution MUST or SHOULD do is one; exit code 2 for a MUST.
    """
    from mirrorfold.configs.policy import load_policy
    from mirrorfold.transforms.retain.policy import policy_hash

    with usage_errors():
        resolved = load_policy(file)
        departs = [] if profile is None else _departures(file, profile, resolved)
    digest = policy_hash(resolved)
    lines = [f"{file}: a valid policy, {resolved['name']!r}, {digest[:12]}"]
    lines += [f"{file}:{one.line}: {one.level}: {one.text}" for one in departs]
    musts = sum(one.level == "MUST" for one in departs)
    if profile is not None and not departs:
        lines.append(f"{file}: an implementation of the profile {profile}")
    said = {"file": file, "name": resolved["name"], "policy_hash": digest}
    said |= {} if profile is None else {"profile": profile, "departures": [one._asdict() for one in departs]}
    error = UsageError(f"{file}: departs from the profile {profile} in {many(musts, 'MUST')}") if musts else None
    return Said(said, lines, error)


def _departures(file: str, profile: str, resolved: dict) -> list:
    from mirrorfold.configs.policy import policy_text
    from mirrorfold.configs.profile import departures, load_profile

    return departures(load_profile(profile), resolved, policy_text(file), file)


@policy.command("schema")
def show_schema() -> None:
    """Print the policy's JSON Schema, for editors."""
    from mirrorfold.configs.policy import policy_schema

    click.echo(json.dumps(policy_schema(), indent=2))


@click.group(cls=InOrder)
def prices() -> None:
    """Price books: what a byte costs, where, and says who."""


@prices.command("list")
@prints
def list_books() -> Said:
    """Name the price books that come with mirrorfold, and what each holds."""
    from mirrorfold.configs.prices import book_text, ready_books

    found = {name: first_comment(book_text(name)) for name in ready_books()}
    return Said(found, table(found))


@prices.command("show")
@click.argument("name", metavar="NAME|FILE", default="default")
@click.option("--json", "as_json", is_flag=True, help="Print every row that counts, included books' too, as JSON.")
def show_book(name: str, as_json: bool) -> None:
    """Print a price book with its comments, to copy and change."""
    from mirrorfold.configs.prices import book_text, load_prices

    with usage_errors():
        text = json.dumps(load_prices(name), indent=1) + "\n" if as_json else book_text(name)
    click.echo(text, nl=False)


@prices.command("import")
@click.argument("file", metavar="FILE")
@click.option(
    "-o", "--output", metavar="BOOK", help="The price book to write; by default prices-REGION-DATE.yaml here."
)
@prints
def import_offer(file: str, output: str | None) -> Said:
    """Make a dated price book out of AWS's official offer file.

    FILE is AmazonS3/current/REGION/index.json of the AWS Price List Bulk API, as you downloaded it.
    """
    from mirrorfold.pipelines.estimating.prices import import_prices

    book, offer = import_prices(file, output)
    return Said(
        {"book": str(book), "regions": list(offer.regions), "date": str(offer.date)},
        [f"{book}: AmazonS3 in {', '.join(offer.regions)}, as of {offer.date}. Use it with: prices: {{book: {book}}}"],
    )


@click.group(cls=InOrder, invoke_without_command=True)
@click.pass_context
def config(context: click.Context) -> None:
    """Print every setting with its default, as a commented YAML file for --config; `config init` writes it."""
    from mirrorfold.configs.example import example

    if context.invoked_subcommand is None:
        click.echo(example(), nl=False)


@config.command("init")
@click.argument("file", metavar="[FILE]", default="mirrorfold.yaml")
@prints
def init_config(file: str) -> Said:
    """Write every setting with its default and a comment to FILE, mirrorfold.yaml by default, for --config."""
    from mirrorfold.configs.example import example

    try:
        with open(file, "x", encoding="utf-8") as target:
            target.write(example())
    except FileExistsError:
        raise UsageError(f"{file} is there already: name another file, or remove it") from None
    return Said({"file": os.path.abspath(file)}, [f"{file}: change what you like, and run with --config {file}"])


def first_comment(text: str) -> str:
    """Give the sentences at the head of a commented YAML file, in one line."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    return " ".join(lines)


def table(found: dict[str, str]) -> list[str]:
    """Set names beside what is said of them."""
    width = max(map(len, found))
    return [f"{name:<{width}}  {text}" for name, text in found.items()]


COMMANDS = (policy, prices, config)
