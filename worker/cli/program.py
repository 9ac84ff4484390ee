"""The program: its commands, and how it ends."""

import importlib
import sys

import click

from schemas.garbage import look_seldom_for_cycles
from schemas.settings import LogSettings, read_settings
from schemas.version import VERSION
from worker.cli.failures import explain

_INTERRUPTED = 130
_OBJECTS_BETWEEN_LOOKS = 50_000  # looking for cycles among what is imported takes a tenth of a command's start
_COMMANDS = {
    "up": "up:up",
    "migrate": "migrate:migrate",
    "connections": "connections:connections",
    "status": "status:status",
    "partitions": "partitions:partitions",
    "env": "env:env",
    "receipt": "receipt:receipt",
    "dead": "dead:dead",
    "import": "import_messages:import_messages",
    "export": "export:export_group",
    "retention": "retention:retention",
    "unlink": "unlink:unlink",
    "rebuild": "rebuild:rebuild",
    "recount": "recount:recount",
    "explain": "explain:explain_group",
    "console-user": "console_user:console_user",
    "monitoring": "monitoring:monitoring",
}
"""The commands: module and name in `worker.cli`."""

_WITHOUT_LOGS = {"env", "monitoring"}
"""Commands that log nothing: loading what writes logs takes longer than to run them."""


class _LoadedWhenAsked(click.Group):
    """A group that loads only the command that was typed: all of them take longer than most of them run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the commands' names, for the help."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        del ctx
        module, _, name = _COMMANDS.get(cmd_name, "").partition(":")
        if not module:
            return None
        command: click.Command = getattr(importlib.import_module(f"worker.cli.{module}"), name)
        return command


@click.group(cls=_LoadedWhenAsked, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, message="%(prog)s %(version)s")
@click.pass_context
def program(ctx: click.Context) -> None:
    """Receive Segment's messages, and keep Contacts, Accounts and Events in Postgres."""
    settings = read_settings(LogSettings)
    if ctx.invoked_subcommand not in _WITHOUT_LOGS:
        _set_up_logs(settings)


def main() -> None:
    """Run the command that was typed; exit with 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    look_seldom_for_cycles(_OBJECTS_BETWEEN_LOOKS)
    try:
        sys.exit(program.main(prog_name="variance", standalone_mode=False))
    except click.ClickException as error:
        _tell(error)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(_INTERRUPTED)
    except Exception as failure:
        text = explain(failure)
        if text is None:
            _set_up_logs(read_settings(LogSettings))  # which also write how a process ends, without its texts
            raise
        click.echo(f"variance: {text}", err=True)
        sys.exit(1)


def _tell(error: click.ClickException) -> None:
    """Say in one line what is wrong with what was typed, and where to look; the whole help where nothing was."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return
    message = " ".join(error.format_message().split()).rstrip(".")
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx is not None else "variance"
    click.echo(f"variance: {message}; see `{command} --help`", err=True)


def _set_up_logs(settings: LogSettings) -> None:
    logs = importlib.import_module("schemas.logs")  # see _WITHOUT_LOGS
    logs.set_up_logs(settings.log_level)
