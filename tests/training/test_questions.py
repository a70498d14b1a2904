"""Questions that are taught: how they are sampled and linked, and runs over them."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reasoning import KnowledgeGraph, Query
from reasoning.lm.generation import Writing
from reasoning.parsing.checking import with_directions
from reasoning.parsing.codec import NOTHING, read_back
from reasoning.parsing.reader import JOB
from reasoning.parsing.schema import GraphSchema
from tests.reasoning.word_models import word_model
from training.learners import prepare_writer
from training.loop import LOG_FILE, Progress, TrainingError
from training.question_phrases import SLOT, Domain, PhraseQuestions, filled, load_domain, load_domains
from training.question_sampling import ExampleSampler, QuestionExample, SampledPack, sample_bindings, sample_graph
from training.questions import HELD_OUT, ListedGraph, QuestionCurriculum, QuestionOptions, train_questions, with_kinds


@pytest.fixture(scope="module")
def domains() -> list[Domain]:
    return load_domains()


def read(example: QuestionExample) -> Query:
    """The query that an example's reply means."""
    text = with_directions("".join(example.pieces), example.prompt)
    return Query.parse(read_back(text, example.prompt.meanings))


def slots(text: str) -> set[str]:
    return {slot.group() for slot in SLOT.finditer(text)}


def test_every_wording_has_the_slots_of_its_query(domains: list[Domain]) -> None:
    names = {domain.name for domain in domains}
    assert set(HELD_OUT) < names and len(names) > 80
    for domain in domains:
        for asked in domain.asked:
            assert asked.query is not None
            for wording in asked.wordings:
                assert slots(wording) == slots(asked.query), (domain.name, wording)


def test_every_example_reads_back_as_a_query_and_the_same_seed_draws_the_same(domains: list[Domain]) -> None:
    sampler = ExampleSampler(domains, random.Random(1))
    kinds: set[str] = set()
    for _ in range(30):
        for example in sampler.pack().examples:
            kinds.add(example.kind)
            if example.pieces != [NOTHING]:
                read(example)
    assert {"none", "labels", "measure", "rank", "1 steps", "2 steps", "and", "not"} <= kinds
    first, second = (ExampleSampler(domains, random.Random(2)).pack() for _ in range(2))
    assert first == second
    sampler = ExampleSampler(domains[:1], random.Random(3))
    assert len({sampler.pack().schema.text for _ in range(20)}) == 20, "no two packs show the same schema"


def test_words_for_a_relation_say_its_direction_where_kinds_do_not(domains: list[Domain]) -> None:
    company = next(domain for domain in domains if domain.name == "software_company")
    rng = random.Random(5)
    bosses, colleagues = (set(company.relations["reports_to"].phrases[of]) for of in ("to_of", "from_that"))
    checked = 0
    for _ in range(40):
        graph = sample_graph([company], rng)
        turned = graph.relations.get((company.name, "reports_to"), (0, None))[1]
        for binding in sample_bindings(graph, 1000, rng):
            for of, backwards in ((bosses, turned), (colleagues, turned is False)):
                if any(_fits(phrase, binding.text) for phrase in of):
                    assert (binding.pieces[0] == "~") == backwards
                    checked += 1
    assert checked > 20


def _fits(phrase: str, text: str) -> bool:
    before, _, after = phrase.partition("{X}")
    return text.startswith(before) and text.endswith(after) and len(text) > len(phrase) - 3


def test_phrases_make_queries(domains: list[Domain]) -> None:
    rng = random.Random(4)
    for domain in domains[::3]:
        for _ in range(5):
            made = PhraseQuestions(domain, list(domain.relations), rng).sample()
            if made is not None:
                question, query = made
                Query.parse(filled(query, domain.relations))
                assert slots(question) == slots(query)


def test_a_damaged_domain_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('[kinds.a]\nwords = ["a/as"]\nnames = ["x"]\n[questions]\nasked = """\nwhat? => r(\n"""\n')
    with pytest.raises(TrainingError, match=r"bad\.toml is no domain"):
        load_domain(path)


def test_written_questions_are_linked_and_read_back() -> None:
    kg = KnowledgeGraph.from_triples([
        ("Ann Lee", "reports to", "Bo Chen"), ("Cy Roe", "reports to", "Bo Chen"), ("Ann Lee", "team", "Core"),
    ])  # fmt: skip
    graph = ListedGraph(kg, [
        {"question": "Who is Ann Lee's boss?", "kind": "1 hop", "query": '"reports to"("Ann Lee")'},
        {"question": "Who reports to Bo Chen?", "kind": "inverse", "query": '~"reports to"("Bo Chen")'},
        {"question": "What does Ann Lee earn?", "kind": "unanswerable", "query": None},
        {"question": "Who is it?", "kind": "1 hop", "query": 'team("Ann Lee")'},
    ])  # fmt: skip
    assert len(graph.questions) == 3, "a name that the question does not hold cannot be learned"
    found = [
        None if example.pieces == [NOTHING] else read(example) for example in graph.pack(random.Random(0)).examples
    ]
    assert set(map(str, found)) == {'"reports to"("Ann Lee")', '~"reports to"("Bo Chen")', "None"}


def test_relations_of_a_list_may_have_other_spellings_than_the_schema() -> None:
    kg = KnowledgeGraph.from_triples([
        ("Ann Lee", "/work/reports_to", "Bo Chen"), ("Cy Roe", "/work/reports_to", "Bo Chen"),
        *((f"t{at}", f"other {at}", f"u{at}") for at in range(40)),
    ])  # fmt: skip
    graph = ListedGraph(kg, [
        {"question": "Who is Ann Lee's boss?", "kind": "1 hop", "query": 'work_reports_to("Ann Lee")'},
        {"question": "Who reports to Bo Chen?", "kind": "inverse", "query": '~"/work/reports_to"("Bo Chen")'},
    ])  # fmt: skip
    found = {str(read(example)) for example in graph.pack(random.Random(0)).examples}
    name = next(entry.query for entry in graph.schema.relations if "report" in entry.words)
    assert found == {f'{name}("Ann Lee")', f'~{name}("Bo Chen")'}


def test_sets_that_a_list_spells_out_are_taught_as_kinds() -> None:
    kg = KnowledgeGraph.from_triples([
        ("The Owls", "plays on", "Harbour"), ("Mira", "plays on", "Meadow"), ("Kettle", "plays on", "Meadow"),
        ("The Owls", "fee", 900), ("Mira", "fee", 300), ("Kettle", "fee", 200), ("Volta", "pays for", "Mira"),
    ])  # fmt: skip
    schema = GraphSchema(kg)
    acts = next(kind.query for kind in schema.kinds if '"plays on"' in kind.query and "Mira" in kind.words)

    def kinds(text: str, *named: str) -> str:
        return str(with_kinds(Query.parse(text), set(named), schema))

    spelt = '~"plays on"("Harbour" | "Meadow")'
    assert kinds(f"top(1, fee, {spelt})") == str(Query.parse(f"top(1, fee, {acts})"))
    assert kinds(f'{spelt} & !"pays for"(!"Volta" | "Volta")').startswith(f"{acts} & !")
    assert kinds(f'fee({spelt}) > fee("Mira")', '"Mira"') == str(Query.parse(f'fee({acts}) > fee("Mira")'))
    assert kinds('"plays on"("Mira")', '"Mira"') == '"plays on"("Mira")', "what is named stays"


# Runs ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> QuestionOptions:
    small: dict[str, Any] = {"layers": 2, "rank": 2, "tokens_of_a_pass": 512, "held_out": 1, "binding": 1}
    source = str(word_model(tmp_path_factory.mktemp("words")))
    return QuestionOptions(source=source, tokens=2500, report_every=1000, **small)


@pytest.mark.slow
def test_a_run_writes_its_log_and_an_adapter_and_goes_on_where_it_was_killed(
    options: QuestionOptions, tmp_path: Path
) -> None:
    said: list[str] = []

    def killed(line: str) -> None:
        said.append(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_questions(options, tmp_path, killed)
    report = train_questions(options, tmp_path, said.append)
    assert any(line.startswith("going on from") for line in said)
    with pytest.raises(TrainingError, match="a run with other rank"):
        train_questions(replace(options, rank=4), tmp_path, print)
    lines = [json.loads(line) for line in (tmp_path / LOG_FILE).read_text(encoding="utf-8").splitlines()]
    assert [line["tokens"] for line in lines] == sorted({line["tokens"] for line in lines})
    assert lines[-1]["tokens"] >= 2500
    assert lines[-1]["held_out_exact"] == {kind: round(value, 4) for kind, value in report.exact.items()}
    written = Writing.read(tmp_path / "checkpoint", JOB)
    assert (written.layers, written.job) == (2, "queries")
    assert written.temperature != 1.0


class Questions:
    """Written questions about a graph, of which only how often they come is of interest."""

    questions = ("one",)

    def __init__(self, sampled: SampledPack) -> None:
        self.packs, self._sampled = 0, sampled

    def pack(self, rng: random.Random) -> SampledPack:
        self.packs += 1
        return self._sampled


def test_lists_that_a_run_is_made_for_come_as_often_as_all_others(
    options: QuestionOptions, domains: list[Domain]
) -> None:
    sampled = ExampleSampler(domains, random.Random(0)).pack()
    others, foremost = [Questions(sampled) for _ in range(9)], Questions(sampled)
    lists: Any = others, [foremost]
    curriculum = QuestionCurriculum(domains, options, prepare_writer(JOB, options, None, "cpu").tokens, *lists)
    for update in range(60):
        curriculum.next_pass(Progress(updates=update, tokens=2))
    packs = sum(graph.packs for graph in others)
    assert 0.35 < foremost.packs / (packs + foremost.packs) < 0.65
