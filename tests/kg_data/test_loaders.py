"""Folders of triples and single files: every form gives the same facts, and a mistake is named with its place."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg_data.columns import GraphColumns
from kg_data.loaders import files_read, form_of, load_path
from kg_data.loaders.facts import drop_duplicates, fold_twins
from skylark.errors import DataError
from tests.kg_data.graph_files import links

Files = dict[str, str | bytes]
Loaded = Callable[[Files], GraphColumns]


def written(folder: Path, files: Files) -> Path:
    """The file to load, where there is one and it is named `g`, else the folder."""
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder / name if name.startswith("g.") else folder


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """Reads what is written of some files."""
    return lambda files: load_path(written(tmp_path, files), "g")


ROWS = [("Ann", "leads", "Bob"), ("Ann", "works_in", "Sales"), ("Bob", "works_in", "Sales")]


def lines(separator: str) -> str:
    return "".join(separator.join(row) + "\n" for row in ROWS)


TRIPLES = "".join(" ".join(f"<urn:x:{name}>" for name in row) + " .\n" for row in ROWS)
FORMS: dict[str, tuple[str, Files]] = {
    "tsv": ("file", {"g.TSV": lines("\t").replace("\n", "\r\n")}),
    "csv": ("file", {"g.csv": "relation, tail, head\n" + "".join(f"{r}, {t}, {h}\n" for h, r, t in ROWS)}),
    "json": ("file", {"g.jsonl": "".join(json.dumps(row) + "\n" for row in ROWS)}),
    "tabs": ("file", {"g.txt": lines("\t")}),
    "n-triples": ("file", {"g.nt": TRIPLES}),
    "turtle": ("file", {"g.ttl": TRIPLES}),
    "labelled": ("labelled", {"train.txt": lines("\t")}),
    "integer": ("integer", {"id2ent.tsv": "0\tAnn\n1\tBob\n2\tSales\n", "id2rel.tsv": "0\tleads\n1\tworks_in\n",
                            "train.txt": "0\t0\t1\n0\t1\t2\n1 1 2\n"}),
    "metaqa": ("metaqa", {"kb_partial.txt": "a|b|c\n", "kb.txt": lines("|")}),
}  # fmt: skip
"""The form and the files of each; of MetaQA's two, the complete one is read."""


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_facts(tmp_path: Path, name: str) -> None:
    form, files = FORMS[name]
    columns = load_path(path := written(tmp_path, files), "name")
    ((split, triples),) = columns.splits.items()
    entities, relations = columns.entity_labels, columns.relation_labels
    assert {(entities[head], relations[r], entities[tail]) for head, r, tail in triples.tolist()} == {*ROWS}
    assert (columns.name, split) == ("name", "train" if "train.txt" in files else "graph")
    assert form_of(path) == form and {file.name for file in files_read(path)} == {*files}


def test_a_quoted_csv_field_may_hold_commas_quotes_and_newlines_and_tabs_know_no_quotes(loaded: Loaded) -> None:
    graph = loaded({"g.csv": '"Washington, D.C.",nickname,"the ""District"""\n"two\nlines",r,x\n'})
    assert graph.entity_ids == ["Washington, D.C.", 'the "District"', "two\nlines", "x"]
    assert loaded({"g.tsv": '"Heroes"\tby\tBowie\n'}).entity_ids == ['"Heroes"', "Bowie"]


class TestLabelledFolder:
    def test_ids_are_numbered_over_all_splits_in_order_of_appearance(self, loaded: Loaded) -> None:
        graph = loaded({"train.txt": "a\tr\tb\na\ts\tb\nb\ts\tc\n", "valid.txt": "c\tr\td\n", "test.txt": "a\tr\tb\n"})
        assert graph.entity_ids == ["a", "b", "c", "d"] and graph.relation_ids == ["r", "s"]
        splits = {split: triples.tolist() for split, triples in graph.splits.items()}
        assert splits == {"train": [[0, 0, 1], [0, 1, 1], [1, 1, 2]], "valid": [[2, 0, 3]], "test": [[0, 0, 1]]}

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"a\tr\tb\r\nb\tr\tc\r\n", id="CRLF"),
            pytest.param(b"\xef\xbb\xbfa\tr\tb\nb\tr\tc\n", id="byte order mark"),
            pytest.param(b"a\tr\tb\n\nb\tr\tc", id="blank line, no final newline"),
            pytest.param(b" a\tr \tb\nb\tr\tc\na\tr\tb\n", id="blanks around fields, a repeated line"),
        ],
    )
    def test_what_people_s_editors_leave_behind_is_tolerated(self, loaded: Loaded, content: bytes) -> None:
        graph = loaded({"train.txt": content})
        assert graph.splits["train"].tolist() == [[0, 0, 1], [1, 0, 2]]
        assert graph.entity_ids == ["a", "b", "c"]

    def test_names_come_from_the_text_files_and_the_id_stands_in(self, loaded: Loaded) -> None:
        graph = loaded({
            "train.txt": "/m/1\t/r/x\t/m/2\n/m/1\t/r/y\t/m/3\n",
            "entity2text.txt": "/m/1\tWashington, D.C.\n/m/2\t\n/m/9\tNot in the graph\n",
            "relation2text.txt": "/r/x\tcapital of\n",
            "README.md": "\n# Toy graph, CC0\nmore\n",
        })  # fmt: skip
        assert graph.entity_labels == ["Washington, D.C.", "/m/2", "/m/3"]
        assert graph.relation_labels == ["capital of", "/r/y"]
        assert graph.source == "Toy graph, CC0"

    def test_a_wordnet_label_is_the_lemma_without_its_gloss(self, loaded: Loaded) -> None:
        texts = "00260881\tland reform, a division of land, by law\n00260622\treform, a change\n"
        graph = loaded({"train.txt": "00260881\t_hypernym\t00260622\n", "entity2text.txt": texts})
        assert graph.entity_labels == ["land reform", "reform"]

    def test_codex_files_give_relation_names_types_and_further_names(self, loaded: Loaded) -> None:
        graph = loaded({
            "train.txt": "Q1\tP106\tQ2\n",
            "relations.json": '{"P106": {"label": "occupation", "description": "of a person"}}',
            "types.json": '{"Q2": {"label": "actor"}, "Q5": {"label": "human"}, "Q6": {"label": "human"}}',
            "entity2types.json": '{"Q1": ["Q5", "Q6", "Q7"], "Q9": ["Q5"]}',
        })  # fmt: skip
        assert graph.relation_labels == ["occupation"] and graph.entity_labels == ["Q1", "actor"]
        assert graph.types == [(0, "human"), (0, "Q7")]


INTEGER: Files = {
    "id2ent.tsv": "0\t/m/a\n1\t/m/b\n2\t/m/c\n3\talone\n",
    "id2rel.tsv": "0\tlikes\n1\tlikes_reverse\n2\tknows\n",
    "train.txt": "0\t0\t1\n1\t1\t0\n1 2 2\n",
}


def test_ids_of_an_integer_folder_are_the_integers_and_labels_the_names_unless_texts_name_these(loaded: Loaded) -> None:
    graph = loaded(INTEGER)
    assert graph.entity_ids == ["0", "1", "2", "3"]
    assert graph.entity_labels == ["/m/a", "/m/b", "/m/c", "alone"]
    assert (graph.relation_ids, graph.relation_labels) == (["0", "2"], ["likes", "knows"])
    assert links(graph, "train") == {("0", "0", "1"), ("1", "2", "2")}
    assert graph.relation_aliases == {"1": (0, True), "likes_reverse": (0, True)}
    graph = loaded({**INTEGER, "entity2text.txt": "/m/b\tBoston\n", "relation2text.txt": "likes\tis fond of\n"})
    assert graph.entity_labels == ["/m/a", "Boston", "/m/c", "alone"]
    assert graph.aliases == [(1, "/m/b")]
    assert graph.relation_labels == ["is fond of", "knows"]
    assert graph.relation_aliases["likes"] == (0, False) and graph.relation_aliases["likes_reverse"] == (0, True)


class TestTwins:
    @pytest.mark.parametrize(
        ("content", "facts", "aliases"),
        [
            ("a,r,b\nc,r_reverse,d\nb,r_reverse,a\n", {("a", "r", "b"), ("d", "r", "c")}, {"r_reverse": (0, True)}),
            ("a,r,b\nb,r_inverse,a\nd,r_inverse,c\n", {("a", "r", "b"), ("c", "r", "d")}, {"r_inverse": (0, True)}),
            # Without its base it is a relation of its own; the twin of a twin runs forward.
            ("a,gear_reverse,b\n", {("a", "gear_reverse", "b")}, {}),
            ("a,r_reverse_reverse,b\nb,r_reverse,a\nc,r,d\n", {("a", "r", "b"), ("c", "r", "d")},
             {"r_reverse": (0, True), "r_reverse_reverse": (0, False)}),
        ],
    )  # fmt: skip
    def test_they_fold(
        self, loaded: Loaded, content: str, facts: set[tuple[str, str, str]], aliases: dict[str, tuple[int, bool]]
    ) -> None:
        graph = loaded({"g.csv": content})
        assert (links(graph), graph.relation_aliases) == (facts, aliases)

    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 5))))
    def test_folding_keeps_exactly_the_facts(self, rows: list[tuple[int, int, int]]) -> None:
        names = ["r", "r_reverse", "s_reverse", "s"]
        triples = np.array(rows, dtype=np.int32).reshape(-1, 3)
        folded = fold_twins(names, names, names, {"graph": triples})
        facts = {(t, "r", h) if r == 1 else (t, "s", h) if r == 2 else (h, names[r], t) for h, r, t in rows}
        got = [(h, folded.ids[r], t) for h, r, t in folded.splits["graph"].tolist()]
        assert len(got) == len(facts) and set(got) == facts
        assert drop_duplicates(triples).tolist() == [list(row) for row in dict.fromkeys(rows)], "in their order"


ID_FILES: Files = {"id2ent.tsv": "0\ta\n1\tb\n", "id2rel.tsv": "0\tr\n", "train.txt": "0 0 1\n"}
A_TRIPLE: Files = {"train.txt": "a\tr\tb\n"}


@pytest.mark.parametrize(
    ("files", "name", "line", "expected"),
    [
        ({"train.txt": "a\tr\tb\na\tr\n"}, "train.txt", 2, "head, relation and tail separated by tabs (2 fields"),
        ({"train.txt": "a r b\n"}, "train.txt", 1, "(1 field here)"),
        ({"train.txt": "a\tr\tb\t\n"}, "train.txt", 1, "(4 fields here)"),
        ({"train.txt": "a\tr\tb\n\na\t\tb\n"}, "train.txt", 3, "none of them empty"),
        ({"train.txt": "a\tr\tb\n \t \t \n"}, "train.txt", 2, "none of them empty"),
        ({"train.txt": ""}, "train.txt", None, "at least one triple"),
        (A_TRIPLE | {"valid.txt": "\n"}, "valid.txt", None, "at least one triple"),
        ({"train.txt": b"\xef\xbb\xbfa\tr\tb\nCura\xe7ao\tr\tb\n"}, "train.txt", 2, "UTF-8"),
        (A_TRIPLE | {"entity2text.txt": "a\tA\nb B\n"}, "entity2text.txt", 2, "one tab"),
        (A_TRIPLE | {"types.json": '{\n"a": '}, "types.json", 2, "JSON"),
        (A_TRIPLE | {"types.json": "[]"}, "types.json", None, "JSON object"),
        (A_TRIPLE | {"types.json": '{"a": "b"}'}, "types.json", None, '"label"'),
        (A_TRIPLE | {"entity2types.json": '{"a": "b"}'}, "entity2types.json", None, "list of type"),
        (ID_FILES | {"train.txt": "0 0 1\n0 0\n"}, "train.txt", 2, "three integers"),
        (ID_FILES | {"train.txt": "0 0 1\n0 r 1\n"}, "train.txt", 2, "three integers"),
        (ID_FILES | {"train.txt": "0 0 1\n0 0 007\n"}, "train.txt", 2, "three integers"),
        (ID_FILES | {"train.txt": "0 0 1\n0 0 2\n"}, "train.txt", 2, "listed in id2ent.tsv"),
        (ID_FILES | {"train.txt": "0 1 1\n"}, "train.txt", 1, "listed in id2rel.tsv"),
        (ID_FILES | {"id2ent.tsv": "a\t0\n"}, "id2ent.tsv", 1, "decimal integer"),
        (ID_FILES | {"id2ent.tsv": "0\ta\n0\tb\n"}, "id2ent.tsv", 2, "each id once"),
        (ID_FILES | {"id2ent.tsv": "0\t\n"}, "id2ent.tsv", 1, "none of them empty"),
        (ID_FILES | {"id2ent.tsv": ""}, "id2ent.tsv", None, "at least one id"),
        (ID_FILES | {"id2rel.tsv": "0\tr\n1\tr\n"}, "id2rel.tsv", None, "another name for each relation"),
        ({"train.txt": "0 0 1\n", "id2ent.tsv": "0\ta\n"}, "id2rel.tsv", None, "come together"),
        ({"kb.txt": "a|r|b\na|r\n"}, "kb.txt", 2, "separated by '|'"),
        ({"kb.txt": "a|r|5|integer\n"}, "kb.txt", 1, "separated by '|' (4 fields here)"),
        ({"g.csv": 'a,r,b\n"two\nlines",r\n'}, "g.csv", 2, "separated by commas (2 fields here)"),
        ({"g.csv": 'a,r,b\n"a"x,r,b\n'}, "g.csv", 2, "separated by commas"),
        ({"g.csv": "head,relation,tail\n"}, "g.csv", None, "at least one triple"),
        ({"g.tsv": "a,r,b\n"}, "g.tsv", 1, "separated by tabs"),
        ({"g.txt": "a r b\n"}, "g.txt", 1, "'|' or tabs"),
        ({"g.rdf": "<a> <r> <b> .\n"}, "g.rdf", None, ".tsv, .csv, .txt, .jsonl, .nt, .ttl"),
    ],
)
def test_the_error_names_file_line_and_expectation(
    loaded: Loaded, files: Files, name: str, line: int | None, expected: str
) -> None:
    with pytest.raises(DataError) as caught:
        loaded(files)
    assert (Path(caught.value.path).name, caught.value.line) == (name, line)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("files", "form"),
    [
        (["train.txt"], "labelled"),
        (["train.txt", "id2ent.tsv"], "integer"),
        (["train.txt", "id2rel.tsv"], "integer"),
        (["kb_partial.txt", "test.txt"], "metaqa"),
        (["test.txt", "graph.bin"], None),
    ],
)
def test_a_folder_is_known_by_its_files(tmp_path: Path, files: list[str], form: str | None) -> None:
    assert form_of(written(tmp_path, dict.fromkeys(files, ""))) == form
    if form is None:
        with pytest.raises(DataError, match=r"train\.txt.*id2ent\.tsv.*kb\.txt.*found 'graph\.bin, test\.txt'"):
            load_path(tmp_path, "g")


def test_a_pickle_is_never_among_the_files_read(tmp_path: Path, loaded: Loaded) -> None:
    pickles: Files = {"id2ent.pkl": b"cos\nsystem\n(S'false'\ntR.", "train-queries.pkl": b""}
    assert links(loaded({"train.txt": "0\t0\t1\n", **pickles}), "train") == {("0", "0", "1")}
    assert [path.name for path in files_read(tmp_path)] == ["train.txt"]


class TestPublishedFolders:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("name", "entities", "relations", "triples"),
        [
            ("fb15k-237-q2b", 14_505, 237, {"train": 272_115, "valid": 17_526, "test": 20_438}),
            ("wn18rr/text", 41_105, 11, {"train": 86_835, "valid": 3_034, "test": 3_134}),
            ("codex-s", 2_034, 42, {"train": 32_888, "valid": 1_827, "test": 1_828}),
            ("metaqa", 42_796, 9, {"graph": 129_411}),
        ],
    )
    def test_counts_are_the_published_ones(
        self, data_root: Path, name: str, entities: int, relations: int, triples: dict[str, int]
    ) -> None:
        graph = load_path(data_root / "kg" / name, name)
        assert (len(graph.entity_ids), len(graph.relation_ids)) == (entities, relations)
        assert {split: len(rows) for split, rows in graph.splits.items()} == triples

    @pytest.mark.slow
    @pytest.mark.parametrize("split", ["train", "valid"])
    def test_folded_triples_and_their_twins_are_exactly_the_file(self, data_root: Path, split: str) -> None:
        folder = data_root / "kg" / "nell995-betae"
        graph = load_path(folder, "nell")
        twin = {
            index: alias for alias, (index, inverse) in graph.relation_aliases.items() if inverse and alias.isdigit()
        }
        restored = set()
        for head, relation, tail in graph.splits[split].tolist():
            restored.add((graph.entity_ids[head], graph.relation_ids[relation], graph.entity_ids[tail]))
            restored.add((graph.entity_ids[tail], twin[relation], graph.entity_ids[head]))
        lines = (folder / f"{split}.txt").read_text(encoding="utf-8").splitlines()
        assert restored == {tuple(line.split()) for line in lines}

    @pytest.mark.slow
    def test_benchmarks_have_names_and_types(self, data_root: Path) -> None:
        graph = load_path(data_root / "kg" / "fb15k-237", "fb15k-237")
        assert not any(label.startswith("/") for label in (*graph.entity_labels, *graph.relation_labels))
        assert dict(zip(graph.entity_ids, graph.entity_labels, strict=True))["/m/0c94fn"] == "Gary Rydstrom"
        graph = load_path(data_root / "kg" / "codex-s", "codex-s")
        assert {index for index, _ in graph.types} == set(range(len(graph.entity_ids)))
        assert sum(a != b for a, b in zip(graph.entity_ids, graph.entity_labels, strict=True)) >= 1_085
