"""What `variance up` tells once its processes run: how to post, and where to look."""

from collections.abc import Mapping

import click

from worker.cli.connecting import open_database
from worker.cli.kept_secrets import KeptSecrets
from worker.cli.output import print_fields
from worker.cli.own_connections import ensure_connection
from worker.cli.publishing import publish
from worker.cli.servers import Servers
from worker.console.sign_in_links import OPERATOR, make_sign_in_link
from worker.fold.account_rules import AccountRules
from worker.names import DEFAULT_WORKSPACE

_NAME = "default"
_NO_SECRET = f"(shown when it was made; `variance connections rotate-secret {_NAME}` makes a new one)"


async def make_welcome(servers: Servers, base_url: str) -> dict[str, str | None]:
    """Make the first connection, and tell how to post to it."""
    async with open_database(servers) as database:
        kept = KeptSecrets(servers.directory)
        connection = await ensure_connection(database, kept, _NAME, DEFAULT_WORKSPACE, AccountRules("group"))
        await publish(servers, database)
        sign_in_url = await make_sign_in_link(database, servers.console_url, OPERATOR)
    return {
        "id": connection.id,
        "name": connection.name,
        "workspace": DEFAULT_WORKSPACE,
        "webhook_url": servers.webhook_url(connection.id),
        "secret": connection.secret,
        "curl": connection.curl_line(base_url),
        "console": sign_in_url,
    }


def print_welcome(welcome: Mapping[str, str | None], base_url: str) -> None:
    """Print how to post, and where to look."""
    click.echo(f"\nVariance ingest runs at {base_url}; Ctrl-C ends it.\n")
    print_fields([
        ("console", f"{welcome['console']}"),
        ("", "(the link signs you in once, within the hour; `variance console-user link` makes another)"),
        ("webhook URL", welcome["webhook_url"]),
        ("secret", welcome["secret"] or _NO_SECRET),
        *([("try it", welcome["curl"])] if welcome["curl"] else []),
    ])  # fmt: skip
    click.echo()
