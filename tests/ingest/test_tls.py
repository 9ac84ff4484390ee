"""A Redis that speaks TLS with a certificate which nobody has signed, as some hosts' do."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from schemas.settings import WebSettings, read_settings


@pytest.fixture
async def rediss_url(redis_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """The tests' Valkey, behind TLS."""
    openssl = shutil.which("openssl")
    assert openssl, "the openssl program is missing"
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(  # noqa: ASYNC221 (over in a moment)
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    parts = urlsplit(redis_url)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(parts.hostname, parts.port)
        await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    yield parts._replace(scheme="rediss", netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}").geturl()
    server.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def test_a_certificate_is_checked_unless_the_setting_says_otherwise(rediss_url: str) -> None:
    for given, is_let_in in (({}, False), ({"REDIS_CERTIFICATE": "unchecked"}, True)):
        settings = read_settings(WebSettings, {"REDIS_URL": rediss_url} | given)
        redis = Redis.from_url(settings.redis_url)
        try:
            if is_let_in:
                assert await redis.ping()
            else:
                with pytest.raises(RedisConnectionError, match="certificate verify failed"):
                    await redis.ping()
        finally:
            await redis.aclose()
