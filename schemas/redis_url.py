"""A Redis' URL as its client is given it."""

from urllib.parse import parse_qs, urlsplit


def with_host_check(url: str) -> str:
    """Have the client compare a certificate with the host's name, which redis-py by itself does not.

    Who says in the URL how certificates are to be checked is left alone. Raises ValueError where it is no URL.
    """
    parts = urlsplit(url)
    said = parse_qs(parts.query)
    if parts.scheme != "rediss" or "ssl_check_hostname" in said or "ssl_cert_reqs" in said:
        return url
    return parts._replace(query="&".join(filter(None, (parts.query, "ssl_check_hostname=true")))).geturl()
