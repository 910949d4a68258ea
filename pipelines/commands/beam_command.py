"""A click command that lets Beam's pipeline options follow its own."""

from __future__ import annotations

from importlib import import_module

import click

from mirrorfold.pipelines.engine import collector, quiet


class InOrder(click.Group):
    """List the commands in the order in which people need them, each with its whole first sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        shown = [(name, command.get_short_help_str(limit=200)) for name, command in self.commands.items()]
        if shown:
            with formatter.section("Commands"):
                formatter.write_dl(shown)


class BeamCommand(click.Command):
    """Split Beam's options off before click parses the rest; the command finds them in `context.obj`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ours = {flag for parameter in self.get_params(ctx) for flag in parameter.opts if flag.startswith("--")}
        # Completion (resilient parsing) must answer at once.
        if "--help" in args or "-h" in args or ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        # Beam takes a second to import: only a command that works pays for it, not --help.
        with collector.importing():
            quiet.import_beam()
            import_module("mirrorfold.pipelines.commands.session")
            split_arguments = import_module("mirrorfold.pipelines.commands.arguments").split_arguments
        mine, theirs = split_arguments(args, ours)
        ctx.obj = tuple(theirs)
        return super().parse_args(ctx, mine)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        formatter.write_text(
            "Any Beam pipeline option may follow, e.g. --runner=FlinkRunner --flink_master=HOST:PORT. "
            "With none, the run is local and uses every core."
        )
        super().format_epilog(ctx, formatter)
