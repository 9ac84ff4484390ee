"""Headers as no honest sender writes them."""

import base64
from random import Random

_NAMES = (
    b"Content-Type", b"Content-Encoding", b"X-Signature", b"Expect", b"Connection", b"Upgrade", b"Accept-Encoding",
    b"Cookie",
    b"User-Agent", b"Origin", b"Host", b"Transfer-Encoding", b"Content-Length", b"Trailer", b"Range",
    b"If-None-Match", b"TE",
    b"X-Forwarded-For", b"X-Retry-Count", b"Accept", b"X", b"X-\xff", b"", b"Authorization ", b"Sec-WebSocket-Key",
    b"Forwarded",
    b"Access-Control-Request-Headers", b"Proxy-Connection", b"Keep-Alive", b"Date", b"Via", b"HTTP2-Settings",
    b"Content-Range",
)  # fmt: skip
_VALUES = (
    b"", b" ", b"gzip", b"br", b"deflate", b"identity", b"gzip, gzip", b"chunked", b"100-continue", b"200-ok",
    b"close", b"upgrade",
    b"websocket", b"h2c", b"keep-alive, Upgrade", b"0", b"-1", b"+5", b"5, 5", b"0x5", b"99999999999999999999",
    b"1e3", b"*/*",
    b"text/plain; charset=utf-16", b"application/json; charset=\xff", b"multipart/form-data",
    b"multipart/form-data; boundary=",
    b";", b"=", b"a=b; c", b"\xff\xfe", b"a\tb", b"a\0b", b"a\x7fb", b"a\rb", b"a\r\n b",
    b"x" * 7000, b"x" * 9000, b'"', b"{{7*7}}",
    b"application/json;charset=nonsense", b"deadbeef", b"0" * 40, b"bytes=0-", b"http://x/", b"\xc5\xbc",
)  # fmt: skip


def garbage_header(chance: Random) -> tuple[bytes, bytes]:
    """Make any header."""
    value = chance.choice(_VALUES)
    if chance.random() < 0.3:
        value = bytes(chance.randrange(256) for _ in range(chance.randrange(12)))
    return chance.choice(_NAMES), value


def wrong_credentials(chance: Random, secret: str) -> list[tuple[bytes, bytes]]:
    """Make credentials that open nothing."""
    wrong = chance.choice(
        (
            "", " ", secret[:-1], secret[1:], secret + "x", "x" + secret, secret.upper(), secret[::-1], f":{secret}",
            "\0" + secret, secret + "\0", "null", "*", "' OR ''='", "%", "żółć", "x" * 3000,
        )
    ).encode()
    encoded = base64.b64encode(wrong)
    value = chance.choice(
        (
            b"", b"Basic", b"Bearer", b"Basic " + encoded, b"Bearer " + wrong, b"basic  " + encoded + b"==",
            wrong, encoded,
            b"Digest " + secret.encode(), b"Basic " + secret.encode(), b"Bearer " + base64.b64encode(secret.encode()),
            b"Basic " + encoded[1:], b"Basic \xff" + encoded, b"Bearer \xff\xfe", b"Basic ====", b"Basic ,,,,",
            b"Bearer\t",
            b"Basic " + base64.b64encode(b":" + secret.encode()), b"Basic " + encoded + b", Basic " + encoded,
        )
    )
    names = (b"Authorization", b"Authentication", b"authorization", b"X-Authorization", b"Cookie")
    return [(chance.choice(names), value)]
