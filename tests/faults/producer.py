"""A seeded sender: posts batches, keeps its ledger, and sends again what was not acknowledged, as Segment does."""

import asyncio
import base64
import itertools
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import aiohttp
import orjson

from tests.faults.canary import SECRET_PREFIX
from tests.faults.chance import message
from tests.faults.ledger import Ledger, Outcome
from tests.waiting import eventually

_AGAIN_SECONDS = 0.05
_TRIES = 200
_ANSWER_SECONDS = 5.0  # Segment's
_REPEATED = 0.1  # of the acknowledged posts are sent once more, in another cut


@dataclass
class Producer:
    """Sends for some workspaces, whose connections are named after them and the account method."""

    seed: int
    url: str
    ledger: Ledger
    workspaces: Sequence[str]
    extra: list[dict[str, Any]] = field(default_factory=list)
    """Fields of messages of the test's own, which are sent among the others, one with each batch."""
    senders: int = 2
    pause_seconds: float = 0.03
    _numbers: dict[str, int] = field(default_factory=dict)
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, workspace: str, **fields: Any) -> dict[str, Any]:
        """Give the next message of a workspace, with some fields of the test's own."""
        number = self._numbers[workspace] = self._numbers.get(workspace, -1) + 1
        return message(self.seed, workspace, number) | fields

    async def send_until_stopped(self) -> None:
        """Send from several senders at once until `stop`; then until all that can be is acknowledged."""
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as http, asyncio.TaskGroup() as senders:
            for number in range(self.senders):
                senders.create_task(self._send(http, random.Random(f"{self.seed}/{number}")))

    async def sees(self, outcome: Outcome, more: int = 5) -> None:
        """Wait until so many more posts had this outcome."""
        wanted = self.ledger.outcomes[outcome] + more

        async def is_seen() -> bool:
            return self.ledger.outcomes[outcome] >= wanted

        await eventually(is_seen, f"{more} posts more to be {outcome}")

    async def send_again(self) -> None:
        """Send all that was ever sent once more, as Segment replays it."""
        chance = random.Random(f"{self.seed}/again")
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS)) as http:
            for workspace, told in self.ledger.read().items():
                said = sorted(told.sent.values(), key=itemgetter("connection"))
                for method, batch in itertools.groupby(said, key=itemgetter("connection")):
                    await self._deliver(http, chance, workspace, method, list(batch))

    def stop(self) -> None:
        """Say nothing new."""
        self._stopped.set()

    async def _send(self, http: aiohttp.ClientSession, chance: random.Random) -> None:
        while not self._stopped.is_set():
            await self._send_batch(http, chance)
            await asyncio.sleep(self.pause_seconds)

    async def _send_batch(self, http: aiohttp.ClientSession, chance: random.Random) -> None:
        workspace = chance.choice(self.workspaces)
        said = [self.say(workspace) for _ in range(chance.randrange(1, 12))]
        if self.extra:
            said.append(self.say(workspace, **self.extra.pop()))
        if chance.random() < _REPEATED:
            said += chance.sample(said, 1)
        chance.shuffle(said)
        said.sort(key=itemgetter("connection"))  # a post is to one connection
        for method, batch in itertools.groupby(said, key=itemgetter("connection")):
            await self._deliver(http, chance, workspace, method, list(batch))

    async def _deliver(
        self, http: aiohttp.ClientSession, chance: random.Random, workspace: str, method: str, batch: list[Any]
    ) -> None:
        for _ in range(_TRIES):
            outcome = await self._post(http, workspace, method, batch)
            if outcome == "acknowledged" and chance.random() > _REPEATED:
                return
            if outcome != "acknowledged":
                await asyncio.sleep(_AGAIN_SECONDS * (0.5 + chance.random()))
                if self._stopped.is_set() and chance.random() < 0.1:
                    return  # a sender may as well give up: then nobody knows whether the messages came

    async def _post(self, http: aiohttp.ClientSession, workspace: str, method: str, batch: list[Any]) -> Outcome:
        connection_id = f"{workspace}{method}"
        post = self.ledger.begin(connection_id, workspace, batch)
        outcome: Outcome = "unknown"
        sent = [{name: value for name, value in one.items() if name != "connection"} for one in batch]
        try:
            async with http.post(
                f"{self.url}/v1/batch", data=orjson.dumps({"batch": sent}), headers=authorization(connection_id)
            ) as answer:
                text = await answer.text()
                outcome = "acknowledged" if answer.status == 200 else "refused"
                if answer.status not in (200, 503) or (answer.status == 503 and "Retry-After" not in answer.headers):
                    self.ledger.strange.append(f"{answer.status} {text}")
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass
        self.ledger.end(post, outcome)
        return outcome


def secret_of(connection_id: str) -> str:
    """Give a connection's secret, which follows from its id."""
    return f"{SECRET_PREFIX}{connection_id}"


def authorization(connection_id: str) -> dict[str, str]:
    """Give the header that opens a connection."""
    return {"Authorization": f"Basic {base64.b64encode(f'{secret_of(connection_id)}:'.encode()).decode()}"}


@asynccontextmanager
async def sending(producer: Producer) -> AsyncIterator[Producer]:
    """Keep sending while the block runs."""
    task = asyncio.create_task(producer.send_until_stopped())
    try:
        yield producer
    finally:
        producer.stop()
        await task
