"""Two graphs as others write theirs: a tidy one, and one with several values an entity, blank nodes and odd labels."""

import pyoxigraph

from kg_data.columns import RDFS_LABEL, SKOS_ALT_LABEL, SKOS_PREF_LABEL
from kg_data.loaders.rdf import literal_value

PREFIXES = """
@prefix ex: <http://example.org/> .
@prefix v: <http://example.org/vocab#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
TIDY = f"""{PREFIXES}
v:City a owl:Class ; rdfs:label "city"@en .
v:Country a owl:Class ; rdfs:label "country"@en .
v:capitalOf rdfs:label "capital of"@en .
v:hasCapital owl:inverseOf v:capitalOf .
ex:Paris a v:City ; rdfs:label "Paris"@en, "Paris"@fr ; v:capitalOf ex:France ; v:population 2100000 ; v:nick "Light" .
ex:Vienna a v:City ; rdfs:label "Wien"@de, "Vienna"@en ; skos:altLabel "Vindobona" ; v:capitalOf ex:Austria ;
  v:population 1900000 .
ex:Zuerich a v:City ; rdfs:label "Zürich"@de ; v:population "400000.5"^^xsd:decimal ; v:in ex:Switzerland .
ex:France a v:Country ; rdfs:label "France"@en ; v:founded "0843-01-01"^^xsd:date ; v:borders ex:Switzerland .
ex:Austria a v:Country ; rdfs:label "Austria"@en ; v:founded "1918-11-12"^^xsd:date ;
  v:borders ex:Switzerland, ex:Liechtenstein_X .
ex:Switzerland a v:Country ; rdfs:label "Switzerland"@en, "Schweiz"@de ; v:borders ex:France .
"""
TIDY_QUERIES = (
    '"capital of"("Paris")', '"http://example.org/vocab#hasCapital"("Austria")', '~type("city")',
    'population("Vienna")', '~type("city") & !~in("Switzerland")', 'population(~type("city")) > 1000000',
    'top(1, population, ~type("city"))', 'founded("Austria") - founded("France")', 'name_starts("V", ~type("city"))',
    'name_starts("Z", ~type("city"))', '~borders("Switzerland") & ~type("country")',
    '[count(borders(it))](~type("country")) >= 1', 'every(~borders, borders("France"))',
    'average(population, ~type("city"))', 'exists(borders("France") & borders("Austria"))',
    'count(borders("Austria"))', '"Liechtenstein X"',
)  # fmt: skip
"""What can be asked of it as of the file: texts are no things on a server, and complements of all lack them."""

UNTIDY = f"""{PREFIXES}
v:City a owl:Class ; rdfs:label "city"@en .
v:Country a owl:Class ; rdfs:label "country"@en .
v:Person a owl:Class ; rdfs:label "person"@en .
v:capitalOf rdfs:label "capital of"@en .
v:hasCapital owl:inverseOf v:capitalOf .

ex:Paris a v:City ; rdfs:label "Paris"@en, "Lutèce"@fr ; v:capitalOf ex:France ; v:in ex:France ;
  v:population 2200000, 2100000, "unknown" ; v:nick "Light" ; v:twin ex:Vienna ; v:height "0.1"^^xsd:float ;
  v:area "105.40"^^xsd:decimal ; v:mayor ex:Anne .
ex:Vienna a v:City ; rdfs:label "Wien"@de, "Vienna"@en-GB ; skos:altLabel "Vindobona" ; v:capitalOf ex:Austria ;
  v:in ex:Austria ; v:population 1900000, 1900000.0 ; v:twin ex:Paris, [ a v:City ; v:in ex:Austria ] ;
  v:height "151.5"^^xsd:double, "INF"^^xsd:double ; v:area "414.65"^^xsd:decimal ; v:mayor [ a v:Person ] .
ex:Zuerich a v:City ; rdfs:label "Zürich"@de ; v:in ex:Switzerland ; v:population "400000.5"^^xsd:decimal ;
  v:height "NaN"^^xsd:double, "408"^^xsd:short ; v:area "105.4"^^xsd:decimal ; v:twin ex:Vienna .
ex:New_York%2C_NY a v:City ; v:in ex:USA ; v:population "lots", "many"^^xsd:integer ; v:twin ex:Paris .
ex:New_Delhi a v:City ; rdfs:label " ", "Nuova Delhi"@it ; v:in ex:India ; v:population 250000 ; v:height 216 .
ex:%C3%89vian a v:City ; v:in ex:France ; v:population 9000, 8000, 9001 ; v:area "5e0"^^xsd:double .
ex:Graz a v:City ; rdfs:label "Graz" ; skos:prefLabel "The Graz"@en ; v:in ex:Austria ; v:population 250000.0 .
_:nowhere a v:City ; rdfs:label "Nowhere" ; v:in ex:France ; v:population 99000000 ; v:capitalOf ex:France ;
  v:twin ex:Paris .

ex:France a v:Country ; rdfs:label "France"@en ; v:founded "0843-01-01"^^xsd:date ; v:year "0843"^^xsd:gYear ;
  v:since "2001-02-03T04:05:06Z"^^xsd:dateTime ; v:borders ex:Switzerland, [ a v:Country ], "the sea" .
ex:Austria a v:Country ; rdfs:label "Austria"@en ; v:founded "1918-11-12"^^xsd:date ;
  v:year "1918Z"^^xsd:gYear, "1919"^^xsd:gYear ;
  v:since "1999-02-03T23:30:00-05:00"^^xsd:dateTime, "1999-02-04"^^xsd:date ;
  v:borders ex:Switzerland, ex:Liechtenstein .
ex:Switzerland a v:Country ; rdfs:label "Switzerland"@en ; v:borders ex:France, ex:Austria ;
  v:year "1291+01:00"^^xsd:gYear ; v:since "1848-09-12+01:00"^^xsd:date, "1848-02-31"^^xsd:date .
ex:USA a v:Country ; v:year "-0003"^^xsd:gYear, "long ago" ; v:since "2001-02-03"^^xsd:date .
ex:India a v:Country ; v:founded "1947-08-15"^^xsd:date ; v:borders [ v:borders ex:France ] .
ex:Anne a v:Person ; rdfs:label "Anne"@en ; v:lives ex:Paris ; v:knows ex:Bob, [ a v:Person ; v:knows ex:Bob ] .
ex:Bob a v:Person ; skos:prefLabel "Bob" ; v:lives ex:Vienna ; v:knows ex:Anne .
"""
UNTIDY_QUERIES = (
    '~type("person")', 'count(borders("France"))', 'borders(borders(~type("country")))', 'exists(borders("India"))',
    'exists(~type("city") & !population(~type("city")) > 0 & !~twin("Paris"))', '~borders(~borders("France"))',
    'knows(knows("Anne"))', '[count(borders(it))](~type("country")) >= 2',
    'top(1, [count(~twin(it))], ~type("city"))', 'every(in, "France")', 'every(~borders, borders("Austria"))',
    'every(twin, twin("Vienna") | "Vienna")', '[count(every(~in, ~in(it)))](~type("country")) > 0',
    '~type("city") & !~in("France")', "~mayor(~type(\"person\"))", 'population("Paris") + 1',
    'population(~type("city")) < 9000', 'population(~type("city")) != 1900000', 'sum(population, ~type("city"))',
    'minimum(population, ~type("city"))', 'bottom(2, population, ~type("city"))', 'top(4, population, ~type("city"))',
    'top(1, height, ~type("city"))', 'sum(height, ~type("city"))', 'height(~type("city")) <= 0.1',
    'bottom(2, area, ~type("city"))', '[population(it) / area(it)](~type("city")) > 1000',
    '[sum(population, ~in(it))](~type("country"))', '[population("Paris") - population(it)](~type("city")) < 300000',
    'bottom(1, [maximum(population, ~in(it))], ~type("country"))',
    '[count(population(~in(it)) > 8500)](~type("country"))',
    '[count(top(1, population, ~in(it)))](~type("country")) = 1',
    'population(~type("city")) > average(population, ~in("France"))',
    'exists(population("http://example.org/New_York%2C_NY") > 0)', 'since(~type("country")) != "2001-02-03"',
    'since(~type("country")) >= "1999-02-03"', 'since(~type("country")) > founded("Austria")',
    'since("Austria") - founded("Austria")', '[since(it) - founded(it)](~type("country")) > 1000',
    'top(1, since, ~type("country"))', 'maximum(since, ~type("country"))', 'year(~type("country")) < 1500',
    'year("Austria") - year("USA")', 'minimum(year, ~type("country"))', 'name_starts("New Y", ~type("city"))',
    'name_starts("new york, n", ~type("city"))', 'name_starts("New_Y", ~type("city"))',
    'name_starts("É", ~type("city"))', 'name_starts("Nuova", ~type("city"))', 'name_starts("Lut", ~type("city"))',
    'name_starts("Vin", ~type("city"))', 'name_starts("Gra", ~type("city"))',
    'name_starts("z", ~type("city") | ~type("country"))', '[count(name_starts("V", twin(it)))](~type("city")) > 0',
)  # fmt: skip


def tidied(text: str) -> str:
    """The graph that is asked by all of this: no blank nodes, no texts, and of several values the least."""
    names = {RDFS_LABEL, SKOS_PREF_LABEL, SKOS_ALT_LABEL}
    kept: dict[object, pyoxigraph.Triple] = {}
    least: dict[object, float] = {}
    for quad in pyoxigraph.parse(text.encode(), format=pyoxigraph.RdfFormat.TURTLE):
        triple, item = quad.triple, quad.object
        if pyoxigraph.BlankNode in (type(quad.subject), type(item)):
            continue
        if not isinstance(item, pyoxigraph.Literal) or quad.predicate.value in names:
            kept[triple] = triple
            continue
        try:
            value = literal_value(item.datatype.value, item.value)
        except ValueError:
            continue
        key = quad.subject, quad.predicate
        if value is not None and value.number < least.get(key, float("inf")):
            least[key], kept[key] = value.number, triple
    return "\n".join(f"{triple} ." for triple in kept.values())
