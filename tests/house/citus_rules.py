"""What Citus refuses of a statement, or runs many times slower, told without Citus.

Each rule was tried on a cluster. A statement is told by its tree; whether a function may be used where only immutable
ones may is asked of the database.
"""

from collections.abc import Iterator

import sqlglot
from sqlglot import exp

from tests.house.citus_scopes import (
    Known,
    equated,
    is_joined,
    is_pinned,
    is_semi_join,
    is_spread,
    outer_names,
    pinned_names,
    sources,
    spread_tables,
)
from worker.placement import Place


def refusals(sql: str, known: Known) -> list[str]:
    """Give what Citus would have against a statement; nothing where it takes it."""
    tree = sqlglot.parse_one(sql, read="postgres")
    shapes = (_merge, _settings, _workspaces, _columns, _parts, _one_workspace, _locks, _recursion, _local, _rows)
    writes = (_insert, _update, _returning, _modifying_parts)
    return sorted({fault for rule in (*shapes, *writes) for fault in rule(tree, known)})


def asks_all_nodes(sql: str, known: Known) -> bool:
    """Tell whether a statement is about what is spread, and names no workspace of it by a parameter."""
    tree = sqlglot.parse_one(sql, read="postgres")
    scopes = tree.find_all(exp.Select, exp.Update, exp.Delete)
    tables = [(table, scope) for scope in scopes for table in spread_tables(scope, known)]
    return bool(tables) and not any(is_pinned(table, scope) for table, scope in tables)


def _target(node: exp.Expr) -> exp.Table | None:
    """Give the table that a statement writes."""
    this = node.this
    found = this.this if isinstance(this, exp.Schema) else this
    return found if isinstance(found, exp.Table) else None


def _writes(tree: exp.Expr, known: Known, *kinds: type[exp.Expr]) -> Iterator[exp.Expr]:
    """Give the parts that write a table which is spread by workspace."""
    return (node for node in tree.find_all(*kinds) if is_spread(_target(node), known))


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
        if any(sum_.find(exp.Interval) and sum_.find(exp.Column) for sum_ in update.find_all(exp.Add, exp.Sub)):
            yield "a write with an interval before or after a column's moment, which is stable: pass the moment"
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
        if select.args.get("locks") and any(is_spread(source, known) for source in sources(select)):
            for table in spread_tables(select, known):
                if not is_pinned(table, select):
                    yield "FOR UPDATE over several workspaces"


def _workspaces(tree: exp.Expr, known: Known) -> Iterator[str]:
    for scope in tree.find_all(exp.Select, exp.Update, exp.Delete):
        tables = spread_tables(scope, known)
        loose = [table for table in tables if not is_pinned(table, scope)]
        groups = equated(scope)
        own = {table.alias_or_name for table in tables}
        if len(tables) > 1 and any(not is_joined(table.alias_or_name, own, groups) for table in loose):
            yield "a join without the workspace on both sides"
        outer = outer_names(scope, known)
        if outer is None or is_semi_join(scope):
            continue
        for table in loose:
            if not groups.get(table.alias_or_name, set()) & outer:
                yield "a subquery for each row of what lies on no node: name the workspace in it by a parameter"


def _columns(tree: exp.Expr, known: Known) -> Iterator[str]:
    """Find what Citus reads before the rest of a statement, and then puts its columns in its place."""
    for select in tree.find_all(exp.Select):
        named = {column.table for column in select.find_all(exp.Column)}
        is_apart = select.parent_select is not None and named <= {"", *(part.alias_or_name for part in sources(select))}
        loose = [table for table in spread_tables(select, known) if not is_pinned(table, select)]
        if is_apart and loose and not select.expressions:
            yield "a subquery of several workspaces that has no column: name one"


def _parts(tree: exp.Expr, known: Known) -> Iterator[str]:
    """Find what a part without a FROM reads for each row of its surroundings."""
    for select in tree.find_all(exp.Select):
        part = select.parent_select
        loose = [table for table in spread_tables(select, known) if not is_pinned(table, select)]
        if loose and part is not None and part.parent_select is not None and not sources(part):
            yield "a subquery of several workspaces in a part without a FROM: join it"


def _one_workspace(tree: exp.Expr, known: Known) -> Iterator[str]:
    """Find what has a statement of one workspace sent to all nodes: Postgres derives no workspace for some table."""
    scopes = list(tree.find_all(exp.Select, exp.Update, exp.Delete))
    if not any(is_pinned(table, scope) for scope in scopes for table in spread_tables(scope, known)):
        return
    for scope in scopes:
        groups, pinned = equated(scope), pinned_names(scope, known)
        parent = scope.parent_select
        if parent is not None and (is_semi_join(scope) or is_semi_join(scope, exp.Not)):
            pinned |= pinned_names(parent, known)
        tables = spread_tables(scope, known)
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
        if isinstance(write, exp.Update | exp.Delete) and not is_pinned(target, write):
            yield "a part that writes in several workspaces"


def _recursion(tree: exp.Expr, known: Known) -> Iterator[str]:
    for part in tree.find_all(exp.With):
        if part.args.get("recursive"):
            for select in part.find_all(exp.Select):
                if any(not is_pinned(table, select) for table in spread_tables(select, known)):
                    yield "a recursion over several workspaces"
    for select in tree.find_all(exp.Select):
        group = select.args.get("group")
        has_sets = group is not None and group.find(exp.GroupingSets, exp.Cube, exp.Rollup)
        if has_sets and any(not is_pinned(table, select) for table in spread_tables(select, known)):
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
