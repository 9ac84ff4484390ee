"""An id that is linked with too many others joins nobody, whichever of its links came first."""


from hypothesis import given

from tests.convergence.model import expected
from tests.convergence.stage import Stage
from tests.convergence.test_convergence import many_worlds
from tests.convergence.worlds import METHODS, Delivery, deliveries, told
from worker.explain.explanation import Explanation, explain_contact
from worker.fold.ids import identity_id
from worker.store.explanations import find_candidates, read_evidence


@many_worlds
@given(delivery=deliveries())
async def test_the_state_is_a_function_of_the_set_of_messages_where_ids_are_quarantined(
    stage: Stage, delivery: Delivery
) -> None:
    workspace = await stage.new_workspace(most_links=2)
    await stage.deliver(workspace, delivery.batches, at_once=delivery.at_once)
    assert await stage.state(workspace) == expected(delivery.world, METHODS, most_links=2)


async def test_a_constant_user_id_is_quarantined_with_its_reason_and_its_visitors_stay_apart(stage: Stage) -> None:
    workspace = await stage.new_workspace()
    world = [
        told("identify", n, userId="kiosk", anonymousId=f"v{n}", traits={}) | {"messageId": f"m{n}"}
        for n in range(501)
    ]
    await stage.deliver(workspace, [world[:300], world[300:500]], at_once=False)
    assert len((await stage.state(workspace)).contacts) == 1
    await stage.deliver(workspace, [world[500:]], at_once=False)
    assert len((await stage.state(workspace)).contacts) == 502
    shown = await stage.database.fetch(
        """SELECT q.value, q.kind, c.external_id FROM variance.quarantine q
        LEFT JOIN variance.contacts c ON c.workspace = q.workspace AND c.id = q.contact_id WHERE q.workspace = $1""",
        workspace,
    )
    assert [tuple(row) for row in shown] == [("kiosk", "user", "kiosk")]
    reasons = await stage.database.fetch(
        "SELECT outcome, reason, count(*) FROM variance.merges WHERE workspace = $1 GROUP BY 1, 2", workspace
    )
    assert [tuple(row) for row in reasons] == [("refused", "an id of the two is quarantined", 501)]
    kiosk = (await explained(stage, workspace, "kiosk")).members[0]
    assert kiosk.quarantined_links == 501
    (link,) = (await explained(stage, workspace, "v7")).idle_links
    assert (link.outcome, link.reason) == ("refused", "an id of the two is quarantined")


async def test_the_next_in_line_gets_the_visitors_of_an_id_that_is_quarantined(stage: Stage) -> None:
    workspace = await stage.new_workspace(most_links=2)
    claims = [told("identify", n, n, userId="kiosk", anonymousId=f"v{n}", traits={}) for n in range(3)]
    rival = told("identify", 9, 9, userId="u1", anonymousId="v0", traits={})
    await stage.deliver(workspace, [claims[:2], [rival]], at_once=False)
    assert frozenset({"kiosk", "v0", "v1"}) in (await stage.state(workspace)).contacts
    await stage.deliver(workspace, [claims[2:]], at_once=False)
    assert frozenset({"u1", "v0"}) in (await stage.state(workspace)).contacts


async def explained(stage: Stage, workspace: str, value: str) -> Explanation:
    """Explain the contact of an id."""
    number = await stage.workspace_id(workspace)
    (found,) = await find_candidates(stage.database, workspace, [identity_id(number, value)], None, 1)
    return explain_contact(await read_evidence(stage.database, found))
