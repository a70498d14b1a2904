"""An endpoint on the page: whoever serves the page may name one, and nobody else."""

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

from app.graph.answer_view import ask
from app.graph.contents import contents_html, relation_rows, type_counts
from app.graph.examples import examples_for
from app.graph.graphs import GraphRegistry, UploadError, read_graph
from app.graph.layout import lay_out
from app.graph.page import GraphDemo, description
from app.models import LanguageModel
from reasoning import KnowledgeGraph, Reasoner
from reasoning.errors import EndpointError
from skylark.errors import UnknownGraphError
from tests.app.test_views import PARTS
from tests.reasoning.endpoint_server import EndpointServer, serving, store_of_turtle
from tests.reasoning.graph.remote.graphs import TIDY


@pytest.fixture
def server() -> Iterator[EndpointServer]:
    with serving(store_of_turtle(TIDY)) as running:
        KnowledgeGraph.load(f"sparql:{running.url}", refresh=True)
        yield running


def test_whoever_serves_the_page_names_an_endpoint(server: EndpointServer) -> None:
    name = f"sparql:{server.url}"
    shelf = GraphRegistry(names=(), files=[name])
    assert shelf.names == (name,)
    asked = ask(shelf.get(name), name, '~"capital of"(borders("Switzerland"))', "embedded")
    assert asked.answer.entities == ["Paris"]
    layout = lay_out(asked.answer)
    assert {node.label for node in layout.nodes} >= {"Paris", "France", "Switzerland"} and len(layout.edges) >= 2
    down = "sparql:http://127.0.0.1:9/query"
    with pytest.raises(EndpointError):
        GraphRegistry(names=(), files=[down]).get(down)


def test_no_visitor_names_one_by_a_choice_a_link_or_an_upload(server: EndpointServer, tmp_path: Path) -> None:
    server.queries.clear()
    shelf = GraphRegistry(names=("world",))
    for name in (f"sparql:{server.url}", f" SPARQL:{server.url}"):
        with pytest.raises(UnknownGraphError):
            shelf.get(name)
    request = gr.Request()
    request.kwargs = {"query_params": {"tab": "graph", "graph": f"sparql:{server.url}", "q": 'borders("France")'}}
    changes = GraphDemo(shelf, LanguageModel("copy"), PARTS).restore(request)
    assert changes[PARTS.linked] is False and "a graph that is not here" in str(changes[PARTS.error])
    assert PARTS.graph not in changes
    # An upload that is called like one is a file.
    (upload := tmp_path / "upload").write_text(f"sparql:{server.url}\n")
    with pytest.raises(UploadError, match="ending that is not known"):
        read_graph(upload, f"sparql:{server.url}")
    with pytest.raises(UploadError):
        read_graph(upload.rename(tmp_path / "graph.tsv"), f"sparql:{server.url}")
    assert not server.queries


def test_the_page_shows_what_is_there_by_few_queries(server: EndpointServer) -> None:
    kg = KnowledgeGraph.load(f"sparql:{server.url}")
    server.queries.clear()
    assert dict(type_counts(kg)) == {"city": 3, "country": 3, "Class": 2}
    assert {row.name for row in relation_rows(kg)} == set(kg.relation_names())
    assert "<svg" not in contents_html(kg) and "borders" in contents_html(kg)
    assert "entities" in description(kg)
    examples = examples_for(kg, kg.graph_name)
    exact = Reasoner(kg, method="exact")
    assert examples and all(exact.answer(one.text).count or exact.answer(one.text).value for one in examples)
    assert len(server.queries) < 100
