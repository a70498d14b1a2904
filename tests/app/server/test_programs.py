"""The page's server as programs meet it: the documented examples, MCP, and what those with bad intentions try."""

import asyncio
import base64
import concurrent.futures
import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import Mock

import gradio as gr
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, InitializeResult, TextContent, Tool
from PIL import Image

from app.api import Programs
from app.ask.speech import SharedSpeech
from app.graph.graphs import GraphRegistry
from app.image.looking import MOST_IN_SCENE, SharedDetector
from app.models import LanguageModel
from app.server import serving
from app.server.calls import TOOLS, Calls
from app.server.descriptions import CallError, with_first_relations
from reasoning import KnowledgeGraph, Query
from reasoning.graph.exchange import columns_from_triples
from reasoning.query.read_question import QuestionError, Reading, ReadQuestion
from skylark.installation import version
from tests.app.browsing import ROOT, SCRIPT, Served
from tests.reasoning.speech.recordings import packaged_model, spoken

T = TypeVar("T")

DEMO = (ROOT / "docs" / "demo.md").read_text(encoding="utf-8")
HERE = "http://127.0.0.1:7860"
ENDPOINTS = {"datasets", "relations", "describe", "find_entity", "ask", "query", "detect", "ask_image", "scene", "hear"}
PRINTED = (['borders("France")', "person", "1 count(~class"], ["Germany", "en", "Poland"], ["'ask_image'", "Lisbon"])
"""Words that each of the documented examples in Python prints."""
PHOTOGRAPH = Path(str(find_spec("skimage").submodule_search_locations[0])) / "data" / "astronaut.png"  # type: ignore[union-attr,index]


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DEMO, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the photograph that the examples name."""
    path = tmp_path_factory.mktemp("programs")
    Image.open(PHOTOGRAPH).convert("RGB").save(path / "photo.jpg")
    return path


@pytest.fixture(scope="module")
def sent(copying: str, folder: Path) -> str:
    return upload(copying, "photo.jpg", (folder / "photo.jpg").read_bytes())


@pytest.fixture(scope="module")
def recording(folder: Path) -> Path:
    """The spoken question that the examples name."""
    packaged_model()
    (path := folder / "question.wav").write_bytes(spoken())
    return path


@pytest.fixture
def inward() -> Iterator[str]:
    """An address of this machine that nobody should ask for anything: nothing connects to it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/secret.png"
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()


def post(url: str, body: Any, kind: str = "application/json") -> tuple[int, str]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def run(url: str, name: str, /, **arguments: Any) -> tuple[int, Any]:
    """What a call gives at once, or the sentence that refuses it."""
    status, answer = post(f"{url}/gradio_api/run/{name}", arguments)
    told = json.loads(answer)
    return status, told["data"][0] if status == 200 else told["error"]


def upload(url: str, name: str, content: bytes) -> str:
    """The path that an upload is given, "" where it is refused."""
    head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
    status, told = post(
        f"{url}/gradio_api/upload", head + content + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"
    )
    assert 200 <= status <= 500
    return str(json.loads(told)[0]) if status == 200 else ""


def called(url: str, name: str, /, **arguments: Any) -> str:
    status, told = post(f"{url}/gradio_api/call/v2/{name}", arguments)
    if status != 200:
        return f"refused {status}: {told}"
    return got(url, f"/gradio_api/call/{name}/{json.loads(told)['event_id']}")[1].decode()


def got(url: str, path: str) -> tuple[int, bytes]:
    """What a path gives, as it is written: no client in between tidies it."""
    place = urllib.parse.urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "told"), [*zip(examples("py"), PRINTED, strict=True)], ids=["calls", "heard", "tools"]
)
def test_the_documented_python_runs(
    walked: Served, folder: Path, code: str, told: list[str], request: pytest.FixtureRequest
) -> None:
    if "question.wav" in code:
        request.getfixturevalue("recording")
    done = subprocess.run(
        [sys.executable, "-c", code.replace(HERE, walked.url)], cwd=folder, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert all(words in done.stdout for words in told), done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_documented_commands_run(copying: str, folder: Path) -> None:
    expected = (['{"data":[{', "Lisbon"], ["event: complete", "Madrid"], ["event: complete", '"class_name": "person"'])
    for code, told in zip(examples("sh"), expected, strict=False):
        code = code.replace(HERE, copying)
        done = subprocess.run(["sh", "-c", code], cwd=folder, capture_output=True, text=True, timeout=120)
        assert all(words in done.stdout for words in told), done.stdout + done.stderr


def test_the_documented_limits_are_those_that_hold() -> None:
    table = DEMO[DEMO.index("## Limits") :]
    megabytes = [number // 2**20 for number in (serving.FILE_BYTES, serving.UPLOAD_BYTES)]
    for told in (
        f"| {serving.QUEUE_LIMIT};", f"| {serving.VISITOR_EVENTS}, and {serving.ADDRESS_EVENTS} |",
        f"| {serving.ADDRESS_CONNECTIONS} and {serving.ALL_CONNECTIONS:,};", f"| {serving.SESSIONS};",
        f"| {megabytes[0]} MB, {megabytes[1]} MB, {serving.STORED_BYTES // 2**30} GB |",
        f"| {serving.JSON_BYTES // 2**20} MB |", f"| {serving.RUN_SECONDS // 60} minutes;",
        f"| {serving.ANSWER_SECONDS} and {serving.LOOK_SECONDS} seconds, {serving.WATCH_SECONDS // 60} minutes |",
        f"| {serving.AUDIO_SECONDS} seconds, {serving.AUDIO_BYTES // 2**20} MB |",
        f"| {serving.HEARD_AT_ONCE} at a time, {serving.HEAR_SECONDS} seconds |",
        f"| {serving.PREDICTION_SECONDS // 60} and {serving.LEARN_SECONDS // 60} minutes |",
    ):  # fmt: skip
        assert told in table, told


def test_every_endpoint_says_what_it_takes_and_gives(copying: str) -> None:
    told = json.loads(got(copying, "/gradio_api/info")[1])["named_endpoints"]
    assert {name.strip("/") for name in told} == ENDPOINTS, "nothing of the page itself is on offer"
    for name, endpoint in told.items():
        description, parameters = endpoint["description"], endpoint["parameters"]
        assert len(description) > 40 and f"`{name.strip('/')}`" in DEMO
        assert all(f"\n{parameter['parameter_name']}: " in description for parameter in parameters), name
        assert all(one["type"] for one in (*parameters, *endpoint["returns"])), name


def with_tools(url: str, walk: Callable[[ClientSession, InitializeResult], Awaitable[T]]) -> T:
    address = json.loads(examples("json")[0])["mcpServers"]["skylark"]["url"].replace(HERE, url)

    async def begun() -> T:
        async with streamable_http_client(address) as (read, write, _), ClientSession(read, write) as session:
            return await walk(session, await session.initialize())

    return asyncio.run(begun())


Call = tuple[str, dict[str, Any], str]
"""A tool, its arguments, and words that it tells."""


def answered(url: str, calls: Sequence[Call], mistaken: bool = False) -> Iterator[tuple[CallToolResult, str]]:
    """What tools give, and the text of it, once that has the words that are expected in it."""

    async def walk(session: ClientSession, _: InitializeResult) -> list[CallToolResult]:
        await session.list_tools()  # so that the client holds each result to the form that its tool states
        return [await session.call_tool(name, arguments) for name, arguments, _ in calls]

    for result, (*_, expected) in zip(with_tools(url, walk), calls, strict=True):
        [content] = result.content
        assert isinstance(content, TextContent)
        assert result.isError is mistaken and expected in content.text, content.text
        yield result, content.text


def test_tools_say_what_they_are(copying: str) -> None:
    async def walk(session: ClientSession, begun: InitializeResult) -> list[Tool]:
        assert (begun.serverInfo.name, begun.serverInfo.version) == ("skylark", version())
        tools = (await session.list_tools()).tools
        assert begun.instructions
        assert all(tool.name in begun.instructions for tool in tools)
        return tools

    tools = {tool.name: tool for tool in with_tools(copying, walk)}
    assert list(tools) == [tool.name for tool in TOOLS.values()] and set(TOOLS) == ENDPOINTS
    for name, tool in tools.items():
        assert f"`{name}`" in DEMO and tool.description and tool.title
        assert tool.annotations is not None and tool.outputSchema is not None
        assert (tool.annotations.readOnlyHint, tool.annotations.destructiveHint) == (True, False)
        parameters = {**tool.inputSchema["properties"], **tool.outputSchema["properties"]}
        assert all(len(parameter["description"]) > 5 for parameter in parameters.values()), name
    takes = tools["ask_graph"].inputSchema
    assert takes["required"] == ["graph", "question"]
    method = takes["properties"]["method"]
    assert all(f'"{choice}"' in method["description"] for choice in method["enum"])
    assert tools["describe_scene"].inputSchema["properties"]["limit"]["maximum"] == MOST_IN_SCENE


def test_tools_answer_in_the_form_that_they_state(copying: str, sent: str) -> None:
    photo = base64.b64encode(PHOTOGRAPH.read_bytes()).decode()
    images = (f"data:image/png;base64,{photo}", sent, f"{copying}/gradio_api/file={sent}", {"path": sent})
    capital = {"graph": "world", "query": 'capital("Portugal")'}
    calls: list[Call] = [
        ("list_graphs", {}, '"world"'),
        ("list_relations", {"graph": "world"}, '"borders"'),
        ("describe_graph", {"graph": "world"}, '"lowest"'),
        ("find_entity", {"name": "portugal"}, '"Portugal"'),
        ("ask_graph", {"graph": "world", "question": "What is the capital of Portugal?"}, '"margin"'),
        ("query_graph", capital, '"Lisbon"'),
        ("query_graph", {**capital, "method": "lark"}, '"by": "llm"'),
        ("query_graph", {"graph": "world", "query": 'top(2, population, ~country("Portugal"))'}, '"value"'),
        ("query_graph", {"graph": "world", "query": 'count(borders("Portugal"))'}, '"value": 1'),
        ("ask_image", {"image": sent, "question": "how many people are there?"}, '"value": 1'),
        ("describe_scene", {"image": sent}, '"person 1"'),
        *(("detect_objects", {"image": image, "instruction": "people"}, '"person"') for image in images),
    ]
    for result, told in answered(copying, calls):
        assert json.loads(told) == result.structuredContent


@pytest.mark.slow
def test_a_recording_is_heard_in_every_way_that_it_can_be_sent(copying: str, recording: Path) -> None:
    content = recording.read_bytes()
    sent = upload(copying, "question.wav", content)
    inside = f"data:audio/wav;base64,{base64.b64encode(content).decode()}"
    # To hear the graph's names takes much longer.
    named: dict[str, Any] = {"recording": inside, "graph": "world"}
    files = ({"recording": file} for file in (sent, f"{copying}/gradio_api/file={sent}", {"path": sent}))
    assert len([*answered(copying, [("hear_question", given, "Germany") for given in (named, *files)])]) == 4
    status, heard = run(copying, "hear", recording=inside)
    assert (status, set(heard)) == (200, {"text", "language", "language_probability", "seconds"})
    events = called(copying, "ask", graph="world", question=heard["text"])
    assert "event: complete" in events and "Poland" in events


def test_tools_tell_mistakes_in_sentences(copying: str, inward: str) -> None:
    megabytes = f"data:image/png;base64,{'A' * (serving.JSON_BYTES - 2**20)}"
    calls: list[Call] = [
        ("ask_graph", {"graph": "wrld", "question": "?"}, "no graph here is called"),
        ("ask_graph", {"graph": "world"}, "the parameter `question` is missing"),
        ("ask_graph", {"graph": "world", "question": "?", "metod": "lark"}, "`metod`, nearest: `method`"),
        ("ask_grph", {}, "nearest: `ask_graph`"),
        ("detect_objects", {"image": inward, "instruction": "people"}, "no address is fetched here"),
        ("describe_scene", {"image": megabytes}, "no image that can be read"),
    ]
    for _, told in answered(copying, calls, mistaken=True):
        assert told[0].isalpha(), "a sentence, not the text of a Python object"
    assert got(copying, "/gradio_api/mcp/")[0] == 405, "there is no stream to open"


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("ask", {"graph": "../../etc", "question": "x"}, "on offer"),
        ("ask", {"graph": "world", "question": "x" * 100_000}, "characters"),
        ("ask", {"graph": "world", "question": 'borders("France")', "method": "magic"}, "exact"),
        ("query", {"graph": "world", "query": 'borders("Frnace'}, "column"),
        ("detect", {"image": "data:image/png;base64,AAAA", "instruction": "people"}, "no image that can be read"),
        ("detect", {"image": "data:text/html,<b>", "instruction": "people"}, "base64"),
        ("detect", {"image": "/etc/passwd", "instruction": "people"}, "upload it first"),
        ("ask_image", {"image": "/etc/passwd", "question": " "}, "question: it is empty"),
        ("query", {"graph": "world", "query": " | ".join(['borders("France")'] * 300)}, "at most 1,000 are read"),
        ("scene", {"image": "x", "limit": 100}, "limit: a whole number from 1 to 60 was expected"),
        ("relations", {"graph": 7}, "graph: a text was expected, not a number"),
        ("query", {"graph": ["x"], "query": "x"}, "graph: a text was expected, not a list"),
        ("query", {"graph": "world", "query": "x", "method": {"a": 1}}, "method: a text was expected, not an object"),
        ("ask", {"graph": "world", "question": None}, "question: a text was expected, not null"),
        ("detect", {"image": ["x"], "instruction": "people"}, "image: an uploaded file, or a text"),
        ("detect", {"image": {"path": 1}, "instruction": "people"}, "not an object of another form"),
        ("detect", {"image": "x", "instruction": True}, "instruction: a text was expected, not true or false"),
        ("scene", {"image": "x", "min_score": "0.5"}, "min_score: a number from 0.05 to 0.95 was expected, not a text"),
        ("detect", {"image": "x", "instruction": "dogs", "min_score": 7}, "min_score: a number from 0.05 to 0.95"),
        ("scene", {"image": "x", "slices": "big"}, "pixels as WxH, such as 640x480; or 'none'"),
        ("hear", {"recording": "data:audio/wav;base64,AAAA"}, "no recording that can be read"),
        ("hear", {"recording": "data:audio/wav;base64,A"}, "the recording inside the request is cut off or no base64"),
        ("hear", {"recording": "data:text/html,<b>"}, "the recording inside a request is written"),
        ("hear", {"recording": "/etc/passwd"}, "upload it first"),
        ("hear", {"recording": "x", "graph": "wrld"}, "no graph here is called"),
    ],
)
def test_mistakes_are_told_in_sentences(copying: str, name: str, arguments: dict[str, Any], told: str) -> None:
    events = called(copying, name, **arguments)
    assert "event: error" in events or events.startswith("refused 422")
    assert told in events and "Traceback" not in events
    status, at_once = run(copying, name, **arguments)
    assert (status, told in at_once) == (422, True)


def test_a_mistake_in_the_arguments_or_the_name_is_told_at_once(copying: str) -> None:
    asked = {"graph": "world", "question": "?"}
    for ways, body, expected, told in (
        (("call/v2", "call", "run", "api"), {"graph": "world"}, 422, "is missing; needed: `graph`, `question`"),
        (("call/v2",), {**asked, "Method": "lark"}, 422, "no parameter `Method`, nearest: `method`"),
        (("call",), {**asked, "limit": 0}, 422, "limit: a whole number from 1 to 1,000 was expected"),
        (("run",), {**asked, "limit": 2.5}, 422, "limit: a whole number from 1 to 1,000 was expected"),
        (("api",), {**asked, "method": "exat"}, 422, "nearest: `exact`"),
        (("call/v2", "run"), [], 400, "a JSON object of the parameters"),
        (("call/v2", "run"), b"graph=world", 400, "a JSON object of the parameters"),
    ):
        for way in ways:
            status, answer = post(f"{copying}/gradio_api/{way}/ask", body)
            assert (status, told in json.loads(answer)["detail"]) == (expected, True), answer
    status, answer = post(f"{copying}/gradio_api/call/v2/aks", {})
    assert status == 404
    assert json.loads(answer)["error"].startswith("there is no `aks`, nearest: `ask`; there are `datasets`")
    # A file that was not sent is refused before it is looked for.
    image = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    refused = called(copying, "detect", image=image, instruction="people")
    assert refused.startswith("refused 400") and "was not sent to this page: upload it first" in refused


def test_arguments_in_order_may_leave_out_the_last(copying: str) -> None:
    query = ["world", 'capital("Portugal")']
    status, answer = run(copying, "query", data=query)
    assert (status, answer["answers"][0]["entity"]) == (200, "Lisbon")
    _, told = post(f"{copying}/gradio_api/call/query", {"data": query})
    assert b"Lisbon" in got(copying, f"/gradio_api/call/query/{json.loads(told)['event_id']}")[1]
    status, refused = run(copying, "query", data=[*query, "exact", 0.5, 20, "more"])
    assert (status, "6 arguments were sent, at most 5 fit" in refused) == (422, True)


def programs_of(kg: KnowledgeGraph | None = None) -> Programs:
    shelf = GraphRegistry(["world"])
    if kg is not None:
        shelf.get = lambda name: kg  # type: ignore[method-assign]
    return Programs(shelf, LanguageModel("copy"), SharedDetector(), SharedSpeech())


def test_a_call_that_nobody_has_time_for_or_that_fails_is_told_without_what_was_sent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    programs = programs_of()
    with monkeypatch.context() as busy, pytest.raises(CallError, match="try again") as refused:
        busy.setattr("app.server.calls.QUEUE_LIMIT", 0)
        asyncio.run(Calls(programs.groups).answer("datasets", {}))
    assert refused.value.status == 503
    monkeypatch.setattr(GraphRegistry, "get", lambda _, graph: {}[graph])
    with pytest.raises(gr.Error, match="something went wrong inside Skylark") as told:
        programs.relations("a visitor's own words")
    assert not told.value.print_exception
    assert "KeyError" in caplog.text and "visitor" not in caplog.text and len(caplog.records) == 1


def test_what_a_question_or_a_name_may_mean_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    towns = ["Springfield", *(f"Springfield ({state})" for state in ("Illinois", "Ohio", "Oregon", "Texas"))]
    programs = programs_of(KnowledgeGraph.from_triples([(town, "people", n) for n, town in enumerate(towns)]))
    also = '"Springfield" was read as "Springfield"; it may also mean "Springfield (Illinois)", "Springfield (Ohio)" '
    also += 'or "Springfield (Oregon)" and 1 more'
    found = programs.find_entity("Springfield", "own")
    assert (found["entity"], found["nearest"], found["notes"]) == ("Springfield", towns[1:], [also])
    for given in (programs.query("own", 'people("Springfield")'), programs.ask("own", 'people("Springfield")')):
        assert given["notes"] == [also]
    assert programs.query("own", 'people("Springfield (Ohio)")')["notes"] == []
    corrected = programs.find_entity("Sprngfield (Ohio)", "own")
    assert corrected["entity"] == "Springfield (Ohio)"
    assert corrected["notes"] == ['read "Sprngfield (Ohio)" as "Springfield (Ohio)"']
    unknown = programs.find_entity("Xanadu", "own")
    assert (unknown["entity"], "no entity named" in unknown["notes"][0]) == (None, True)
    # All bearers of one name are listed by id.
    columns = columns_from_triples([(f"id{number}", "next", "end") for number in range(7)], "own")
    labels = [name if name == "end" else "Ann" for name in columns.entity_ids]
    found = programs_of(KnowledgeGraph.from_columns(replace(columns, entity_labels=labels))).find_entity("Ann", "own")
    assert found["nearest"] == [f'entity("id{number}")' for number in range(7)]
    assert "names 7 entities" in found["notes"][0]

    queries = (Query.parse(f'currency("{name}")') for name in ("Guinea", "Guinea-Bissau"))
    choices = tuple(Reading(query, probability=0.4) for query in queries)
    reading = ReadQuestion("the Guinea currency", None, 0.0, 0.0, choices)
    monkeypatch.setattr("app.api.ask", Mock(side_effect=QuestionError("it is not clear", reading)))
    with pytest.raises(CallError) as told:
        programs.ask("world", reading.question)
    may_mean = 'it may mean currency("Guinea") or currency("Guinea-Bissau"): ask for one of these'
    assert told.value.message == f"it is not clear; {may_mean}"


def test_relations_are_listed_as_queries_write_them() -> None:
    relations = ("is a", "co-occurs with", "x:y", "count")
    programs = programs_of(KnowledgeGraph.from_triples([("a", "age", 4), *(("a", name, "b") for name in relations)]))
    listed = programs.relations("own")["relations"]
    assert set(listed) == {*(f'"{name}"' for name in relations), "age"}
    assert all(programs.query("own", f'{relation}("a")')["answers_total"] == 1 for relation in listed)


def test_of_a_large_scene_the_surest_relations_are_told() -> None:
    objects = [{"name": f"cup {number}"} for number in range(60)]
    lie = [[one["name"], "near", other["name"]] for one in objects for other in objects if one is not other]
    told = with_first_relations({"objects": objects, "relations": lie, "notes": []})
    assert told["objects"] == objects
    assert len(told["relations"]) == 32 * 31  # of 33 objects there are more than a thousand
    assert "the 32 surest" in told["notes"][0]
    few = {"objects": objects, "relations": lie[:1000], "notes": []}
    assert with_first_relations(few) is few


def test_the_first_answers_are_listed_with_how_to_get_more(copying: str) -> None:
    def answered(**further: int) -> Any:
        return run(copying, "query", graph="world", query='~country("France") & ~type("city")', **further)[1]

    short, shorter, whole = answered(), answered(limit=2), answered(limit=1000)
    total = whole["answers_total"]
    assert len(json.dumps(short)) < 6_000 < len(json.dumps(whole))
    assert [len(short["answers"]), len(shorter["answers"]), len(whole["answers"])] == [20, 2, total]
    assert short["answers"] == whole["answers"][:20] and short["sentence"] == whole["sentence"]
    assert short["answers_total"] == shorter["answers_total"] == total
    assert short["notes"] == [f"the first 20 of {total} answers are listed: a `limit` of {total} lists all"]
    assert whole["notes"] == []
    # What is listed rests on what is shown, and a part of the sentence on what is left of that.
    assert {head for head, _, _ in shorter["evidence"]} <= {entry["entity"] for entry in shorter["answers"]}
    assert len(shorter["evidence"]) == 2 < shorter["evidence_total"]
    assert all(position < 2 for part in shorter["sentence_parts"] for position in part["evidence"])
    assert all(len(step["answers"]) <= 2 < step["count"] for step in shorter["steps"])
    # An answer of any size is cut and counted.
    _, data = run(copying, "query", graph="world", query='!borders("Portugal")', limit=1000)
    assert len(data["answers"]) == 1000 < data["answers_total"]
    assert "the most that one call gives" in data["notes"][-1]


def test_the_surest_objects_are_listed_with_how_to_get_more(copying: str, sent: str) -> None:
    def seen(name: str, **arguments: Any) -> Any:
        return run(copying, name, image=sent, min_score=0.05, **arguments)[1]

    found = seen("detect", instruction="Find everything", limit=3)
    assert len(found["objects"]) == 3 < found["objects_total"]
    assert found["text"].count("(") == 3 and "the first 3 of" in found["notes"][-1]
    scene = seen("scene")
    assert len(scene["objects"]) == 10 < scene["objects_total"] == found["objects_total"]
    assert "a `limit` of 60 lists more" in scene["notes"][-1]
    meant = seen("ask_image", question="the people", limit=1)
    assert len(meant["objects"]) == len(meant["justification"]) == 1 < meant["objects_total"]
    for instruction, told in (
        ("Is there a helicopter?", 'this model has no class for "helicopter'),
        ("What is the capital of France?", "it is not clear what"),
    ):
        status, refused = run(copying, "detect", image=sent, instruction=instruction)
        assert (status, told in refused) == (422, True), refused


@pytest.mark.slow
def test_no_address_is_fetched_in_any_way(copying: str, inward: str) -> None:
    stamped = {"path": inward, "url": inward, "meta": {"_type": "gradio.FileData"}, "orig_name": "a.png"}
    for image in (inward, stamped, {"path": inward}, {"url": inward}, f"{inward}?/gradio_api/file=/etc/passwd"):
        called(copying, "detect", image=image, instruction="people")
        called(copying, "hear", recording=image)
        for way in ("call", "run"):
            post(f"{copying}/gradio_api/{way}/detect", {"data": [image, "people", 0.3]})
    config = json.loads(got(copying, "/config")[1])
    for number, event in enumerate(config["dependencies"]):  # the page's own events, whatever they take
        body = {"data": [stamped] * len(event["inputs"]), "fn_index": number, "session_hash": f"bad{number}"}
        post(f"{copying}/gradio_api/queue/join", body)
    for path in (f"file={inward}", f"proxy={inward}", f"file/{inward}", f"file={urllib.parse.quote(inward, safe='')}"):
        assert got(copying, f"/gradio_api/{path}")[0] in (403, 404)


def test_no_other_file_is_served(copying: str, sent: str) -> None:
    folder = Path(sent).parent
    (link := folder / "link").symlink_to("/etc/passwd")  # as if somebody had got one in there
    for path in (
        "/etc/passwd", "/gradio_api/file=/etc/passwd", "/gradio_api/file=../../../../etc/passwd",
        "/gradio_api/file=app/page.py", "/gradio_api/file=%2Fetc%2Fpasswd", "/static/../../../../etc/passwd",
        "/assets/..%2f..%2f..%2f..%2fetc/passwd", "/gradio_api/file=%252e%252e%252fetc%252fpasswd",
        f"/gradio_api/file={folder}/../../../../etc/passwd", f"/gradio_api/file={link}",
    ):  # fmt: skip
        status, body = got(copying, path)
        assert b"root:" not in body and b"import gradio" not in body and status in (400, 403, 404, 405), path
    assert got(copying, f"/gradio_api/file={sent}")[0] == 200, "what was sent is served"


def test_an_upload_stays_in_its_folder_and_is_no_page_whatever_its_name(copying: str, served: Served) -> None:
    for name in ("../../../escaped.jpg", "/tmp/escaped.jpg", "..\\..\\escaped.jpg", "a\0b.jpg", ".", "..", SCRIPT,
                 "x" * 5000, "C:\\escaped.jpg"):  # fmt: skip
        if sent := upload(copying, name, b"some bytes"):
            place = Path(sent)
            assert place.parent.parent.name.startswith("skylark-uploads-") and place.resolve() == place
            assert not set(place.name) & set('/\\<>"\0')
    assert not [*served.uploads.parent.glob("escaped*"), *Path("/tmp").glob("escaped*")]
    for name in ("page.html", "picture.svg", "page.xhtml"):  # files with markup inside
        sent = upload(copying, name, f"<html>{SCRIPT}</html>".encode())
        with urllib.request.urlopen(f"{copying}/gradio_api/file={urllib.parse.quote(sent)}", timeout=30) as answer:
            assert answer.headers["content-disposition"].startswith("attachment")
            assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.slow
def test_one_tab_that_asks_for_too_much_is_told_and_others_are_served(copying: str) -> None:
    config = json.loads(got(copying, "/config")[1])
    at_once = [d for d in config["dependencies"] if any(event == "load" for _, event in d["targets"])]
    assert 4 <= len(at_once) <= serving.VISITOR_EVENTS / 2, "a page that opens asks for far less"
    number = next(d["id"] for d in config["dependencies"] if d["api_name"] == "scene")
    photo = base64.b64encode(PHOTOGRAPH.read_bytes()).decode()
    body = {"data": [f"data:image/png;base64,{photo}", 0.05, 10, "none"], "fn_index": number, "session_hash": "greedy"}
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        told = list(pool.map(lambda _: post(f"{copying}/gradio_api/queue/join", body), range(60)))
        assert "Lisbon" in called(copying, "ask", graph="world", question="What is the capital of Portugal?")
    assert {status for status, _ in told} == {200, 429}
    assert all("wait until one is done" in words for status, words in told if status == 429)
