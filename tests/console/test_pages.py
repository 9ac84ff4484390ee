"""What the pages show, in a database where every field that is shown tries to be a script."""

import asyncio
import re
from typing import Any

from tests.console.running import Console, Operator
from tests.journeys.messages import alias, group, identify, track
from tests.system import System
from tests.waiting import eventually

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"


async def fill(system: System) -> None:
    """Let messages arrive whose every field is hostile."""
    personas = {"computation_key": EVIL, "computation_class": "audience"}
    await system.send(
        identify(userId=EVIL, messageId=f"m{EVIL}", traits={"name": EVIL, "email": "e@acme.example", EVIL: EVIL}),
        identify(1, userId=EVIL, anonymousId=f"a{EVIL}", traits={"name": EVIL + "2"}),
        track(EVIL, 2, userId=EVIL, properties={EVIL: EVIL}),
        group(EVIL, 3, userId=EVIL, traits={"name": EVIL, "plan": EVIL}),
        alias(f"old{EVIL}", EVIL, 4),
        identify(5, userId=EVIL, traits={EVIL: True}, context={"personas": personas}),
        {"type": EVIL, "userId": EVIL, "messageId": f"dead{EVIL}"},
    )


async def all_pages(operator: Operator) -> dict[str, str]:
    """Look at every page that can be reached by links from the bar; give the pages by their paths."""
    pages: dict[str, str] = {}
    waiting = ["/", "/connections/new", "/live", "/contacts", "/contacts?view=all", "/contacts?view=unmatched",
               "/contacts?q=alert", "/accounts?view=all", "/accounts?q=alert", "/audiences", "/queue",
               "/dead-letters", "/audit", "/live?type=refused"]  # fmt: skip
    while waiting:
        path = waiting.pop()
        if path in pages:
            continue
        answer = await operator.get(path)
        assert answer.status == 200, path
        pages[path] = answer.text
        found = re.findall(r'(?:href|hx-get)="(/(?!static)[^"#]*)', answer.text)
        waiting += [link.replace("&amp;", "&") for link in found]
    return pages


async def test_nothing_that_was_sent_becomes_a_script(console: Console, system: System) -> None:
    await system.connect("evil" + "x", workspace="w")
    await system.database.execute("UPDATE variance_data.connections SET name = $1 WHERE id = 'defaultmain'", EVIL)
    await fill(system)
    await console.until_words_are_read()
    ada = await console.operator(EVIL)
    pages = await all_pages(ada)
    kinds = {re.sub(r"[?].*|[0-9a-f-]{36}|\d+", "", path) for path in pages}
    assert {"/contacts//", "/accounts//", "/audience", "/dead-letters/", "/message"} <= kinds
    for path, text in pages.items():
        assert "<script>alert" not in text, path
        assert "<img src=x" not in text, path
        assert "onerror=alert(2)&gt;{{7*7}}" in text or "onerror" not in text, path


async def test_a_contact_is_found_by_everything_that_is_known_of_it(console: Console, system: System) -> None:
    await system.send(
        identify(userId="u-1", traits={"name": "Ada Lovelace", "email": "ada@mail.acme.example", "plan": "team"}),
        identify(1, userId="u-1", traits={"n": 5}),
        identify(userId="u-2", traits={"name": "Bea Booth", "email": "bea@gmail.com"}),
        identify(userId="u-3", traits={"name": "Cem Cole", "email": "cem@xn--bcher-kva.example"}),
        track("Seen", 1, anonymousId="visitor"),
    )
    await console.until_words_are_read()
    ada = await console.operator()
    queries = (
        "u-1", "ada@mail.acme.example", "Lovel", "lovelace ada", "mail.acme", "acme.example", "plan=team",
        "n=5", "n = 5",
    )  # fmt: skip
    for query in queries:
        text = (await ada.get(f"/contacts?q={query.replace(' ', '+')}")).text
        assert "Ada Lovelace</a>" in text, query
        assert "Bea Booth" not in text, query
    for query in ("nobody", "plan=free", "'", "!&|():*", "\\", "a" * 500, "plan=", "="):
        async with ada.http.get(f"{ada.base_url}/contacts", params={"q": query}) as answer:
            assert answer.status == 200
    unmatched = (await ada.get("/contacts?view=unmatched")).text
    assert "Bea Booth" in unmatched
    assert "gmail.com is a mail provider" in unmatched
    assert "no e-mail address is known" in unmatched
    assert "Ada Lovelace" not in unmatched
    assert "Cem Cole</a>" in (await ada.get("/contacts?q=cem@xn--bcher-kva.example")).text
    accounts = (await ada.get("/accounts?q=acme")).text
    assert "acme.example</a>" in accounts
    for query in ("bücher.example", "xn--bcher-kva.example", "XN--BCHER-KVA.example"):
        assert "bücher.example</a>" in (await ada.get(f"/accounts?q={query}")).text, query


UNSTORABLE = {
    "/connections/%00": 404, "/connections/a%00b/light": 404, "/connections/%00/rules": 404,
    "/message?connection=%00&id=a": 404, "/message?connection=a&id=%00": 404, "/audience?name=%00": 404,
    "/audiences?behind=%00": 200, "/live?connection=%00": 200, "/live?id=a%00": 200, "/dead-letters?reason=%00": 200,
    "/contacts?q=%00": 200, '/contacts?q=plan="%5Cu0000"': 200, "/accounts?q=%00": 200, "/contacts/1/%00": 404,
    "/nowhere%00": 404,
}  # fmt: skip
"""Pages that are asked for what Postgres cannot hold, and what they answer."""


async def test_what_postgres_cannot_hold_is_not_there(console: Console, system: System) -> None:
    await system.send(identify(userId="u"))
    ada = await console.operator()
    assert {path: (await ada.get(path)).status for path in UNSTORABLE} == UNSTORABLE
    contact = re.search(r"/contacts/\d+/[0-9a-f-]{36}", (await ada.get("/contacts?view=all")).text)
    assert contact
    assert (await ada.get(f"{contact[0]}?at=2026-01-01T00:00:00Z&id=%00")).status == 200
    for change in ("secret", "enabled"):
        assert (await ada.post(f"/connections/%00/{change}", {"overlap": "0"})).status == 404
    assert (await ada.post("/dead-letters/replay", {"reason": "\0"})).status == 303
    assert (await console.stranger().post("/sign-in", {"name": "\0", "password": "x"})).status == 403


async def test_an_id_that_postgres_cannot_hold_is_found_as_it_was_made_storable(
    console: Console, system: System
) -> None:
    await system.send(identify(userId="-\0-", messageId="m\0"))
    ada = await console.operator()
    assert ">-\ufffd-</a>" in (await ada.get("/message?connection=main&id=m%00")).text
    assert "id=m%EF%BF%BD" in (await ada.get("/live?id=-%00-")).text
    assert ">-\ufffd-</a>" in (await ada.get("/contacts?q=-%00-")).text
    for path in ("/contacts?q=-%00-", "/accounts?q=-%00-"):
        assert 'value="-\ufffd-"' in (await ada.get(path)).text, path


async def test_lists_go_on_by_key_and_miss_nobody(console: Console, system: System) -> None:
    people = [identify(userId=f"u{n}", traits={"name": f"Person {n}."}) for n in range(120)]
    await system.send(*people, *(track("x", userId="u0", messageId=f"e{n:03}") for n in range(120)))
    ada = await console.operator()
    for first in ("/contacts?view=all", "/contacts?view=unmatched"):
        path, seen, pages = first, [], 0
        while path:
            text = (await ada.get(path)).text
            seen += re.findall(r">(Person \d+)\.</a>", text)
            following = re.search(r'href="([^"]+)">Next page', text)
            path, pages = following[1].replace("&amp;", "&") if following else "", pages + 1
        assert (pages, len(seen), len(set(seen))) == (3, 120, 120), first
    found = re.search(r"/contacts/\d+/[0-9a-f-]+", (await ada.get("/contacts?q=u0")).text)
    assert found
    path, events = found[0], []
    while path:
        text = (await ada.get(path)).text
        events += re.findall(r"/message[?]connection=defaultmain&amp;id=(e\d{3})", text)
        following = re.search(r'href="(\?at=[^"]+)#events">', text)
        path = found[0] + following[1].replace("&amp;", "&") if following else ""
    assert sorted(set(events)) == [f"e{n:03}" for n in range(120)]
    assert len(events) == 120


async def test_dead_letters_are_fixed_replayed_and_discarded_once(console: Console, system: System) -> None:
    broken = ({"type": "group", "userId": "u", "messageId": f"d{n}"} for n in range(4))
    await system.send(*broken, track("x", userId="u"))
    ada, bea = await console.operator("ada"), await console.operator("bea")
    assert "missing_field · 4" in (await ada.get("/dead-letters")).text
    fixed = '{"type": "group", "userId": "u",\r\n "groupId": "acme", "messageId": "d0"}'
    assert (await ada.post("/dead-letters/1/replay", {"body": fixed})).location == "/dead-letters?applied=1"
    assert (await bea.post("/dead-letters/1/replay", {"body": fixed})).location == "/dead-letters?gone=1"
    assert (await system.contacts())["u"]["account"] == "acme"
    body = (await bea.get("/dead-letters/2")).text
    assert "groupId" in body
    again = (await bea.post("/dead-letters/2/replay", {"body": ""})).location
    assert re.fullmatch(r"/dead-letters/\d+", again)
    assert (await ada.post("/dead-letters/3/discard")).location == "/dead-letters?discarded=1"
    assert (await bea.post("/dead-letters/3/discard")).location == "/dead-letters?gone=1"
    assert (await ada.post("/dead-letters/replay", {"reason": "missing_field"})).location == "/dead-letters?dead=2"
    queue = (await ada.get("/queue")).text
    assert "Every accepted message is accounted for" in queue
    assert re.findall(r'class="process"><strong>(\w+)<', queue) == ["web", "worker", "console", "redis", "postgres"]
    assert [what for _, what, _ in await console.audited() if "letter" in what] == [
        "replayed a dead letter", "replayed a dead letter", "discarded a dead letter",
        "replayed a dead letter", "replayed a dead letter",
    ]  # fmt: skip


async def rows_of(operator: Operator, path: str, *until: str) -> str:
    """Follow a live stream until all these texts have come."""
    text = ""
    async with operator.http.get(operator.base_url + path) as answer:
        assert answer.content_type == "text/event-stream"
        while not all(word in text for word in until):
            text += (await answer.content.readline()).decode()
    return text


async def test_live_shows_what_arrives_what_was_refused_and_only_what_fits(console: Console, system: System) -> None:
    ada = await console.operator()
    streams = {
        "all": asyncio.create_task(rows_of(ada, "/live/stream", "Last One", "First One", "unknown_type")),
        "refused": asyncio.create_task(rows_of(ada, "/live/stream?type=refused", "refused")),
        "u-2": asyncio.create_task(rows_of(ada, "/live/stream?id=u-2", "Last One")),
    }
    sent = 0

    async def are_done() -> bool:
        nonlocal sent
        sent += 1
        await system.send(
            track("First One", userId="u-1", messageId=f"f{sent}"), {"type": "nonsense", "messageId": f"n{sent}"},
            track("Last One", userId="u-2", messageId=f"l{sent}"),
        )  # fmt: skip
        return all(task.done() for task in streams.values())

    async with asyncio.timeout(20):
        await eventually(are_done, "every stream to show its rows")
    assert "First One" in streams["all"].result()
    assert "First One" not in streams["u-2"].result()
    assert "One" not in streams["refused"].result()
    page = await ada.get("/live?id=u-1")
    assert "First One" in page.text
    assert "Last One" not in page.text
    message = await ada.get("/message?connection=defaultmain&id=f1", **{"HX-Request": "true"})
    assert "an event of the type" in message.text
    assert "&#34;First One&#34;" in message.text


async def test_what_arrives_is_summed_up_on_the_page(console: Console, system: System) -> None:
    now: dict[str, Any] = {"receivedAt": None}
    await system.send(*(track("x", userId=f"u{n}") | now for n in range(500)))
    ada = await console.operator()

    async def are_all_counted() -> bool:
        return '<td class="num">500</td>' in (await ada.get("/")).text

    await eventually(are_all_counted, "500 messages to be counted")
