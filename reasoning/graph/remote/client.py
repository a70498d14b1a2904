"""SPARQL over HTTP: bounded requests to an endpoint, retried, with every answer checked."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cachetools import TTLCache
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from reasoning.errors import EndpointError
from reasoning.graph.remote.address import PASSWORD, TOKEN, USER, Address
from skylark.retries import retry_after

if TYPE_CHECKING:
    import httpx


Key = TypeVar("Key", bound=Hashable)
Found = TypeVar("Found")


class Kept(Generic[Key, Found]):
    """Answers by what was asked, the last used ones; safe to share between threads.

    Args:
        seconds: how long an answer is taken for what it is.
        most: what all of them together may weigh.
        weight: what one weighs; one that weighs more than all may is not kept.
    """

    def __init__(self, seconds: float, most: int, weight: Callable[[Found], int]) -> None:
        self._most, self._weight, self._lock = most, weight, threading.Lock()
        self._held: TTLCache[Key, Found] = TTLCache(most, seconds, lambda: time.monotonic(), weight)

    def get(self, key: Key) -> Found | None:
        """The answer, None where there is none or it is old."""
        with self._lock:
            return self._held.get(key)

    def keep(self, key: Key, found: Found) -> None:
        """Hold an answer, and let go of those that were not used for longest where all weigh too much."""
        if self._weight(found) <= self._most:
            with self._lock:
                self._held[key] = found


ACCEPTED = "application/sparql-results+json"
_TYPES = (ACCEPTED, "application/json")
MAY_PASS = (429, 502, 503, 504)
"""Refusals of HTTP that another try may not meet."""
CAPPED = "x-sparql-maxrows"
"""Virtuoso's header that says how many rows it gives of however many there are."""
PARTIAL, PARTIAL_STATE = "x-sql-state", "S1TAT"
"""Virtuoso's header and what it says where time ran out and only what was found till then is given."""
TIMEOUT = "SKYLARK_SPARQL_TIMEOUT"
"""Variable of the environment with the seconds that one query may take."""
KEPT_SECONDS = 300.0
"""How long an answer is taken for what the server would say: what is shown of a graph is asked for again."""
KEPT_ROWS, MOST_KEPT = 2000, 100_000
"""Rows that an answer which is kept may have, and all of them together; one without rows counts as one."""
TOO_MUCH = re.compile(
    r"tim(e|ed)[ -]?out|out of (time|memory)|(time|memory|cost)[^.]{0,60}(exceed|limit)"
    r"|(exceed|limit)[^.]{0,60}(time|memory|cost)",
    re.IGNORECASE,
)
"""How servers say that a query takes more than they give it."""
TRIES = 3
BACKOFF = wait_exponential_jitter(multiplier=0.3, max=10, jitter=0.2)
SHOWN = 300
"""Characters of a server's own words that an error repeats."""
HINTS = {
    401: f"it wants to know who asks: set {USER} and {PASSWORD}, or {TOKEN}, in the environment",
    403: f"it refuses who asks: look at {USER}, {PASSWORD} and {TOKEN} in the environment",
    404: "nothing answers under this path: endpoints are often called /query or /sparql",
    405: "it takes no queries by POST: is this the address of its endpoint?",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What one query may take.

    Attributes:
        connect: seconds until a connection stands.
        read: seconds without a byte; a server sends none before it has found the first solution.
        whole: seconds for the whole answer of one try.
        bytes: of the answer.
        rows: solutions.
    """

    connect: float = 10.0
    read: float = 120.0
    whole: float = 120.0
    bytes: int = 1 << 26
    rows: int = 200_000

    @classmethod
    def usual(cls) -> Limits:
        """The usual ones, with the seconds that the environment says.

        Raises:
            EndpointError: it says no number of seconds.
        """
        said = os.environ.get(TIMEOUT, "").strip()
        try:
            seconds = float(said) if said else cls.whole
        except ValueError:
            seconds = 0.0
        if not 0 < seconds < 1e6:
            raise EndpointError(f"{TIMEOUT} says how many seconds a query may take, such as 300, not {said!r}")
        return cls(read=seconds, whole=seconds)


@dataclass(frozen=True)
class Term:
    """An RDF term of a solution.

    Attributes:
        kind: "iri", "blank" or "literal".
        value: the IRI, the label, or the literal's text.
        datatype: the IRI of a literal's datatype; "" of a plain text.
        language: a literal's language tag; "" where it has none.
    """

    kind: str
    value: str
    datatype: str = ""
    language: str = ""


Row = tuple[Term | None, ...]


class SparqlClient:
    """Sends queries to one endpoint, within the usual limits where none are given; safe to share between threads.

    Whatever comes that is no whole and well-formed answer is an `EndpointError`.

    Attributes:
        sent: queries sent so far.
    """

    def __init__(self, address: Address, limits: Limits | None = None) -> None:
        self.address, self.limits, self.sent = address, limits or Limits.usual(), 0
        self._kept: Kept[tuple[str, tuple[str, ...]], list[Row]] = Kept(
            KEPT_SECONDS, MOST_KEPT, lambda rows: max(1, len(rows))
        )

    def select(self, query: str, *variables: str, short: bool = False, most: int | None = None) -> list[Row]:
        """The solutions of a SELECT query, each with the terms of some variables in their order.

        Args:
            query: its text.
            variables: their names, without question marks.
            short: whether the server may stop before the last, as it may where pages are asked for till none is left.
            most: rows that may come, where those are others than the usual ones.

        Raises:
            EndpointError: no whole and well-formed answer came, or more rows than are fetched.
        """
        key = (query, variables)
        if (kept := self._kept.get(key)) is not None:
            return kept
        rows = self._rows(query, variables, short, most or self.limits.rows)
        if len(rows) <= KEPT_ROWS:
            self._kept.keep(key, rows)
        return rows

    def count(self, query: str, variable: str) -> int:
        """The one whole number that a SELECT query gives.

        Raises:
            EndpointError: something else came.
        """
        rows = self.select(query, variable)
        if len(rows) != 1:
            raise self.misformed(query, f"{len(rows)} rows where one number was asked for")
        return self.whole_number(rows[0][0], query)

    def counts(self, query: str, key: str, number: str) -> dict[str, int]:
        """The whole number of each IRI that a SELECT query gives.

        Raises:
            EndpointError: something else came.
        """
        return {
            node.value: self.whole_number(count, query)
            for node, count in self.select(query, key, number)
            if node is not None and count is not None and node.kind == "iri"
        }

    def whole_number(self, term: Term | None, query: str, below: int | None = None) -> int:
        """A term as the whole number that it ought to be, 0 or more, and perhaps less than another.

        Raises:
            EndpointError: it is something else.
        """
        try:
            number = float(term.value) if term is not None and term.kind == "literal" else -1.0
        except ValueError:
            number = -1.0
        if not 0 <= number < (2.0**63 if below is None else below):
            shown = "nothing" if term is None else self._hidden(term.value)
            raise self.misformed(query, f"{shown[:SHOWN]!r} where a whole number was asked for")
        return int(number)

    def _rows(self, query: str, variables: Sequence[str], short: bool, most: int) -> list[Row]:
        found, capped = self._answer(query, variables[0], most)
        try:
            bindings = found["results"]["bindings"]
            rows = [tuple(_term(row.get(name)) for name in variables) for row in bindings]
        except (KeyError, TypeError, AttributeError) as error:
            raise self.misformed(query, f"{type(error).__name__}: {error}") from None
        if capped is not None and len(rows) >= capped and not short:
            raise self.too_many(query, capped)
        if len(rows) > most:
            raise self.too_many(query, most)
        return rows

    def ask(self, query: str) -> bool:
        """Whether an ASK query holds.

        Raises:
            EndpointError: no whole and well-formed answer came.
        """
        answer = self._answer(query)[0]
        found = answer.get("boolean")
        if isinstance(found, bool):
            return found
        try:
            # Virtuoso 7 answers with a table of one number.
            ((name,), (row,)) = answer["head"]["vars"], answer["results"]["bindings"]
            return int(row[name]["value"]) == 1
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self.misformed(query, 'no "boolean" in it') from None

    def too_many(self, query: str, most: int) -> EndpointError:
        """The error of a query with more solutions than are fetched."""
        return EndpointError(
            f"{self.address} has more than {most:,} rows for a query, and more are not fetched: ask for fewer, "
            "or for a number such as count(...)",
            query,
            too_much=True,
        )

    def _answer(
        self, query: str, variable: str | None = None, most: int | None = None
    ) -> tuple[dict[str, Any], int | None]:
        """What came as JSON, and at how many rows the server says that it stops; rows are counted by `variable`."""
        import httpx

        retrying = Retrying(
            retry=retry_if_exception_type((_MayPass, httpx.NetworkError, httpx.RemoteProtocolError)),
            stop=stop_after_attempt(TRIES),
            wait=_pause,
            before_sleep=lambda state: log.info("%s: tried again (%d)", self.address, state.attempt_number + 1),
            reraise=True,
        )
        try:
            body, capped = retrying(self._in_time, query, variable, most)
        except _MayPass as refused:
            raise refused.error from None
        except httpx.TimeoutException as error:
            what = "no connection" if isinstance(error, httpx.ConnectTimeout) else "nothing for a while"
            raise self._slow(query, what) from None
        except httpx.RemoteProtocolError as error:
            said = self._hidden(str(error))
            raise EndpointError(f"{self.address} broke off in the middle of its answer: {said}", query) from None
        except httpx.ConnectError as error:
            raise EndpointError(
                f"{self.address} cannot be reached ({error}): is the server running, and is the address right?", query
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            said = self._hidden(f"{type(error).__name__}: {error}")
            raise EndpointError(f"{self.address} cannot be asked: {said}", query) from None
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            raise self.misformed(query, self._shown(body)) from None
        if not isinstance(found, dict):
            raise self.misformed(query, f"JSON, but {type(found).__name__} and no object")
        return found, capped

    def _in_time(self, query: str, variable: str | None, most: int | None) -> tuple[bytes, int | None]:
        """What `_body` gives, or an error when the time is over.

        HTTP's clients bound each wait and not all of them, so one who sends a byte of a header now and then is waited
        for without end. It is left to a thread of its own, which ends with the connection.
        """
        given: Future[tuple[bytes, int | None]] = Future()
        end = time.monotonic() + self.limits.whole

        def ask() -> None:
            try:
                given.set_result(self._body(query, variable, most, end))
            except BaseException as error:
                given.set_exception(error)

        self.sent += 1
        threading.Thread(target=ask, name="SPARQL query", daemon=True).start()
        try:
            return given.result(self.limits.whole)
        except TimeoutError:
            raise self._slow(query, "no end") from None

    def _body(self, query: str, variable: str | None, most: int | None, end: float) -> tuple[bytes, int | None]:
        """The bytes of an answer, whole, of the right type and within the limits."""
        import httpx

        try:
            with self._http.stream("POST", self.address.url, data={"query": query}) as response:
                self._check(query, response, end)
                capped = re.fullmatch("[0-9]{1,12}", response.headers.get(CAPPED, "").strip())
                body = b"".join(self._pieces(query, response, end, variable, most))
                return body, None if capped is None else int(capped[0])
        except httpx.RemoteProtocolError as error:
            if isinstance(error.__context__, httpx.InvalidURL):
                raise self._redirected(query, "what is no address") from None
            raise

    def _pieces(
        self, query: str, response: httpx.Response, end: float, variable: str | None, most: int | None
    ) -> Iterator[bytes]:
        # Quotes within a text are escaped, so that this is found where a row binds the variable and nowhere else.
        row = None if variable is None else re.compile(rb'"%b"\s*:\s*\{' % re.escape(variable.encode()))
        size, rows, before = 0, 0, b""
        for piece in response.iter_bytes():
            size += len(piece)
            if size > self.limits.bytes:
                raise EndpointError(
                    f"{self.address} sends more than {self.limits.bytes >> 20} MB for a query, and more is not read: "
                    "ask for fewer, or for a number such as count(...)",
                    query,
                    too_much=True,
                )
            if time.monotonic() > end:
                raise self._slow(query, "no end")
            if row is not None and most is not None:
                rows += sum(found.end() > len(before) for found in row.finditer(before + piece))
                before = (before + piece)[-len(row.pattern) - 16 :]
                if rows > most:
                    raise self.too_many(query, most)
            yield piece

    def _check(self, query: str, response: httpx.Response, end: float) -> None:
        """Whether what begins to come is an answer."""
        status = response.status_code
        if response.is_redirect:
            raise self._redirected(query, self._hidden(response.headers.get("location", "nowhere"))[:SHOWN])
        if status != 200:
            said = self._shown(b"".join(_first(response, end)))
            hint = f"; {HINTS[status]}" if status in HINTS else ""
            words = f": {said}" if said else ""
            error = EndpointError(f"{self.address} refused a query with HTTP {status}{words}{hint}", query)
            # What stands in quotes may be the query's own words.
            own_words = re.sub(r'"[^"]*"', " ", said)
            error.too_much = status in (500, 503, 504, 400) and bool(TOO_MUCH.search(own_words))
            raise _MayPass(error, response.headers) if status in MAY_PASS else error
        if response.headers.get(PARTIAL, "").strip() == PARTIAL_STATE:
            raise EndpointError(f"{self.address} ran out of time and found only a part of the answer", query, True)
        sent = self._hidden(response.headers.get("content-type", ""))
        if sent.partition(";")[0].strip().lower() not in _TYPES:
            what = "a page of HTML" if "html" in sent else f'the type "{sent[:80]}"' if sent else "no type"
            raise EndpointError(
                f"{self.address} answers with {what} where {ACCEPTED} was expected: is this the address at which the "
                "server takes queries?",
                query,
            )

    def _redirected(self, query: str, where: str) -> EndpointError:
        return EndpointError(
            f"{self.address} redirects to {where}, which is not followed: name that address itself if you trust it",
            query,
        )

    def _slow(self, query: str, what: str) -> EndpointError:
        limits = f"{self.limits.connect:g} s to connect, {self.limits.read:g} s of silence, {self.limits.whole:g} s"
        return EndpointError(
            f"{self.address} is too slow: {what} within the time allowed ({limits} in all; {TIMEOUT} sets it)",
            query,
            too_much=True,
        )

    def misformed(self, query: str, found: str) -> EndpointError:
        """The error of an answer that is none to the query."""
        said = self._hidden(found)[:SHOWN]
        return EndpointError(
            f"{self.address} did not answer in the form of {ACCEPTED}, or not with all of it: {said}", query
        )

    def _hidden(self, text: str) -> str:
        """A server's words without the secrets that it was sent, and on one line."""
        for secret in self.address.secrets:
            text = text.replace(secret, "***")
        return "".join(char if char.isprintable() else " " for char in text)

    def _shown(self, body: bytes) -> str:
        """A server's own words on one line, without its markup."""
        text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", body[: 1 << 13].decode("utf-8", "replace"))
        return " ".join(self._hidden(text).split())[:SHOWN]

    @cached_property
    def _http(self) -> httpx.Client:
        import httpx

        limits = self.limits
        return httpx.Client(
            headers={"Accept": ACCEPTED, "User-Agent": "skylark", **self.address.headers()},
            timeout=httpx.Timeout(limits.read, connect=limits.connect),
            follow_redirects=False,
        )


class _MayPass(Exception):
    """A refusal that another try may not meet."""

    def __init__(self, error: EndpointError, headers: Mapping[str, str]) -> None:
        super().__init__(str(error))
        self.error, self.headers = error, headers


def _pause(state: RetryCallState) -> float:
    """As long as the server asks for, within reason; else a little, growing."""
    error = state.outcome.exception() if state.outcome else None
    asked = retry_after(error.headers) if isinstance(error, _MayPass) else None
    return BACKOFF(state) if asked is None else min(10.0, asked)


def _first(response: httpx.Response, end: float) -> Iterator[bytes]:
    """The beginning of a body, which says why a query was refused."""
    size = 0
    for piece in response.iter_bytes():
        yield piece
        size += len(piece)
        if size > 1 << 13 or time.monotonic() > end:
            return


def _term(found: Mapping[str, str] | None) -> Term | None:
    if found is None:
        return None
    kind, value = found["type"], _text(found["value"])
    if kind == "uri":
        return Term("iri", value)
    if kind == "bnode":
        return Term("blank", value)
    if kind in ("literal", "typed-literal"):
        return Term("literal", value, _text(found.get("datatype", "")), _text(found.get("xml:lang", "")).lower())
    raise KeyError(f"a term of type {kind!r}")


def _text(found: object) -> str:
    """A text of an answer; half of a pair of code units, which no text holds, becomes a mark of replacement."""
    if not isinstance(found, str):
        raise TypeError(f"expected a text, found {type(found).__name__}")
    return found if found.isascii() else found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
