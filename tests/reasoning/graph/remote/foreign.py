"""A small graph as others write theirs: IRIs of their own, names in several languages or none, classes, texts."""

TURTLE = """
@prefix ex: <http://example.org/> .
@prefix v: <http://example.org/vocab#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
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

QUERIES = (
    '"capital of"("Paris")',
    '"http://example.org/vocab#hasCapital"("Austria")',
    '~type("city")',
    'population("Vienna")',
    '~type("city") & !~in("Switzerland")',
    'population(~type("city")) > 1000000',
    'top(1, population, ~type("city"))',
    'founded("Austria") - founded("France")',
    'name_starts("V", ~type("city"))',
    'name_starts("Z", ~type("city"))',
    '~borders("Switzerland") & ~type("country")',
    '[count(borders(it))](~type("country")) >= 1',
    'every(~borders, borders("France"))',
    'average(population, ~type("city"))',
    'exists(borders("France") & borders("Austria"))',
    'count(borders("Austria"))',
    '"Liechtenstein X"',
)
"""What can be asked of it as of the file: texts are no things on a server, and complements of all lack them."""
