"""What Citus refuses of a statement, or runs many times slower, told without Citus.

Each rule was tried on a cluster. A statement is told by its tree; whether a function may be used where only immutable
ones may is asked of the database.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from worker.placement import Place

Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the database: where its tables belong, and which functions are not immutable."""

    places: Mapping[str, Place]
    stable: Collection[str]
    volatile: Collection[str]


def refusals(sql: str, known: Known) -> list[str]:
    """Give what Citus would have against a statement; nothing where it takes it."""
    tree = sqlglot.parse_one(sql, read="postgres")
    shapes = (_merge, _settings, _workspaces, _one_workspace, _locks, _recursion, _local, _rows)
    writes = (_insert, _update, _returning, _modifying_parts)
    return sorted({fault for rule in (*shapes, *writes) for fault in rule(tree, known)})


def asks_all_nodes(sql: str, known: Known) -> bool:
    """Tell whether a statement is about what is spread, and names no workspace of it by a parameter."""
    tree = sqlglot.parse_one(sql, read="postgres")
    scopes = tree.find_all(exp.Select, exp.Update, exp.Delete)
    tables = [(table, scope) for scope in scopes for table in _spread_tables(scope, known)]
    return bool(tables) and not any(_is_pinned(table, scope) for table, scope in tables)


def _is_spread(table: exp.Expr | None, known: Known) -> bool:
    return isinstance(table, exp.Table) and known.places.get(table.name) is Place.WORKSPACE


def _target(node: exp.Expr) -> exp.Table | None:
    """Give the table that a statement writes."""
    this = node.this
    found = this.this if isinstance(this, exp.Schema) else this
    return found if isinstance(found, exp.Table) else None


def _writes(tree: exp.Expr, known: Known, *kinds: type[exp.Expr]) -> Iterator[exp.Expr]:
    """Give the parts that write a table which is spread by workspace."""
    return (node for node in tree.find_all(*kinds) if _is_spread(_target(node), known))


def _merge(tree: exp.Expr, _known: Known) -> Iterator[str]:
    if tree.find(exp.Merge):
        yield "MERGE"


def _settings(tree: exp.Expr, _known: Known) -> Iterator[str]:
    if "current_setting" in _functions(tree):
        yield "current_setting, which is another one on each node: pass a parameter"


def _insert(tree: exp.Expr, known: Known) -> Iterator[str]:
    for insert in _writes(tree, known, exp.Insert):
        if "workspace_id" not in {column.name for column in getattr(insert.this, "expressions", ())}:
            yield "an INSERT without the workspace"
        conflict = insert.args.get("conflict")
        if isinstance(insert.expression, exp.Values) and insert.expression.find(exp.Select):
            yield "an INSERT of VALUES with a subquery"
        is_select = isinstance(insert.expression, exp.Select)
        if is_select and conflict is None and insert.args.get("returning") is None:
            yield "INSERT ... SELECT with neither ON CONFLICT nor RETURNING reports a duplicate key as XX000"
        if conflict is None:
            continue
        arbiter = {key.name for key in conflict.args.get("conflict_keys") or ()}
        if arbiter and "workspace_id" not in arbiter:
            yield "ON CONFLICT over a key without the workspace"
        for part in [*conflict.expressions, conflict.args.get("where")]:
            if part is not None and (fault := _not_immutable(part, known)):
                yield f"DO UPDATE with {fault}"


def _update(tree: exp.Expr, known: Known) -> Iterator[str]:
    for update in _writes(tree, known, exp.Update, exp.Delete):
        for function in _functions(update) & set(known.volatile):
            yield f"a write with the volatile function {function}"
        for call in update.find_all(exp.Func):
            if _name(call) in known.stable and call.find(exp.Column):
                yield f"a write with the stable function {_name(call)} of a column"
        for change in update.expressions if isinstance(update, exp.Update) else ():
            if isinstance(change, exp.EQ) and change.this.name == "workspace_id":
                yield "an UPDATE of the workspace"


def _returning(tree: exp.Expr, known: Known) -> Iterator[str]:
    for write in _writes(tree, known, exp.Insert, exp.Update, exp.Delete):
        returning = write.args.get("returning")
        if returning is not None and (fault := _not_immutable(returning, known)):
            yield f"RETURNING with {fault}"


def _locks(tree: exp.Expr, known: Known) -> Iterator[str]:
    for select in tree.find_all(exp.Select):
        if select.args.get("locks") and any(_is_spread(source, known) for source in _sources(select)):
            for table in _spread_tables(select, known):
                if not _is_pinned(table, select):
                    yield "FOR UPDATE over several workspaces"


def _workspaces(tree: exp.Expr, known: Known) -> Iterator[str]:
    for scope in tree.find_all(exp.Select, exp.Update, exp.Delete):
        tables = _spread_tables(scope, known)
        loose = [table for table in tables if not _is_pinned(table, scope)]
        groups = _equated(scope)
        own = {table.alias_or_name for table in tables}
        if len(tables) > 1 and any(not _is_joined(table.alias_or_name, own, groups) for table in loose):
            yield "a join without the workspace on both sides"
        outer = _outer_names(scope, known)
        if outer is None or _is_semi_join(scope):
            continue
        for table in loose:
            if not groups.get(table.alias_or_name, set()) & outer:
                yield "a subquery for each row of what lies on no node: name the workspace in it by a parameter"


def _one_workspace(tree: exp.Expr, known: Known) -> Iterator[str]:
    """Find what has a statement of one workspace sent to all nodes: Postgres derives no workspace for some table."""
    scopes = list(tree.find_all(exp.Select, exp.Update, exp.Delete))
    if not any(_is_pinned(table, scope) for scope in scopes for table in _spread_tables(scope, known)):
        return
    for scope in scopes:
        groups, pinned = _equated(scope), _pinned_names(scope, known)
        parent = scope.parent_select
        if parent is not None and (_is_semi_join(scope) or _is_semi_join(scope, exp.Not)):
            pinned |= _pinned_names(parent, known)
        tables = _spread_tables(scope, known)
        for name in (table.alias_or_name for table in tables):
            if name not in pinned and not groups.get(name, set()) & pinned and (len(tables) == 1 or name in groups):
                yield f"all nodes are asked, though the workspace is known: name it of {name} by a parameter"


def _modifying_parts(tree: exp.Expr, known: Known) -> Iterator[str]:
    parts = [cte.this for cte in tree.find_all(exp.CTE)]
    for write in (node for part in parts for node in _writes(part, known, exp.Insert, exp.Update, exp.Delete)):
        target = _target(write)
        if target is None:
            continue
        others = [table for table in tree.find_all(exp.Table) if table is not target and table.name == target.name]
        if any(table.db for table in others):
            yield f"{target.name} is read in the statement that writes it, and would show what is written"
        if isinstance(write, exp.Update | exp.Delete) and not _is_pinned(target, write):
            yield "a part that writes in several workspaces"


def _recursion(tree: exp.Expr, known: Known) -> Iterator[str]:
    for part in tree.find_all(exp.With):
        if part.args.get("recursive"):
            for select in part.find_all(exp.Select):
                if any(not _is_pinned(table, select) for table in _spread_tables(select, known)):
                    yield "a recursion over several workspaces"
    for select in tree.find_all(exp.Select):
        group = select.args.get("group")
        has_sets = group is not None and group.find(exp.GroupingSets, exp.Cube, exp.Rollup)
        if has_sets and any(not _is_pinned(table, select) for table in _spread_tables(select, known)):
            yield "GROUPING SETS over several workspaces"


def _local(tree: exp.Expr, known: Known) -> Iterator[str]:
    for select in tree.find_all(exp.Select):
        places = {known.places[table.name] for table in select.find_all(exp.Table) if table.name in known.places}
        if places & {Place.COORDINATOR, Place.KNOWN} and places & {Place.WORKSPACE, Place.EVERYWHERE}:
            yield "a join of what lies on the coordinator alone with what does not"


def _rows(tree: exp.Expr, _known: Known) -> Iterator[str]:
    names = {table.alias_or_name for table in tree.find_all(exp.Table) if table.db}
    for call in tree.find_all(exp.Func):
        for part in call.iter_expressions():
            if isinstance(part, exp.Column) and not part.table and part.name in names:
                yield f"{_name(call)} of a whole row, whose columns lose their names: name them"


def _sources(scope: exp.Expr) -> list[exp.Expr]:
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


def _spread_tables(scope: exp.Expr, known: Known) -> list[exp.Table]:
    return [source for source in _sources(scope) if isinstance(source, exp.Table) and _is_spread(source, known)]


def _conditions(scope: exp.Expr) -> Iterator[exp.Expr]:
    """Give what must hold of every row of a scope."""
    parts = [where.this for where in [scope.args.get("where")] if where is not None]
    joins = list(scope.args.get("joins") or ())
    for source in _sources(scope):
        joins += source.args.get("joins") or ()
    parts += [join.args["on"] for join in joins if join.args.get("on") is not None]
    for part in parts:
        yield from part.flatten() if isinstance(part, exp.And) else [part]


def _workspace_sides(scope: exp.Expr) -> Iterator[tuple[exp.Column, exp.Expr]]:
    for condition in _conditions(scope):
        if isinstance(condition, exp.EQ):
            for column, other in ((condition.left, condition.right), (condition.right, condition.left)):
                if isinstance(column, exp.Column) and column.name == "workspace_id":
                    yield column, other


def _is_pinned(table: exp.Table, scope: exp.Expr) -> bool:
    """Tell whether a table's rows are of one workspace, which a parameter names."""
    for column, other in _workspace_sides(scope):
        if column.table == table.alias_or_name and isinstance(other, exp.Parameter | exp.Placeholder | exp.Cast):
            return True
    return False


def _pinned_names(scope: exp.Expr, known: Known) -> set[str]:
    """Give the names in a scope that stand for rows of one workspace, or for the workspace itself."""
    names = {table.alias_or_name for table in _spread_tables(scope, known) if _is_pinned(table, scope)}
    for condition in _conditions(scope):
        if isinstance(condition, exp.EQ) and isinstance(condition.right, exp.Parameter | exp.Placeholder):
            column = condition.left
            names |= {column.table} if isinstance(column, exp.Column) and column.name == "id" else set()
    return names


def _equated(scope: exp.Expr) -> dict[str, set[str]]:
    """Give for each name those whose workspace is the same; a workspace's own id counts as well."""
    groups: dict[str, set[str]] = {}
    for column, other in _workspace_sides(scope):
        if isinstance(other, exp.Column) and other.name in ("workspace_id", "id"):
            together = groups.get(column.table, {column.table}) | groups.get(other.table, {other.table})
            for name in together:
                groups[name] = together
    return groups


def _is_joined(name: str, own: set[str], groups: Mapping[str, set[str]]) -> bool:
    return bool((groups.get(name, set()) - {name}) & own)


def _outer_names(scope: exp.Expr, known: Known) -> set[str] | None:
    """Give the names around a correlated subquery that stand for a spread table; None where it is none."""
    parent = scope.parent_select
    if parent is None or isinstance(scope.parent, exp.CTE):
        return None
    sources = _sources(parent)
    around = {source.alias_or_name for source in sources if source is not scope.parent}
    own = {source.alias_or_name for source in _sources(scope)}
    if not {column.table for column in scope.find_all(exp.Column)} & (around - own):
        return None
    return {table.alias_or_name for table in _spread_tables(parent, known)}


def _is_semi_join(scope: exp.Expr, around: type[exp.Expr] = exp.Exists) -> bool:
    """Tell whether a subquery is an EXISTS, or with `around` a NOT EXISTS, that every row must fulfil: it is a join."""
    condition = exists = scope.parent
    if around is exp.Not and exists is not None:
        condition = exists.parent
    parent = scope.parent_select
    return (
        isinstance(exists, exp.Exists)
        and isinstance(condition, around)
        and parent is not None
        and any(part is condition for part in _conditions(parent))
    )


def _not_immutable(part: exp.Expr, known: Known) -> str | None:
    used = _functions(part) & (set(known.stable) | set(known.volatile))
    if used:
        return f"the function {min(used)}, which is not immutable"
    for cast in part.find_all(exp.Cast):
        if not isinstance(cast.this, exp.Null):
            return f"a cast to {cast.to.sql('postgres')}"
    return "a subquery" if part.find(exp.Subquery, exp.Select) else None


def _name(call: exp.Expr) -> str:
    name = call.sql("postgres").partition("(")[0].lower()
    return "now" if name == "current_timestamp" else name


def _functions(part: exp.Expr) -> set[str]:
    return {_name(call) for call in part.find_all(exp.Func)}
