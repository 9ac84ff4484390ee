"""The system on a Redis that is reached by a socket of the machine's own."""

from pathlib import Path

from tests.ingest.valkey import Valkey
from tests.system import running_system


async def test_a_redis_behind_a_unix_socket_serves_both_the_endpoint_and_the_worker(
    tmp_path: Path, database_url: str
) -> None:
    path = tmp_path / "redis.sock"
    valkey = Valkey(tmp_path, "--unixsocket", str(path))
    valkey.start()
    try:
        async with running_system(f"unix://{path}", database_url) as system:
            await system.send({"type": "identify", "userId": "a", "messageId": "m"})
            assert (await system.ledger())["applied"] == 1
    finally:
        valkey.kill()
