"""The address of an endpoint, and who asks there.

An address is written into messages, results and caches, so it never holds a password: credentials come from the
environment, those of one host before those of all.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from reasoning.errors import EndpointError

PREFIX = "sparql:"
"""What a graph's name begins with where the rest is the address of an endpoint."""
TOKEN, USER, PASSWORD = "SKYLARK_SPARQL_TOKEN", "SKYLARK_SPARQL_USER", "SKYLARK_SPARQL_PASSWORD"
"""Variables of the environment; with `_` and the host behind, such as `SKYLARK_SPARQL_TOKEN_DATA_EXAMPLE_ORG`, of that
host alone."""

log = logging.getLogger(__name__)


def names_endpoint(name: object) -> bool:
    """Whether a graph's name is `sparql:` and the address of an endpoint."""
    return isinstance(name, str) and name.strip().lower().startswith(PREFIX)


@dataclass(frozen=True)
class Address:
    """Where an endpoint takes queries.

    Attributes:
        url: http or https, with a query string where the server wants one (`?default-graph-uri=...`).
    """

    url: str

    @classmethod
    def of(cls, name: str) -> Address:
        """That of a graph's name, `sparql:http://host:port/query`.

        Raises:
            EndpointError: it is no such address, or holds a password.
        """
        import httpx

        url = name.strip()[len(PREFIX) :].strip()
        expected = f'expected {PREFIX} and an address such as "{PREFIX}http://localhost:7878/query"'
        if any(char.isspace() or not char.isprintable() for char in url):
            raise EndpointError(f"the address of an endpoint has a blank or a control character in it; {expected}")
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise EndpointError(f"the address of an endpoint cannot be read ({error}); {expected}") from None
        if parts.username is not None or parts.password is not None:
            raise EndpointError(
                f"the address of an endpoint holds a user or a password, which would be written into results and "
                f"messages: leave it out, and set {USER} and {PASSWORD}, or {TOKEN}, in the environment"
            )
        if parts.scheme not in ("http", "https") or not host:
            raise EndpointError(f'"{url}" is not the address of an endpoint; {expected}')
        if parts.fragment:
            raise EndpointError(f'"{url}" has a fragment behind #, which no server is sent; {expected}')
        try:
            if len(httpx.URL(url).host.encode("idna")) > 253:
                raise ValueError("longer than 253 letters")
        except (ValueError, httpx.InvalidURL) as error:
            raise EndpointError(f'"{host[:80]}" is not the name of a host ({error}); {expected}') from None
        return cls(url)

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """The graph's name: what `KnowledgeGraph.load` takes."""
        return f"{PREFIX}{self.url}"

    @property
    def host(self) -> str:
        """The host's name."""
        return urlsplit(self.url).hostname or ""

    @property
    def file_name(self) -> str:
        """What a file about the endpoint is called, without an ending."""
        digest = hashlib.sha256(self.url.encode()).hexdigest()[:16]
        return f"{re.sub(r'[^A-Za-z0-9.-]', '-', self.host)[:40]}-{digest}"

    def headers(self) -> dict[str, str]:
        """The header that says who asks, {} where the environment has nothing for this host.

        Raises:
            EndpointError: what the environment has cannot be sent.
        """
        import httpx

        asking = self._asking
        if asking.token:
            name, header = TOKEN, f"Bearer {asking.token}"
            if not all("!" <= char <= "~" for char in asking.token):
                raise EndpointError(f"{TOKEN} for {self} holds a blank or a character that is not ASCII: no token does")
        elif asking.user:
            name = USER
            if not (asking.user + asking.password).isprintable() or ":" in asking.user:
                raise EndpointError(
                    f"{USER} or {PASSWORD} for {self} cannot be sent: a user has no colon, and neither of the two has "
                    "a control character"
                )
            request = next(httpx.BasicAuth(asking.user, asking.password).auth_flow(httpx.Request("POST", self.url)))
            header = request.headers["Authorization"]
        else:
            return {}
        if self.url.startswith("http:") and self.host not in ("localhost", "127.0.0.1", "::1"):
            log.warning("%s is asked by http, so what it is sent of %s goes unencrypted", self, name)
        return {"Authorization": header}

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may hold: a server may send back what it was sent."""
        asking = self._asking
        try:
            sent = [header.partition(" ")[2] for header in self.headers().values()]
        except EndpointError:
            sent = []
        return tuple(dict.fromkeys(filter(None, (*sent, asking.token, asking.password))))

    @property
    def _asking(self) -> _Asking:
        """Who asks: what is said for this host, all of it, or else what is said for all hosts."""
        own = f"_{re.sub(r'[^A-Z0-9]', '_', self.host.upper())}"
        for behind in (own, ""):
            said = _Asking(*(os.environ.get(f"{name}{behind}", "").strip() for name in (TOKEN, USER, PASSWORD)))
            if said.token or said.user:
                return said
            if behind and said.password:
                raise EndpointError(f"{PASSWORD}{behind} needs {USER}{behind}, whose password it is")
        return _Asking("", "", "")


@dataclass(frozen=True, repr=False)
class _Asking:
    """Who asks, "" for what the environment does not say."""

    token: str
    user: str
    password: str
