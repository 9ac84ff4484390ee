from collections.abc import Iterator

import click

from worker.cli.program import program


def commands_of(group: click.Group, *path: str) -> Iterator[tuple[str, click.Command]]:
    """Give every command below a group, with all that is typed for it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands_of(command, *path, name)
        else:
            yield " ".join([*path, name]), command


def test_every_command_gives_json_where_it_is_asked_but_those_that_print_a_file() -> None:
    without = {
        words
        for words, command in commands_of(program)
        if not any("--json" in parameter.opts for parameter in command.params)
    }
    assert without == {"monitoring dashboard", "monitoring alerts"}
