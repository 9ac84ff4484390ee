"""The program: its commands, and how it ends."""

import sys

import click

from schemas.logs import set_up_logs
from schemas.settings import LogSettings, read_settings
from worker.cli.connections import connections
from worker.cli.console_user import console_user
from worker.cli.dead import dead
from worker.cli.env import env
from worker.cli.explain import explain_group
from worker.cli.failures import explain
from worker.cli.import_messages import import_messages
from worker.cli.migrate import migrate
from worker.cli.rebuild import rebuild
from worker.cli.receipt import receipt
from worker.cli.status import status
from worker.cli.unlink import unlink
from worker.cli.up import up

_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def program() -> None:
    """Receive Segment's messages, and keep Contacts, Accounts and Events in Postgres."""
    set_up_logs(read_settings(LogSettings).log_level)


for command in (
    up, migrate, connections, status, env, receipt, dead, import_messages, unlink, rebuild, explain_group, console_user,
):  # fmt: skip
    program.add_command(command)


def main() -> None:
    """Run the command that was typed; exit with 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    try:
        sys.exit(program.main(prog_name="variance", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(_INTERRUPTED)
    except Exception as failure:
        text = explain(failure)
        if text is None:
            raise
        click.echo(f"variance: {text}", err=True)
        sys.exit(1)
