"""The commands that bring back what no message says: the connections, and the links that were withdrawn."""

import shlex

from worker.store.connections import Connection


def add_command(connection: Connection) -> str:
    """Give the command that makes a connection like this one, with a new secret."""
    rules = connection.rules
    words = ["variance", "connections", "add", connection.name, "--workspace", connection.workspace]
    words += ["--accounts", rules.method]
    words += ["--account-id-trait", rules.id_trait, "--account-name-trait", rules.name_trait]
    if not rules.email_fallback:
        words.append("--no-email-fallback")
    if rules.mail_provider_accounts:
        words.append("--mail-provider-accounts")
    for domain in sorted(rules.excluded_domains):
        words += ["--exclude-domain", domain]
    for domain in sorted(rules.included_domains):
        words += ["--include-domain", domain]
    return shlex.join(words)


def unlink_command(workspace: str, connection: str, message_id: str) -> str:
    """Give the command that withdraws a message's link again."""
    words = ["variance", "unlink", "--workspace", workspace, "--connection", connection, "--", message_id]
    return shlex.join(words)
