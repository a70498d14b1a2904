import base64
import json
import time
from collections.abc import Iterator

import pyoxigraph
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import wait_none

from reasoning.errors import EndpointError
from reasoning.graph.remote import client as asking
from reasoning.graph.remote.address import Address
from reasoning.graph.remote.client import KEPT_SECONDS, Kept, Limits, SparqlClient, Term
from reasoning.graph.remote.terms import iri_text, string_text
from tests.reasoning.endpoint_server import Behaviour, EndpointServer, serving, store_of_turtle

QUERY = "SELECT ?s ?o WHERE { ?s <http://example.org/p> ?o } ORDER BY ?s"
TRIPLES = '<http://example.org/a> <http://example.org/p> <http://example.org/b>, "word"@EN, 3, _:blank .'
LIMITS = Limits(bytes=1 << 18, rows=1000)
IMPATIENT = Limits(connect=0.5, read=0.3, whole=0.6)
"""For servers that are too slow; a busy machine would often be, too."""


@pytest.fixture(autouse=True)
def trying_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again at once, unless the server asks to wait."""
    monkeypatch.setattr(asking, "BACKOFF", wait_none())


@pytest.fixture
def server() -> Iterator[EndpointServer]:
    with serving(store_of_turtle(TRIPLES)) as running:
        yield running


@pytest.fixture
def client(server: EndpointServer) -> SparqlClient:
    return SparqlClient(Address(server.url), LIMITS)


def select(client: SparqlClient) -> list[Term | None]:
    return [term for row in client.select(QUERY, "o") for term in row]


def answer_of(rows: str) -> bytes:
    return f'{{"head": {{"vars": ["o"]}}, "results": {{"bindings": [{rows}]}}}}'.encode()


def test_terms_come_with_their_kind_datatype_and_language(client: SparqlClient, server: EndpointServer) -> None:
    found = [term for term in select(client) if term is not None]
    assert Term("iri", "http://example.org/b") in found
    assert Term("literal", "word", language="en") in found
    assert Term("literal", "3", "http://www.w3.org/2001/XMLSchema#integer") in found
    assert [term.kind for term in found].count("blank") == 1
    assert server.queries == [QUERY] and server.forms == ["application/x-www-form-urlencoded"]
    assert client.select("SELECT ?s ?none WHERE { ?s ?p 3 }", "none") == [(None,)]
    assert client.ask("ASK { ?s ?p 3 }") and not client.ask("ASK { ?s ?p 4 }")
    assert client.count("SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }", "n") == 4
    counts = client.counts("SELECT ?p (COUNT(*) AS ?n) WHERE { ?s ?p ?o } GROUP BY ?p", "p", "n")
    assert counts == {"http://example.org/p": 4}
    with pytest.raises(EndpointError, match="HTTP 400"):  # the server reads the text as a query whatever it says
        client.select("DELETE WHERE { ?s ?p ?o }", "s")
    assert len(server.store) == 4


def test_small_answers_are_kept_for_minutes(
    client: SparqlClient, server: EndpointServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert select(client) == select(client) and len(server.queries) == 1
    server.store.clear()
    assert select(client)
    later = time.monotonic() + KEPT_SECONDS + 1
    monkeypatch.setattr("reasoning.graph.remote.client.time.monotonic", lambda: later)
    assert not select(client) and len(server.queries) == 2


def test_values_are_kept_by_weight_use_and_age(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("reasoning.graph.remote.client.time.monotonic", lambda: now[0])
    kept: Kept[str, list[int]] = Kept(60, 10, len)
    for key in "abc":
        kept.keep(key, [1, 2, 3])
    assert kept.get("a") == [1, 2, 3]
    kept.keep("d", [1, 2, 3])
    assert kept.get("b") is None and all(kept.get(key) for key in "acd")
    kept.keep("a", [0] * 11)  # weighs more than all may
    assert kept.get("a") != [0] * 11
    for _ in range(5):
        kept.keep("a", [0] * 6)
    kept.keep("b", [0] * 4)
    assert kept.get("a") and kept.get("b") and kept.get("c") is None
    kept.keep("a", [0] * 10)
    now[0] = 59.5
    assert kept.get("a") == [0] * 10
    now[0] = 60.5
    assert kept.get("a") is None


def test_texts_come_whole_and_half_a_pair_of_code_units_becomes_a_mark(
    client: SparqlClient, server: EndpointServer
) -> None:
    like_rows = '"o": {' * 2000  # rows are counted, and not what looks like one
    for sent, read in ((r'"a\ud800\ud83d\ude00"', "a\ufffd\U0001f600"), (json.dumps(like_rows), like_rows)):
        server.then(Behaviour(body=answer_of(f'{{"o": {{"type": "literal", "value": {sent}}}}}')))
        assert SparqlClient(client.address, LIMITS).select(QUERY, "o") == [(Term("literal", read),)]


@pytest.mark.parametrize(
    "rows",
    ["", '{"n": {"type": "literal", "value": "NaN"}}', '{"n": {"type": "literal", "value": "-1"}}', "{}",
     '{"n": {"type": "literal", "value": "many"}}', '{"n": {"type": "uri", "value": "1"}}',
     '{"n": {"type": "literal", "value": "1e400"}}', '{"n": {"type": "literal", "value": "1"}}, {}'],
)  # fmt: skip
def test_what_is_no_one_number_is_an_error(client: SparqlClient, server: EndpointServer, rows: str) -> None:
    server.then(Behaviour(body=answer_of(rows)))
    with pytest.raises(EndpointError, match="did not answer in the form"):
        client.count(QUERY, "n")


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("variables", "sent"),
    [
        ({}, ""), ({"USER": "ann", "PASSWORD": "s3cret"}, basic("ann:s3cret")),
        ({"USER": "ann", "PASSWORD": "s3cret", "TOKEN": "abc"}, "Bearer abc"),
        ({"TOKEN": "abc", "TOKEN_127_0_0_1": "own"}, "Bearer own"), ({"TOKEN_DATA_EXAMPLE_ORG": "theirs"}, ""),
        ({"TOKEN": "all", "PASSWORD": "all", "USER_127_0_0_1": "ann"}, basic("ann:")),
        ({"PASSWORD": "all", "USER_127_0_0_1": "ann", "PASSWORD_127_0_0_1": "own"}, basic("ann:own")),
    ],
)  # fmt: skip
def test_who_asks_comes_from_the_environment(
    server: EndpointServer, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sent: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"SKYLARK_SPARQL_{name}", value)
    select(SparqlClient(Address(server.url), LIMITS))
    assert server.keys == [sent]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"TOKEN": "S3CRET\nX"}, "SKYLARK_SPARQL_TOKEN"), ({"TOKEN": "S3CRETé"}, "SKYLARK_SPARQL_TOKEN"),
        ({"USER": "ann", "PASSWORD": "S3CRET\nX"}, "SKYLARK_SPARQL_PASSWORD"),
        ({"USER": "a:nn", "PASSWORD": "S3CRET"}, "SKYLARK_SPARQL_USER"),
        ({"TOKEN": "all", "PASSWORD_127_0_0_1": "S3CRET"}, "PASSWORD_127_0_0_1 needs SKYLARK_SPARQL_USER_127_0_0_1"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_refused_without_being_shown(
    server: EndpointServer, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"SKYLARK_SPARQL_{name}", value)
    with pytest.raises(EndpointError, match=said) as refused:
        select(SparqlClient(Address(server.url), LIMITS))
    assert "S3CRET" not in str(refused.value) and not server.queries


@pytest.mark.parametrize("is_token", [True, False])
def test_a_secret_that_a_server_sends_back_is_not_shown(
    server: EndpointServer, monkeypatch: pytest.MonkeyPatch, is_token: bool
) -> None:
    monkeypatch.setenv("SKYLARK_SPARQL_TOKEN" if is_token else "SKYLARK_SPARQL_PASSWORD", "S3CRET")
    monkeypatch.setenv("SKYLARK_SPARQL_USER", "ann")
    sent = "S3CRET" if is_token else base64.b64encode(b"ann:S3CRET").decode()
    for secret in (sent, "S3CRET"):
        row = f'{{"results": {{"bindings": [{{"o": {{"type": "{secret}", "value": "x"}}}}]}}}}'
        for behaviour in (
            Behaviour(status=401, body=f"who is {secret}?".encode()),
            Behaviour(body=secret.encode()),
            Behaviour(body=row.encode()),
            Behaviour(status=302, headers={"Location": f"http://example.org/{secret}"}),
            Behaviour(content_type=f"text/{secret}"),
        ):
            server.then(behaviour)
            with pytest.raises(EndpointError) as refused:
                select(SparqlClient(Address(server.url), LIMITS))
            assert secret not in str(refused.value) and "***" in str(refused.value)
    server.then(Behaviour(status=401))
    with pytest.raises(EndpointError, match="SKYLARK_SPARQL_TOKEN"):
        select(SparqlClient(Address(server.url), LIMITS))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("http://ann:s3cret@localhost/query", "SKYLARK_SPARQL_PASSWORD"), ("ftp://localhost/query", "not the address"),
        ("", "not the address"), ("http://", "not the address"), ("http://localhost:port/query", "cannot be read"),
        ("http://localhost/query#part", "fragment"), ("http://localhost\n/query", "blank"),
        ("http://xn--/query", "name of a host"), (f"http://{'a' * 300}/query", "name of a host"),
        (f"http://{'aa.' * 100}a/query", "name of a host"),
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(name: str, said: str) -> None:
    with pytest.raises(EndpointError, match=said) as refused:
        Address.of(f"sparql:{name}")
    assert "s3cret" not in str(refused.value)


def test_the_environment_says_how_long_a_query_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYLARK_SPARQL_TIMEOUT", "300")
    assert SparqlClient(Address("http://localhost/query")).limits.whole == 300
    monkeypatch.setenv("SKYLARK_SPARQL_TIMEOUT", "soon")
    with pytest.raises(EndpointError, match="soon"):
        SparqlClient(Address("http://localhost/query"))


def failure(client: SparqlClient) -> EndpointError:
    with pytest.raises(EndpointError) as failed:
        select(client)
    assert client.address.url in str(failed.value) and failed.value.query == QUERY
    return failed.value


@pytest.mark.parametrize(
    "behaviour",
    [Behaviour(delay=30), Behaviour(rows=5000, drip=0.1), Behaviour(body=b" " * 500, drip=0.1, block=1),
     Behaviour(status=500, body=b" " * 500, drip=0.1, block=1), Behaviour(head_drip=0.1)],
)  # fmt: skip
def test_a_server_that_is_too_slow_is_waited_for_once(server: EndpointServer, behaviour: Behaviour) -> None:
    server.then(for_ever=behaviour)
    # 500 bytes would take 50 s, and the header never ends.
    error = failure(SparqlClient(Address(server.url), IMPATIENT))
    assert ("too slow" in str(error) or behaviour.status == 500) and len(server.queries) == 1
    assert error.too_much or behaviour.rows is None


def test_what_may_pass_is_tried_again(client: SparqlClient, server: EndpointServer) -> None:
    server.then(*(Behaviour(status=status, headers={"Retry-After": "0"}) for status in (429, 502, 503, 504, 429)))
    with pytest.raises(EndpointError, match="HTTP 503: refused with 503"):
        select(client)
    assert select(client) and len(server.queries) == client.sent == 6
    server.kill()
    client = SparqlClient(Address(server.url), LIMITS)
    assert "cannot be reached" in str(failure(client)) and client.sent == 3


def refusal(said: str) -> Behaviour:
    return Behaviour(status=400, body=said.encode())


OTHER = "http://localhost:1/other"  # nothing is there, so that following it would fail otherwise
HTML = b"<html><style>b {}</style><b>Bad\x1b[31m query</b></html>"


@pytest.mark.parametrize(
    ("behaviour", "said", "sent"),
    [
        (Behaviour(cut=True), "broke off", 3),
        *((Behaviour(status=status), f"HTTP {status}", 1) for status in (400, 401, 403, 404, 500)),
        (Behaviour(body=HTML, content_type="text/html; charset=utf-8"), "a page of HTML", 1),
        (Behaviour(status=400, body=HTML), "Bad [31m query", 1),
        (Behaviour(body=b"s,o\n", content_type="text/csv"), '"text/csv"', 1),
        (Behaviour(status=302, headers={"Location": "http://a\x07b/"}), "redirects to what is no address", 1),
        *((Behaviour(status=status, headers={"Location": OTHER}), f"redirects to {OTHER}", 1) for status in (301, 308)),
    ],
)
def test_what_failed_is_said_without_markup(
    client: SparqlClient, server: EndpointServer, behaviour: Behaviour, said: str, sent: int
) -> None:
    server.then(for_ever=behaviour)
    message = str(failure(client))
    assert said in message and "<b>" not in message and "\x1b" not in message and len(server.queries) == sent


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"{}", b'{"results": 3}', b'{"results": {"bindings": [3]}}', b"\xff\xfe", b"[" * 100_000,
     answer_of('{"o": {"type": "strange", "value": "x"}}'), answer_of('{"o": {"type": "uri", "value": 3}}'),
     answer_of('{"o": {"type": "literal", "value": "x", "datatype": 3}}'),
     answer_of('{"o": {"type": "literal", "value": "x", "xml:lang": ["en"]}}')],
)  # fmt: skip
def test_json_that_is_no_answer(client: SparqlClient, server: EndpointServer, body: bytes) -> None:
    server.then(Behaviour(body=body))
    assert "did not answer in the form" in str(failure(client))


@pytest.mark.parametrize(
    ("behaviour", "said", "too_much"),
    [
        (Behaviour(body=b" " * 10_000_000), "more is not read", True),
        (Behaviour(rows=1001), "more than 1,000 rows", True),
        (Behaviour(headers={"X-SPARQL-MaxRows": "4"}), "more than 4 rows", True),
        (Behaviour(headers={"X-SQL-State": "S1TAT"}), "only a part", True),
        (refusal("The estimated execution time 812 (sec) exceeds the limit of 400 (sec)."), "estimated", True),
        (refusal("Operation timed out."), "timed out", True),
        (refusal("Tried to allocate 3 GB, but the memory limit is 2 GB"), "3 GB", True),
        (refusal("Undefined function now:time in the query"), "Undefined", False),
        (refusal("Unknown prefix cost"), "cost", False),
        (refusal('Parse error at "timeout": unexpected text'), "Parse", False),
    ],
)
def test_what_takes_too_much_may_be_asked_for_in_parts(
    client: SparqlClient, server: EndpointServer, behaviour: Behaviour, said: str, too_much: bool
) -> None:
    server.then(behaviour)
    error = failure(client)
    assert said in str(error) and error.too_much is too_much


def test_a_limit_that_was_not_met_or_is_none_is_no_error(server: EndpointServer) -> None:
    for limit in ("10000", "²", "many", "9" * 5000):
        server.then(Behaviour(headers={"X-SPARQL-MaxRows": limit}))
        assert len(select(SparqlClient(Address(server.url), LIMITS))) == 4


def read(text: str) -> object:
    solutions = pyoxigraph.Store().query(f"SELECT ?x WHERE {{ BIND({text} AS ?x) }}")
    assert isinstance(solutions, pyoxigraph.QuerySolutions)
    return next(iter(solutions))[0]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00")))
def test_a_text_is_read_as_it_was(text: str) -> None:
    expected = text.replace("\\u", "\ufffdu").replace("\\U", "\ufffdU")
    assert read(string_text(text)) == pyoxigraph.Literal(expected)


def test_a_language_tag_that_is_none_is_left_out() -> None:
    assert read(string_text("Wien", "de-AT")) == pyoxigraph.Literal("Wien", language="de-at")
    assert string_text("Wien", "de } DROP ALL") == '"Wien"'


@given(st.text(st.sampled_from('<>"{}|^`\\ \n\t\x7f/.é u0')))
def test_an_iri_cannot_end_early(text: str) -> None:
    found = read(iri_text(f"http://example.org/{text}"))
    assert isinstance(found, pyoxigraph.NamedNode) and found.value.startswith("http://example.org/")
