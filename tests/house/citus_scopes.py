"""What a SELECT, UPDATE or DELETE reads side by side, and of which of it the workspace is known."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from worker.placement import Place


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the database: where its tables belong, and which functions are not immutable."""

    places: Mapping[str, Place]
    stable: Collection[str]
    volatile: Collection[str]


def is_spread(table: exp.Expr | None, known: Known) -> bool:
    """Tell whether this is a table that is spread by workspace."""
    return isinstance(table, exp.Table) and known.places.get(table.name) is Place.WORKSPACE


def sources(scope: exp.Expr) -> list[exp.Expr]:
    """Give what a SELECT, UPDATE or DELETE reads side by side, not what its subqueries do."""
    found: list[exp.Expr] = [scope.this] if isinstance(scope, exp.Update | exp.Delete) else []
    start = scope.args.get("from_") or scope.args.get("from")
    using = scope.args.get("using") or ()
    parts = [start.this] if start is not None else []
    parts += [part.this if isinstance(part, exp.From) else part for part in using]
    parts += [join.this for join in scope.args.get("joins") or ()]
    for part in parts:
        found += [part, *(join.this for join in part.args.get("joins") or ())]
    return found


def spread_tables(scope: exp.Expr, known: Known) -> list[exp.Table]:
    """Give those of what a scope reads side by side that are spread by workspace."""
    return [source for source in sources(scope) if isinstance(source, exp.Table) and is_spread(source, known)]


def conditions(scope: exp.Expr) -> Iterator[exp.Expr]:
    """Give what must hold of every row of a scope."""
    parts = [where.this for where in [scope.args.get("where")] if where is not None]
    joins = list(scope.args.get("joins") or ())
    for source in sources(scope):
        joins += source.args.get("joins") or ()
    parts += [join.args["on"] for join in joins if join.args.get("on") is not None]
    for part in parts:
        yield from part.flatten() if isinstance(part, exp.And) else [part]


def workspace_sides(scope: exp.Expr) -> Iterator[tuple[exp.Column, exp.Expr]]:
    """Give each workspace that a scope equates, and what with."""
    for condition in conditions(scope):
        if isinstance(condition, exp.EQ):
            for column, other in ((condition.left, condition.right), (condition.right, condition.left)):
                if isinstance(column, exp.Column) and column.name == "workspace_id":
                    yield column, other


def is_pinned(table: exp.Table, scope: exp.Expr) -> bool:
    """Tell whether a table's rows are of one workspace, which a parameter names."""
    for column, other in workspace_sides(scope):
        if column.table == table.alias_or_name and isinstance(other, exp.Parameter | exp.Placeholder | exp.Cast):
            return True
    return False


def pinned_names(scope: exp.Expr, known: Known) -> set[str]:
    """Give the names in a scope that stand for rows of one workspace, or for the workspace itself."""
    names = {table.alias_or_name for table in spread_tables(scope, known) if is_pinned(table, scope)}
    for condition in conditions(scope):
        if isinstance(condition, exp.EQ) and isinstance(condition.right, exp.Parameter | exp.Placeholder):
            column = condition.left
            names |= {column.table} if isinstance(column, exp.Column) and column.name == "id" else set()
    return names


def equated(scope: exp.Expr) -> dict[str, set[str]]:
    """Give for each name those whose workspace is the same; a workspace's own id counts as well."""
    groups: dict[str, set[str]] = {}
    for column, other in workspace_sides(scope):
        if isinstance(other, exp.Column) and other.name in ("workspace_id", "id"):
            together = groups.get(column.table, {column.table}) | groups.get(other.table, {other.table})
            for name in together:
                groups[name] = together
    return groups


def is_joined(name: str, own: set[str], groups: Mapping[str, set[str]]) -> bool:
    """Tell whether a name's workspace is that of another of its own."""
    return bool((groups.get(name, set()) - {name}) & own)


def outer_names(scope: exp.Expr, known: Known) -> set[str] | None:
    """Give the names around a correlated subquery that stand for a spread table; None where it is none."""
    parent = scope.parent_select
    if parent is None or isinstance(scope.parent, exp.CTE):
        return None
    around = {source.alias_or_name for source in sources(parent) if source is not scope.parent}
    own = {source.alias_or_name for source in sources(scope)}
    if not {column.table for column in scope.find_all(exp.Column)} & (around - own):
        return None
    return {table.alias_or_name for table in spread_tables(parent, known)}


def is_semi_join(scope: exp.Expr, around: type[exp.Expr] = exp.Exists) -> bool:
    """Tell whether a subquery is an EXISTS, or with `around` a NOT EXISTS, that every row must fulfil: it is a join."""
    condition = exists = scope.parent
    if around is exp.Not and exists is not None:
        condition = exists.parent
    parent = scope.parent_select
    return (
        isinstance(exists, exp.Exists)
        and isinstance(condition, around)
        and parent is not None
        and any(part is condition for part in conditions(parent))
    )
