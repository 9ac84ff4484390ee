"""Who was there before a version had words, or more of them, is found like anybody else."""

from importlib.resources import files

import asyncpg

from tests.convergence.stage import Stage
from tests.convergence.words import ADA, KNOWN, READ, VISIT, has, read_all, rows
from tests.convergence.worlds import told


async def test_who_was_there_before_the_words_had_a_table_is_found_and_read_once_more(
    stage: Stage, pool: asyncpg.Pool
) -> None:
    migration = files("schemas").joinpath("migrations", "0007_search_words.sql").read_text()
    applied, _, taken_back = migration.partition("-- migrate: rollback")
    workspace = await stage.new_workspace()
    group = told("group", 4, userId="ada", groupId="g1", traits={"name": "Initech"})
    await stage.deliver(workspace, [[ADA, VISIT, group]], at_once=False)
    await stage.database.execute(taken_back)
    await stage.database.execute(applied)
    known = await rows(stage, KNOWN)
    assert await rows(stage, READ) == known
    assert len(known) == 3
    await stage.database.execute("UPDATE variance_data.contacts SET traits = '{}' WHERE external_id = 'ada'")
    await read_all(pool)
    assert await has(stage, "gloriana") == []


async def test_who_was_there_before_domains_were_words_is_found_by_the_domain_that_the_host_lies_in(
    stage: Stage, pool: asyncpg.Pool
) -> None:
    migration = files("schemas").joinpath("migrations", "0015_words_of_domains.sql").read_text()
    emails = {"ada": "Ada@Mail.Acme.co.uk", "bea": "bea@acme.com", "cem": "cem", "dan": "dan@a.b.c.acme.co.uk"}
    people = [told("identify", number, userId=name, traits={"email": email})
              for number, (name, email) in enumerate(emails.items())]  # fmt: skip
    await stage.deliver(await stage.new_workspace(), [people], at_once=False)
    await read_all(pool)
    assert sorted(await has(stage, "acme.co.uk")) == ["ada", "dan", "somebody"]  # who is the account
    await stage.database.execute("UPDATE variance_data.search_words SET words = '' WHERE NOT is_account")
    await stage.database.execute(migration.partition("-- migrate: rollback")[0])
    await read_all(pool)
    assert sorted(await has(stage, "acme.co.uk")) == ["ada", "dan", "somebody"]
    assert await has(stage, "acme.com") == ["somebody"], "words that stay as they are, are not read again"
