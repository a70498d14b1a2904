"""Sampled queries against plain set algebra, and the rules that they are sampled by."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reasoning.errors import EvaluationError, SamplingError
from reasoning.evaluation.missing_links import GraphPair, MissingLinks
from reasoning.evaluation.runs import QueryEvaluation
from reasoning.evaluation.sampling import HARDER, NO_STEP, BackwardSteps, QuerySampler, SamplingOptions, sample_queries
from reasoning.graph.store import KnowledgeGraph
from reasoning.query.records import NEGATED, STRUCTURES
from reasoning.query.tree import Query
from skylark.errors import ResultsError
from tests.reasoning.made_dataset import ENTITIES, Adjacency, answers

PROJECT = Path(__file__).resolve().parents[3]
EACH = 12
HARDER_HERE = ("2p", "3p", "2i", "3i", "ip", "pi", "up", "pin")
"""3in and inp are too rare in a graph as small as the made one."""


@pytest.fixture
def facts(dataset: Path, tmp_path: Path) -> Path:
    rows = [line.split("\t") for line in (dataset / "train.txt").read_text().splitlines()]
    path = tmp_path / "facts.tsv"
    links = [f"n {h}\tr {r}\tn {t}\n" for h, r, t in rows if int(r) % 2 == 0]
    path.write_text("".join(["head\trelation\ttail\ttype\n", *links, "n 1\tsize\t4\tinteger\n"]))
    return path


@pytest.fixture(scope="module", params=["valid", "test"])
def sampled(request: pytest.FixtureRequest, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sampled") / str(request.param)
    sample_queries(dataset, out, str(request.param), SamplingOptions(count=EACH))
    return out


@pytest.fixture(scope="module")
def harder(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("harder")
    sample_queries(dataset, out, "valid", SamplingOptions(HARDER_HERE, EACH, harder=True))
    return out


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def graphs(dataset: Path, split: str) -> tuple[Adjacency, Adjacency]:
    """The smaller graph and the full one as plain sets."""
    found: list[Adjacency] = []
    splits = ["train", "valid"] if split == "valid" else ["train", "valid", "test"]
    for names in (splits[:-1], splits):
        adjacency: Adjacency = {}
        for name in names:
            for line in (dataset / f"{name}.txt").read_text().splitlines():
                head, relation, tail = map(int, line.split("\t"))
                adjacency.setdefault((head, relation), set()).add(tail)
        found.append(adjacency)
    return found[0], found[1]


def chains(query: list[Any]) -> list[list[int]]:
    """The relations of each way from an anchor to the answer, complements left out."""
    *branches, last = query
    if not isinstance(branches[0], list):
        return [[relation for relation in last if relation >= 0]]
    if last == [-1]:
        return [chain for branch in branches for chain in chains(branch)]
    if all(isinstance(item, int) for item in last):
        return [[*chain, *last] for chain in chains(branches[0])]
    return [chain for branch in query for chain in chains(branch)]


def one_form(query: Any) -> str:
    """The same text for the same query, whatever the order of its branches."""
    if not isinstance(query, list) or not any(isinstance(item, list) for item in query):
        return json.dumps(query)
    *branches, last = query
    if isinstance(branches[0], list) and isinstance(last, list) and last != [-1] and isinstance(last[0], list):
        return "&".join(sorted(map(one_form, query)))
    if last == [-1]:
        return "|".join(sorted(map(one_form, branches)))
    return ">".join(map(one_form, query))


class TestTheRules:
    def test_every_type_is_filled_and_no_query_repeats_or_undoes_anything(self, sampled: Path) -> None:
        assert {path.name for path in sampled.iterdir()} == {f"{sampled.name}-{kind}.jsonl" for kind in STRUCTURES}
        for record in records(sampled):
            assert list(record) == ["type", "query", "easy", "hard"]
            assert Query.from_record(record).structure == record["type"]
        assert len(records(sampled)) == EACH * 14
        queries = [record["query"] for record in records(sampled)]
        forms = [one_form(query) for query in queries]
        assert len(set(forms)) == len(forms)
        for query, form in zip(queries, forms, strict=True):
            branches = form.replace("|", "&").split("&")
            assert len(set(branches)) == len(branches)
            for chain in chains(query):
                assert all(after != before ^ 1 for before, after in pairwise(chain))

    def test_answers_are_those_of_set_algebra_and_are_read_back(self, sampled: Path, dataset: Path) -> None:
        smaller, full = graphs(dataset, sampled.name)
        for record in records(sampled):
            before, after = (answers(graph, set(range(ENTITIES)), record["query"]) for graph in (smaller, full))
            assert record["easy"] == sorted(after & before) and record["hard"] == sorted(after - before)
            assert record["hard"]
            if record["type"] in NEGATED:  # the smaller graph is wrong about one answer at least
                assert before - after
        read = QueryEvaluation(dataset, sampled, "reading").run()
        assert read["avg_p"]["exact_match"] == read["avg_n"]["exact_match"] == 1.0
        hard = QueryEvaluation(dataset, sampled, "hard").run()
        assert hard["count"] == EACH * 14 and hard["skipped"] == 0

    def test_the_number_of_answers_is_bounded(self, dataset: Path, tmp_path: Path) -> None:
        sample_queries(dataset, tmp_path, "test", SamplingOptions(["3p", "pin"], EACH, most_answers=3))
        smaller, full = graphs(dataset, "test")
        for record in records(tmp_path):
            before, after = (answers(graph, set(range(ENTITIES)), record["query"]) for graph in (smaller, full))
            assert len(after - before) <= 3 and len(before - after) <= 3


def test_a_step_back_is_any_relation_alike_and_then_any_of_its_links() -> None:
    rows = [("a", "r", "x"), *((f"b{i}", "s", "x") for i in range(50)), ("x", "r", "c")]
    kg = KnowledgeGraph.from_triples(rows)
    steps = BackwardSteps(kg.index.whole, np.ones(4, dtype=bool))
    targets = np.full(3000, kg.entity("x"))
    codes, sources, possible = steps.draw(np.random.default_rng(0), targets, np.full(3000, NO_STEP))
    assert possible.all() and np.bincount(codes)[[0, 1, 2]] == pytest.approx([1000] * 3, rel=0.15)
    assert {kg.name(source) for source in sources[codes == 1]} == {"c"}
    assert len(set(sources[codes == 2].tolist())) == 50
    codes, _, _ = steps.draw(np.random.default_rng(0), targets, np.full(3000, 2 ^ 1))  # ~s comes next
    assert set(codes.tolist()) == {0, 1}
    _, _, possible = steps.draw(np.random.default_rng(0), np.array([kg.entity("a")]), np.array([0]))
    assert not possible.any()  # only ~r leads to a, and r would undo it


class TestHarder:
    def test_every_hard_answer_lacks_two_links_and_types_of_one_have_none(self, harder: Path, dataset: Path) -> None:
        pair, (_, full) = GraphPair.load(dataset, "valid"), graphs(dataset, "valid")
        links = MissingLinks(pair)
        for record in records(harder):
            assert {*record["easy"], *record["hard"]} == answers(full, set(range(ENTITIES)), record["query"])
            hard = np.array([pair.full.entity_by_id(str(answer)) for answer in record["hard"]], dtype=np.int32)
            assert (links.least(Query.from_record(record), np.sort(hard)) > 1).all()
        assert [record["type"] for record in records(harder)].count("pin") == EACH
        assert set(STRUCTURES) - set(HARDER) == {"1p", "2u", "2in", "pni"}
        with pytest.raises(SamplingError, match="2u has no harder queries: one link proves each of its answers"):
            SamplingOptions(["2p", "2u"], harder=True)


def test_a_seed_gives_the_same_files_whatever_else_is_asked_for(dataset: Path, tmp_path: Path) -> None:
    def sampled(*kinds: str, count: int = 3, seed: int = 7) -> bytes:
        out = tmp_path / f"{kinds}-{count}-{seed}"
        sample_queries(dataset, out, "valid", SamplingOptions(kinds, count, seed=seed))
        return (out / "valid-inp.jsonl").read_bytes()

    few = sampled("inp")
    assert sampled("2p", "inp") == few != sampled("inp", seed=8)
    assert sampled("inp", count=9).startswith(few)


def labelled(dataset: Path, folder: Path) -> Path:
    """The same graph as labelled triples, without the inverse twins."""
    folder.mkdir()
    for split in ("train", "valid", "test"):
        rows = [line.split("\t") for line in (dataset / f"{split}.txt").read_text().splitlines()]
        forward = [f"/m/{h}\t/r/{r}\t/m/{t}\n" for h, r, t in rows if int(r) % 2 == 0]
        (folder / f"{split}.txt").write_text("".join(forward))
    return folder


def test_a_graph_without_twins_is_followed_forward_only(dataset: Path, tmp_path: Path) -> None:
    graph, out = labelled(dataset, tmp_path / "labelled"), tmp_path / "out"
    sample_queries(graph, out, "test", SamplingOptions(count=3))
    assert QueryEvaluation(graph, out, "reading").run()["avg_n"]["exact_match"] == 1.0
    assert all(isinstance(answer, str) for record in records(out) for answer in record["hard"])


class TestHoldingOut:
    def test_a_graph_without_splits_is_split_and_queried(self, facts: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        sample_queries(facts, out, options=SamplingOptions(count=3), held_out=0.2)
        whole = KnowledgeGraph.load(facts)
        train, valid = (KnowledgeGraph.load(out / "graph", [split]) for split in ("train", "valid"))
        assert len(train) + len(valid) == len(whole) and len(valid) == round(0.2 * len(whole))
        assert len(train.universe) == len(whole.universe) and len(np.unique(train.index.whole.triples()[:, 1])) == 4
        read = QueryEvaluation(out / "graph", out, "reading").run()
        assert read["avg_p"]["exact_match"] == read["avg_n"]["exact_match"] == 1.0
        assert '_reverse"' in json.dumps(records(out))

    def test_what_cannot_be_split_is_told(self, facts: Path, tmp_path: Path) -> None:
        (tmp_path / "graph").mkdir()
        with pytest.raises(ResultsError, match=r"graph is there already; go on with --kg .*graph"):
            sample_queries(facts, tmp_path, options=SamplingOptions(count=3), held_out=0.2)
        for share in (0.0, 1.0, -1.0, float("nan")):
            with pytest.raises(SamplingError, match="must be above 0 and below 1"):
                sample_queries(facts, tmp_path / "out", held_out=share)
        with pytest.raises(SamplingError, match='expected the split "valid", not "test"'):
            sample_queries(facts, tmp_path / "out", "test", held_out=0.2)
        (tmp_path / "one.tsv").write_text("a\tr\tb\n")
        with pytest.raises(SamplingError, match='no triple of "one" can be held out'):
            sample_queries(tmp_path / "one.tsv", tmp_path / "empty", held_out=0.5)
        assert not list((tmp_path / "empty").iterdir())


class TestBadInput:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"types": ["2ni"]}, 'unknown query type "2ni".*nearest: 2i'),
            ({"types": []}, "no type was named"),
            ({"count": 0}, "count must be at least 1, not 0"),
            ({"most_answers": 0}, "most answers must be at least 1"),
            ({"seed": -1}, "the seed must be 0 or more"),
        ],
    )
    def test_options_are_checked(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(SamplingError, match=message):
            SamplingOptions(**options)

    def test_graphs_and_folders_that_do_not_do_are_told(self, dataset: Path, tmp_path: Path) -> None:
        (tmp_path / "facts.tsv").write_text("a\tr\tb\n")
        with pytest.raises(SamplingError, match=r'no split "train".*need train and valid, and .*--held-out'):
            sample_queries(tmp_path / "facts.tsv", tmp_path / "out")
        assert not (tmp_path / "out").exists()
        with pytest.raises(EvaluationError, match="unknown split 'train'; expected valid or test"):
            sample_queries(dataset, tmp_path, "train")
        graph = labelled(dataset, tmp_path / "twice")
        (graph / "valid.txt").write_text((graph / "train.txt").read_text())
        with pytest.raises(SamplingError, match='the split valid of "twice" adds no triple'):
            sample_queries(graph, tmp_path / "out")
        with pytest.raises(ResultsError, match=r"cannot make the folder .*Not a directory"):
            sample_queries(dataset, tmp_path / "facts.tsv" / "out")
        (tmp_path / "valid-2p.jsonl").write_text("mine\n")
        with pytest.raises(ResultsError, match=r"valid-2p\.jsonl is there already.*types other than 2p"):
            sample_queries(dataset, tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {"facts.tsv", "twice", "valid-2p.jsonl"}

    @pytest.mark.parametrize("held_out", [None, 0.2])
    def test_a_run_that_is_killed_goes_on_when_it_is_begun_again(
        self, dataset: Path, facts: Path, tmp_path: Path, held_out: float | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kg, options = (dataset, facts)[held_out is not None], SamplingOptions(["1p", "2p", "2i", "2u"], 3)
        whole = sample_queries(kg, tmp_path / "whole", options=options, held_out=held_out)
        sample, sampled = QuerySampler.sample, list[str]()

        def killed(self: QuerySampler, kind: str, told: Any) -> Any:
            if kind == "2i" and "2i" not in sampled:
                sampled.append(kind)
                raise KeyboardInterrupt
            sampled.append(kind)
            return sample(self, kind, told)

        monkeypatch.setattr(QuerySampler, "sample", killed)
        out = tmp_path / "out"
        with pytest.raises(KeyboardInterrupt):
            sample_queries(kg, out, options=options, held_out=held_out)
        with pytest.raises(ResultsError, match="is there already"):
            sample_queries(kg, out, options=replace(options, count=4), held_out=held_out)
        again = sample_queries(kg, out, options=options, held_out=held_out)
        assert again == whole and sampled == ["1p", "2p", "2i", "2i", "2u"]
        made, expected = (
            {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
            for folder in (out, tmp_path / "whole")
        )
        assert made == expected
        with pytest.raises(ResultsError, match="is there already"):
            sample_queries(kg, out, options=options, held_out=held_out)

    def test_a_killed_run_goes_on_with_the_same_graph_alone(
        self, facts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        options, sample = SamplingOptions(["1p", "2p"], 3), QuerySampler.sample
        monkeypatch.setattr(QuerySampler, "sample", lambda *given: killed() if given[1] == "2p" else sample(*given))
        with pytest.raises(KeyboardInterrupt):
            sample_queries(facts, tmp_path / "out", options=options, held_out=0.2)
        monkeypatch.undo()
        facts.write_text(facts.read_text() + "n 1\tr 0\tn 1\tentity\n")
        with pytest.raises(ResultsError, match=r"valid-1p\.jsonl is there already"):
            sample_queries(facts, tmp_path / "out", options=options, held_out=0.2)

    def test_too_few_queries_are_told_when_the_other_types_are_done(self, tmp_path: Path) -> None:
        graph = tmp_path / "tiny"
        graph.mkdir()
        (graph / "train.txt").write_text("a\tr\tb\nb\tr\tc\n")
        (graph / "valid.txt").write_text("a\tr\tc\nc\tr\td\n")
        options = SamplingOptions(["3i", "1p", "2p"], 2, patience=2000)
        with pytest.raises(SamplingError, match=r"3i: found 0 of 2 queries in 2,048 tries, none in the last 2,048"):
            sample_queries(graph, tmp_path / "out", options=options)
        assert {path.name for path in (tmp_path / "out").iterdir()} == {"valid-1p.jsonl", "valid-2p.jsonl"}
