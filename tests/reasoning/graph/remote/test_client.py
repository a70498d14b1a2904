from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator

import pytest
from tenacity import wait_none

from reasoning.errors import EndpointError
from reasoning.graph.remote import client as asking
from reasoning.graph.remote.address import Address
from reasoning.graph.remote.client import KEPT_SECONDS, Limits, SparqlClient, Term
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


@pytest.fixture
def impatient(server: EndpointServer) -> SparqlClient:
    return SparqlClient(Address(server.url), IMPATIENT)


def select(client: SparqlClient) -> list[Term | None]:
    return [term for row in client.select(QUERY, "o") for term in row]


def answer_of(rows: str) -> bytes:
    return f'{{"head": {{"vars": ["o"]}}, "results": {{"bindings": [{rows}]}}}}'.encode()


# What comes back ----------------------------------------------------------------------------------------------------


def test_terms_come_with_their_kind_datatype_and_language(client: SparqlClient) -> None:
    found = [term for term in select(client) if term is not None]
    assert Term("iri", "http://example.org/b") in found
    assert Term("literal", "word", language="en") in found
    assert Term("literal", "3", "http://www.w3.org/2001/XMLSchema#integer") in found
    assert [term.kind for term in found].count("blank") == 1


def test_a_variable_without_a_binding_is_none(client: SparqlClient) -> None:
    assert client.select("SELECT ?s ?none WHERE { ?s ?p 3 }", "none") == [(None,)]


def test_ask_says_yes_or_no(client: SparqlClient) -> None:
    assert client.ask("ASK { ?s ?p 3 }") and not client.ask("ASK { ?s ?p 4 }")


def test_a_query_goes_by_post_as_a_form_and_is_no_update(client: SparqlClient, server: EndpointServer) -> None:
    select(client)
    assert server.queries == [QUERY] and server.forms == ["application/x-www-form-urlencoded"]
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


def test_half_a_pair_of_code_units_becomes_a_mark(client: SparqlClient, server: EndpointServer) -> None:
    server.then(Behaviour(body=answer_of(r'{"o": {"type": "literal", "value": "a\ud800\ud83d\ude00"}}')))
    (term,) = select(client)
    assert term == Term("literal", "a\ufffd\U0001f600")


def test_one_number_is_asked_for(client: SparqlClient, server: EndpointServer) -> None:
    assert client.count("SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }", "n") == 4
    assert client.counts("SELECT ?p (COUNT(*) AS ?n) WHERE { ?s ?p ?o } GROUP BY ?p", "p", "n") == {
        "http://example.org/p": 4
    }


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


# Who asks -----------------------------------------------------------------------------------------------------------


def test_a_token_or_a_user_comes_from_the_environment(server: EndpointServer, monkeypatch: pytest.MonkeyPatch) -> None:
    select(SparqlClient(Address(server.url), LIMITS))
    monkeypatch.setenv("SKYLARK_SPARQL_USER", "ann")
    monkeypatch.setenv("SKYLARK_SPARQL_PASSWORD", "s3cret")
    select(SparqlClient(Address(server.url), LIMITS))
    monkeypatch.setenv("SKYLARK_SPARQL_TOKEN", "abc")
    select(SparqlClient(Address(server.url), LIMITS))
    monkeypatch.setenv("SKYLARK_SPARQL_TOKEN_127_0_0_1", "own")
    select(SparqlClient(Address(server.url), LIMITS))
    basic = "Basic " + base64.b64encode(b"ann:s3cret").decode()
    assert server.keys == ["", basic, "Bearer abc", "Bearer own"]


def test_the_token_of_another_host_is_not_sent(server: EndpointServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYLARK_SPARQL_TOKEN_DATA_EXAMPLE_ORG", "theirs")
    select(SparqlClient(Address(server.url), LIMITS))
    assert server.keys == [""]


def test_who_asks_one_host_comes_before_who_asks_all(server: EndpointServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYLARK_SPARQL_TOKEN", "of-all")
    monkeypatch.setenv("SKYLARK_SPARQL_PASSWORD", "of-all")
    monkeypatch.setenv("SKYLARK_SPARQL_USER_127_0_0_1", "ann")
    select(SparqlClient(Address(server.url), LIMITS))
    assert server.keys == ["Basic " + base64.b64encode(b"ann:").decode()]
    monkeypatch.setenv("SKYLARK_SPARQL_PASSWORD_127_0_0_1", "own")
    select(SparqlClient(Address(server.url), LIMITS))
    assert server.keys[1] == "Basic " + base64.b64encode(b"ann:own").decode()
    monkeypatch.delenv("SKYLARK_SPARQL_USER_127_0_0_1")
    with pytest.raises(EndpointError, match="PASSWORD_127_0_0_1 needs SKYLARK_SPARQL_USER_127_0_0_1"):
        select(SparqlClient(Address(server.url), LIMITS))


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"TOKEN": "S3CRET\nX"}, "SKYLARK_SPARQL_TOKEN"),
        ({"TOKEN": "S3CRETé"}, "SKYLARK_SPARQL_TOKEN"),
        ({"USER": "ann", "PASSWORD": "S3CRET\nX"}, "SKYLARK_SPARQL_PASSWORD"),
        ({"USER": "a:nn", "PASSWORD": "S3CRET"}, "SKYLARK_SPARQL_USER"),
    ],
)
def test_what_cannot_be_sent_is_refused_without_being_shown(
    server: EndpointServer, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"SKYLARK_SPARQL_{name}", value)
    with pytest.raises(EndpointError, match=said) as refused:
        select(SparqlClient(Address(server.url), LIMITS))
    assert "S3CRET" not in str(refused.value) and not server.queries


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(status=401, body=b"who is {SECRET}?"),
        Behaviour(body=b"{SECRET}"),
        Behaviour(body=b'{"results": {"bindings": [{"o": {"type": "{SECRET}", "value": "x"}}]}}'),
        Behaviour(status=302, headers={"Location": "http://example.org/{SECRET}"}),
        Behaviour(content_type="text/{SECRET}"),
    ],
)
@pytest.mark.parametrize("is_token", [True, False])
def test_a_secret_that_a_server_sends_back_is_not_shown(
    server: EndpointServer, monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour, is_token: bool
) -> None:
    monkeypatch.setenv("SKYLARK_SPARQL_TOKEN" if is_token else "SKYLARK_SPARQL_PASSWORD", "S3CRET")
    monkeypatch.setenv("SKYLARK_SPARQL_USER", "ann")
    sent = "S3CRET" if is_token else base64.b64encode(b"ann:S3CRET").decode()
    for secret in (sent, "S3CRET"):
        body = None if behaviour.body is None else behaviour.body.replace(b"{SECRET}", secret.encode())
        headers = {name: value.replace("{SECRET}", secret) for name, value in behaviour.headers.items()}
        of_type = behaviour.content_type.replace("{SECRET}", secret)
        server.then(Behaviour(behaviour.status, headers, body=body, content_type=of_type))
        with pytest.raises(EndpointError) as refused:
            select(SparqlClient(Address(server.url), LIMITS))
        assert secret not in str(refused.value) and "***" in str(refused.value)


def test_no_message_holds_a_password(server: EndpointServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYLARK_SPARQL_USER", "ann")
    monkeypatch.setenv("SKYLARK_SPARQL_PASSWORD", "s3cret")
    server.then(for_ever=Behaviour(status=401))
    with pytest.raises(EndpointError, match="SKYLARK_SPARQL_TOKEN") as refused:
        select(SparqlClient(Address(server.url), LIMITS))
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sparql:http://ann:s3cret@localhost/query", "SKYLARK_SPARQL_PASSWORD"),
        ("sparql:ftp://localhost/query", "not the address of an endpoint"),
        ("sparql:", "not the address of an endpoint"),
        ("sparql:http://", "not the address of an endpoint"),
        ("sparql:http://localhost:port/query", "cannot be read"),
        ("sparql:http://localhost/query#part", "fragment"),
        ("sparql:http://local host/query", "blank"),
        ("sparql:http://localhost\n/query", "blank"),
        ("sparql:http://xn--/query", "not the name of a host"),
        (f"sparql:http://{'a' * 300}/query", "not the name of a host"),
        (f"sparql:http://{'aa.' * 100}a/query", "not the name of a host"),
    ],
)
def test_an_address_that_is_none_is_refused(name: str, said: str) -> None:
    with pytest.raises(EndpointError, match=said) as refused:
        Address.of(name)
    assert "s3cret" not in str(refused.value)


def test_the_environment_says_how_long_a_query_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYLARK_SPARQL_TIMEOUT", "300")
    assert SparqlClient(Address("http://localhost/query")).limits.whole == 300
    monkeypatch.setenv("SKYLARK_SPARQL_TIMEOUT", "soon")
    with pytest.raises(EndpointError, match="such as 300, not 'soon'"):
        SparqlClient(Address("http://localhost/query"))


# Servers that misbehave ---------------------------------------------------------------------------------------------


def failure(client: SparqlClient) -> EndpointError:
    with pytest.raises(EndpointError) as failed:
        select(client)
    assert client.address.url in str(failed.value) and failed.value.query == QUERY
    return failed.value


def test_a_server_that_is_down(client: SparqlClient, server: EndpointServer) -> None:
    server.kill()
    assert "cannot be reached" in str(failure(client)) and client.sent == 3


def test_a_server_that_says_nothing(impatient: SparqlClient, server: EndpointServer) -> None:
    server.then(for_ever=Behaviour(delay=30))
    assert "too slow" in str(failure(impatient)) and len(server.queries) == 1


def test_a_server_that_never_comes_to_an_end(impatient: SparqlClient, server: EndpointServer) -> None:
    server.then(for_ever=Behaviour(rows=5000, drip=0.1))
    error = failure(impatient)
    assert "too slow" in str(error) and error.too_much


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(body=b" " * 500, drip=0.1, block=1),
        Behaviour(status=500, body=b" " * 500, drip=0.1, block=1),
        Behaviour(head_drip=0.1),
    ],
)
def test_a_server_that_drips_is_not_waited_for_longer_than_others(
    impatient: SparqlClient, server: EndpointServer, behaviour: Behaviour
) -> None:
    server.then(for_ever=behaviour)
    # 500 bytes would take 50 s, and the header never ends.
    said = str(failure(impatient))
    assert ("too slow" in said or "HTTP 500" in said) and len(server.queries) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_pass_is_tried_again(client: SparqlClient, server: EndpointServer, status: int) -> None:
    server.then(Behaviour(status=status, headers={"Retry-After": "0"}))
    assert select(client) and len(server.queries) == 2


def test_a_busy_server_is_given_up_at_last(client: SparqlClient, server: EndpointServer) -> None:
    server.then(for_ever=Behaviour(status=503, headers={"Retry-After": "0"}))
    assert "HTTP 503: refused with 503" in str(failure(client)) and len(server.queries) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_a_refusal_is_not_tried_again(client: SparqlClient, server: EndpointServer, status: int) -> None:
    server.then(Behaviour(status=status))
    assert f"HTTP {status}" in str(failure(client)) and len(server.queries) == 1


def test_a_page_of_html(client: SparqlClient, server: EndpointServer) -> None:
    server.then(Behaviour(body=b"<html><b>Welcome</b></html>", content_type="text/html; charset=utf-8"))
    assert "a page of HTML" in str(failure(client))


def test_a_refusal_in_html_is_shown_without_its_markup(client: SparqlClient, server: EndpointServer) -> None:
    server.then(Behaviour(status=400, body=b"<html><style>b {}</style><b>Bad\x1b[31m query</b></html>"))
    said = str(failure(client))
    assert "Bad [31m query" in said and "<b>" not in said and "\x1b" not in said


def test_another_content_type(client: SparqlClient, server: EndpointServer) -> None:
    server.then(Behaviour(body=b"s,o\n", content_type="text/csv"))
    assert '"text/csv"' in str(failure(client))


def test_half_an_answer(client: SparqlClient, server: EndpointServer) -> None:
    server.then(for_ever=Behaviour(cut=True))
    assert "broke off" in str(failure(client)) and len(server.queries) == 3


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"results": {"bindings": [', b"[]", b"{}", b'{"results": 3}', b'{"results": {"bindings": [3]}}',
     b'{"results": {"bindings": [{"o": {"type": "strange", "value": "x"}}]}}',
     b'{"results": {"bindings": [{"o": {"type": "uri", "value": 3}}]}}', b"\xff\xfe", b"[" * 100_000,
     answer_of('{"o": {"type": "literal", "value": "x", "datatype": 3}}'),
     answer_of('{"o": {"type": "literal", "value": "x", "xml:lang": ["en"]}}')],
)  # fmt: skip
def test_json_that_is_no_answer(client: SparqlClient, server: EndpointServer, body: bytes) -> None:
    server.then(Behaviour(body=body))
    assert "did not answer in the form" in str(failure(client))


def test_ten_million_bytes_are_not_read(client: SparqlClient, server: EndpointServer) -> None:
    server.then(Behaviour(body=b" " * 10_000_000))
    error = failure(client)
    assert "more is not read" in str(error) and error.too_much


def test_ten_million_rows_are_not_read(server: EndpointServer) -> None:
    client = SparqlClient(Address(server.url), Limits(rows=1000))
    server.then(Behaviour(rows=10_000_000))  # 500 MB, which take longer to make up than a test may
    with pytest.raises(EndpointError, match="more than 1,000 rows") as failed:
        client.select(QUERY, "entity")
    assert failed.value.too_much


def test_rows_are_counted_and_not_what_looks_like_one(client: SparqlClient, server: EndpointServer) -> None:
    text = json.dumps('"o": {' * 2000)
    server.then(Behaviour(body=answer_of(f'{{"o": {{"type": "literal", "value": {text}}}}}')))
    (term,) = select(client)
    assert term is not None and term.value == '"o": {' * 2000


def test_more_rows_than_are_fetched(client: SparqlClient, server: EndpointServer) -> None:
    server.then(Behaviour(rows=1001))
    error = failure(client)
    assert "more than 1,000 rows" in str(error) and error.too_much


def test_a_server_that_stops_at_its_own_limit_is_noticed(client: SparqlClient, server: EndpointServer) -> None:
    server.then(Behaviour(headers={"X-SPARQL-MaxRows": "4"}))
    assert "more than 4 rows" in str(failure(client))
    for said in ("10000", "²", "many", "9" * 5000):
        server.then(Behaviour(headers={"X-SPARQL-MaxRows": said}))
        assert len(select(SparqlClient(client.address, LIMITS))) == 4


def test_a_part_that_was_found_in_time_is_not_taken_for_all(client: SparqlClient, server: EndpointServer) -> None:
    server.then(Behaviour(headers={"X-SQL-State": "S1TAT"}))
    error = failure(client)
    assert "only a part" in str(error) and error.too_much


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(client: SparqlClient, server: EndpointServer, status: int) -> None:
    with serving(store_of_turtle(TRIPLES)) as private:
        server.then(Behaviour(status=status, headers={"Location": private.url}))
        assert f"redirects to {private.url}, which is not followed" in str(failure(client))
        assert not private.queries and len(server.queries) == 1


def test_a_redirect_to_no_address_is_not_tried_again(client: SparqlClient, server: EndpointServer) -> None:
    server.then(for_ever=Behaviour(status=302, headers={"Location": "http://a\x07b/"}))
    assert "redirects to what is no address" in str(failure(client)) and len(server.queries) == 1


@pytest.mark.parametrize(
    ("said", "too_much"),
    [
        ("The estimated execution time 812 (sec) exceeds the limit of 400 (sec).", True),
        ("Operation timed out.", True),
        ("Tried to allocate 3 GB, but the memory limit is 2 GB", True),
        ("Undefined function now:time in the query", False),
        ("Unknown prefix cost", False),
        ('Parse error at "timeout": unexpected text', False),
    ],
)
def test_only_what_takes_too_much_may_be_asked_for_in_parts(
    client: SparqlClient, server: EndpointServer, said: str, too_much: bool
) -> None:
    server.then(Behaviour(status=400, body=said.encode()))
    assert failure(client).too_much is too_much
