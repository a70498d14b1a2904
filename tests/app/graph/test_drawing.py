import re
from itertools import combinations

import pytest

from app.graph.answer_view import picture_html
from app.graph.contents import SCHEMA_ROW, schema_layout, schema_of
from app.graph.drawing import EDGE_LETTER, MANY, NAMED_ANSWER, Place, drawing_svg, node_places, routes_of
from app.graph.layout import Layout, lay_out
from reasoning import KnowledgeGraph
from tests.app.test_views import asked, assert_harmless

MANY_FACTS = 'borders(borders("Germany") | borders("Russia") | borders("Brazil")) | capital(~continent("Africa"))'


@pytest.fixture(scope="module")
def world() -> KnowledgeGraph:
    return KnowledgeGraph.load("world")


def test_facts_of_both_directions_are_one_line_and_a_named_answer_is_called_both() -> None:
    kg = KnowledgeGraph.from_triples([("A", "borders", "B"), ("B", "borders", "A")])
    found = asked(kg, 'borders(borders("A"))')
    drawn = drawing_svg(lay_out(found.answer), "x", "x")
    assert drawn.count(">borders</text>") == 1
    assert len(re.findall(r'class="sk-edge"[^>]*marker-start', drawn)) == 1
    picture = picture_html(found)
    assert f'aria-label="A, {NAMED_ANSWER}"' in picture
    assert "sk-shape-answer sk-named" in picture and "polygon" in picture
    assert picture.count(NAMED_ANSWER) == 2, "the entity and the legend"


@pytest.mark.slow
@pytest.mark.parametrize("query", [MANY_FACTS, 'borders(borders("Portugal"))', 'country(~country("Portugal"))'])
def test_no_line_runs_behind_an_entity_that_it_does_not_belong_to(world: KnowledgeGraph, query: str) -> None:
    layout = lay_out(asked(world, query).answer)
    places, _, _ = node_places(layout, None)
    crossed = []
    for edge, route in routes_of(layout, places).items():
        points = [route.start, *(curve.at(t / 20) for curve in route.curves for t in range(21)), route.end]
        for key, place in places.items():
            if key not in (edge.head, edge.tail) and any(inside(point, place) for point in points):
                crossed.append((edge, key))
    assert not crossed


def inside(point: tuple[float, float], place: Place) -> bool:
    return abs(point[0] - place.x) < place.width / 2 and abs(point[1] - place.y) < place.height / 2


def test_among_many_lines_no_single_label_shows_until_it_is_pointed_at(world: KnowledgeGraph) -> None:
    layout = lay_out(asked(world, MANY_FACTS).answer)
    assert len(layout.edges) > MANY
    assert_harmless(picture_html(asked(world, MANY_FACTS)))
    drawn = drawing_svg(layout, "x", "x")
    assert not re.findall(r'<text class="sk-edge-label" data-head', drawn)
    assert free(drawn, layout, None)


@pytest.mark.parametrize("small", [False, True])
def test_no_word_of_a_schema_lies_on_another(world: KnowledgeGraph, small: bool) -> None:
    facts = [(fact[0], fact[1:3], fact[3]) for fact in ("ar1b", "ar2b", "br3a", "br4b", "cr5a", "cr5b")]
    types = [(name, f"a kind of things called {name}") for name in "abc"]
    kg = KnowledgeGraph.from_triples(facts, types=types) if small else world
    layout = schema_layout(schema_of(kg))
    assert free(drawing_svg(layout, "x", "x", SCHEMA_ROW), layout, SCHEMA_ROW)


def free(drawn: str, layout: Layout, row: float | None) -> bool:
    """Whether no label that shows at once lies on another or on a node."""
    label = r'<text class="sk-edge-label"[^>]*x="([\d.]+)" y="([\d.]+)">(?:<title>[^<]*</title>)?([^<]*)</text>'
    labels = [Place(float(x), float(y) - 4, len(words) * EDGE_LETTER, 12) for x, y, words in re.findall(label, drawn)]
    assert labels or len(layout.edges) > MANY
    nodes = node_places(layout, row)[0].values()
    pairs = [*combinations(labels, 2), *((one, node) for one in labels for node in nodes)]
    return not any(
        abs(one.x - other.x) < (one.width + other.width) / 2 and abs(one.y - other.y) < (one.height + other.height) / 2
        for one, other in pairs
    )
