from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg_data.loaders import files_read, form_of, load_path
from kg_data.loaders.facts import drop_duplicates, fold_twins
from skylark.errors import DataError
from tests.kg_data.graph_files import links

WriteFiles = Callable[[dict[str, str | bytes]], Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteFiles:
    def write_files(files: dict[str, str | bytes]) -> Path:
        for name, content in files.items():
            (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path

    return write_files


class TestLabelledFolder:
    def test_ids_are_numbered_over_all_splits_in_order_of_appearance(self, write: WriteFiles) -> None:
        folder = write({"train.txt": "a\tr\tb\nb\ts\tc\n", "valid.txt": "c\tr\td\n", "test.txt": "a\tr\td\n"})
        graph = load_path(folder, "g")
        assert graph.entity_ids == ["a", "b", "c", "d"]
        assert graph.relation_ids == ["r", "s"]
        assert {split: triples.tolist() for split, triples in graph.splits.items()} == {
            "train": [[0, 0, 1], [1, 1, 2]],
            "valid": [[2, 0, 3]],
            "test": [[0, 0, 3]],
        }

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"a\tr\tb\r\nb\tr\tc\r\n", id="CRLF"),
            pytest.param(b"\xef\xbb\xbfa\tr\tb\nb\tr\tc\n", id="byte order mark"),
            pytest.param(b"a\tr\tb\n\nb\tr\tc", id="blank line, no final newline"),
            pytest.param(b" a\tr \tb\nb\tr\tc\n", id="blanks around fields"),
            pytest.param(b"a\tr\tb\nb\tr\tc\na\tr\tb\n", id="a repeated line"),
        ],
    )
    def test_what_people_s_editors_leave_behind_is_tolerated(self, write: WriteFiles, content: bytes) -> None:
        graph = load_path(write({"train.txt": content}), "g")
        assert graph.splits["train"].tolist() == [[0, 0, 1], [1, 0, 2]]
        assert graph.entity_ids == ["a", "b", "c"]

    def test_several_relations_between_one_pair_survive_and_a_triple_in_two_splits(self, write: WriteFiles) -> None:
        graph = load_path(write({"train.txt": "a\tr\tb\na\ts\tb\n", "test.txt": "a\tr\tb\n"}), "g")
        assert links(graph, "train") == {("a", "r", "b"), ("a", "s", "b")}
        assert links(graph, "test") == {("a", "r", "b")}

    def test_names_come_from_the_text_files_and_the_id_stands_in(self, write: WriteFiles) -> None:
        folder = write(
            {
                "train.txt": "/m/1\t/r/x\t/m/2\n/m/1\t/r/y\t/m/3\n",
                "entity2text.txt": "/m/1\tWashington, D.C.\n/m/2\t\n/m/9\tNot in the graph\n",
                "relation2text.txt": "/r/x\tcapital of\n",
            }
        )
        graph = load_path(folder, "g")
        assert graph.entity_labels == ["Washington, D.C.", "/m/2", "/m/3"]
        assert graph.relation_labels == ["capital of", "/r/y"]

    def test_a_wordnet_label_is_the_lemma_without_its_gloss(self, write: WriteFiles) -> None:
        folder = write(
            {
                "train.txt": "00260881\t_hypernym\t00260622\n",
                "entity2text.txt": "00260881\tland reform, a division of land, by law\n00260622\treform, a change\n",
            }
        )
        assert load_path(folder, "g").entity_labels == ["land reform", "reform"]

    def test_codex_files_give_relation_names_types_and_further_names(self, write: WriteFiles) -> None:
        folder = write(
            {
                "train.txt": "Q1\tP106\tQ2\n",
                "relations.json": '{"P106": {"label": "occupation", "description": "of a person"}}',
                "types.json": '{"Q2": {"label": "actor"}, "Q5": {"label": "human"}, "Q6": {"label": "human"}}',
                "entity2types.json": '{"Q1": ["Q5", "Q6", "Q7"], "Q9": ["Q5"]}',
            }
        )
        graph = load_path(folder, "g")
        assert graph.relation_labels == ["occupation"]
        assert graph.entity_labels == ["Q1", "actor"]
        assert graph.types == [(0, "human"), (0, "Q7")]

    def test_the_origin_is_the_first_line_of_the_readme(self, write: WriteFiles) -> None:
        folder = write({"train.txt": "a\tr\tb\n", "README.md": "\n# Toy graph, CC0\nmore\n"})
        assert load_path(folder, "g").source == "Toy graph, CC0"


class TestIntegerFolder:
    FILES: dict[str, str | bytes] = {  # noqa: RUF012
        "id2ent.tsv": "0\t/m/a\n1\t/m/b\n2\t/m/c\n",
        "id2rel.tsv": "0\tlikes\n1\tlikes_reverse\n2\tknows\n",
        "train.txt": "0\t0\t1\n1\t1\t0\n1 2 2\n",
    }

    def test_ids_are_the_integers_and_labels_the_names(self, write: WriteFiles) -> None:
        graph = load_path(write(self.FILES), "g")
        assert graph.entity_ids == ["0", "1", "2"]
        assert graph.entity_labels == ["/m/a", "/m/b", "/m/c"]
        assert graph.relation_ids == ["0", "2"]
        assert graph.relation_labels == ["likes", "knows"]
        assert links(graph, "train") == {("0", "0", "1"), ("1", "2", "2")}
        assert graph.relation_aliases == {"1": (0, True), "likes_reverse": (0, True)}

    def test_an_entity_without_facts_stays(self, write: WriteFiles) -> None:
        graph = load_path(write({**self.FILES, "id2ent.tsv": "0\ta\n1\tb\n2\tc\n3\talone\n"}), "g")
        assert graph.entity_labels[3] == "alone"

    def test_text_files_name_the_names_which_stay_as_aliases(self, write: WriteFiles) -> None:
        texts: dict[str, str | bytes] = {
            "entity2text.txt": "/m/b\tBoston\n",
            "relation2text.txt": "likes\tis fond of\n",
        }
        graph = load_path(write({**self.FILES, **texts}), "g")
        assert graph.entity_labels == ["/m/a", "Boston", "/m/c"]
        assert graph.aliases == [(1, "/m/b")]
        assert graph.relation_labels == ["is fond of", "knows"]
        assert graph.relation_aliases["likes"] == (0, False)
        assert graph.relation_aliases["likes_reverse"] == (0, True)


class TestTwins:
    def test_a_twin_row_without_its_forward_row_becomes_the_forward_triple(self, write: WriteFiles) -> None:
        graph = load_path(write({"train.txt": "a\tr\tb\nc\tr_reverse\td\nb\tr_reverse\ta\n"}), "g")
        assert links(graph, "train") == {("a", "r", "b"), ("d", "r", "c")}
        assert graph.relation_aliases == {"r_reverse": (0, True)}

    def test_the_other_suffix_folds_too(self, write: WriteFiles) -> None:
        graph = load_path(write({"g.csv": "a,r,b\nb,r_inverse,a\nd,r_inverse,c\n"}) / "g.csv", "g")
        assert links(graph) == {("a", "r", "b"), ("c", "r", "d")}
        assert graph.relation_aliases == {"r_inverse": (0, True)}

    def test_a_reverse_name_without_its_base_is_a_relation_of_its_own(self, write: WriteFiles) -> None:
        graph = load_path(write({"train.txt": "a\tgear_reverse\tb\n"}), "g")
        assert graph.relation_ids == ["gear_reverse"]
        assert links(graph, "train") == {("a", "gear_reverse", "b")}
        assert not graph.relation_aliases

    def test_the_twin_of_a_twin_runs_forward(self, write: WriteFiles) -> None:
        graph = load_path(write({"train.txt": "a\tr_reverse_reverse\tb\nb\tr_reverse\ta\nc\tr\td\n"}), "g")
        assert links(graph, "train") == {("a", "r", "b"), ("c", "r", "d")}
        assert graph.relation_aliases["r_reverse_reverse"] == (0, False)

    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 5))))
    def test_folding_keeps_exactly_the_facts(self, rows: list[tuple[int, int, int]]) -> None:
        names = ["r", "r_reverse", "s_reverse", "s"]
        triples = np.array(rows, dtype=np.int32).reshape(-1, 3)
        folded = fold_twins(names, names, names, {"graph": triples})
        facts = {(t, "r", h) if r == 1 else (t, "s", h) if r == 2 else (h, names[r], t) for h, r, t in rows}
        got = [(h, folded.ids[r], t) for h, r, t in folded.splits["graph"].tolist()]
        assert len(got) == len(facts)
        assert set(got) == facts

    @given(st.lists(st.tuples(*[st.integers(0, 3)] * 3)))
    def test_duplicates_are_dropped_in_order_of_appearance(self, rows: list[tuple[int, ...]]) -> None:
        triples = np.array(rows, dtype=np.int32).reshape(-1, 3)
        assert drop_duplicates(triples).tolist() == [list(row) for row in dict.fromkeys(rows)]


class TestSingleFile:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("g.TSV", "Paris\tcapital_of\tFrance\r\nRome\tcapital_of\tItaly\r\n"),
            ("g.csv", "relation, tail, head\ncapital_of, France, Paris\ncapital_of, Italy, Rome\n"),
            ("g.txt", "Paris\tcapital_of\tFrance\nRome\tcapital_of\tItaly\n"),
        ],
    )
    def test_each_format_gives_the_same_graph(self, write: WriteFiles, name: str, content: str) -> None:
        graph = load_path(write({name: content}) / name, "g")
        assert list(graph.splits) == ["graph"]
        assert links(graph, "graph") == {("Paris", "capital_of", "France"), ("Rome", "capital_of", "Italy")}

    def test_a_quoted_csv_field_may_hold_commas_quotes_and_newlines(self, write: WriteFiles) -> None:
        path = write({"g.csv": '"Washington, D.C.",nickname,"the ""District"""\n"two\nlines",r,x\n'}) / "g.csv"
        assert load_path(path, "g").entity_ids == ["Washington, D.C.", 'the "District"', "two\nlines", "x"]

    def test_quotes_mean_nothing_in_a_tab_separated_file(self, write: WriteFiles) -> None:
        path = write({"g.tsv": '"Heroes"\tby\tBowie\n'}) / "g.tsv"
        assert load_path(path, "g").entity_ids == ['"Heroes"', "Bowie"]

    def test_metaqa_s_complete_knowledge_base_goes_before_the_partial_one(self, write: WriteFiles) -> None:
        folder = write({"kb.txt": "Kismet|directed_by|Dieterle\nKismet|year|1944\n", "kb_partial.txt": "a|b|c\n"})
        graph = load_path(folder, "g")
        assert links(graph, "graph") == {("Kismet", "directed_by", "Dieterle"), ("Kismet", "year", "1944")}


ID_FILES: dict[str, str | bytes] = {"id2ent.tsv": "0\ta\n1\tb\n", "id2rel.tsv": "0\tr\n", "train.txt": "0 0 1\n"}


class TestBrokenFiles:
    @pytest.mark.parametrize(
        ("files", "name", "line", "expected"),
        [
            ({"train.txt": "a\tr\tb\na\tr\n"}, "train.txt", 2, "head, relation and tail separated by tabs (2 fields"),
            ({"train.txt": "a r b\n"}, "train.txt", 1, "(1 field here)"),
            ({"train.txt": "a\tr\tb\t\n"}, "train.txt", 1, "(4 fields here)"),
            ({"train.txt": "a\tr\tb\n\na\t\tb\n"}, "train.txt", 3, "none of them empty"),
            ({"train.txt": "a\tr\tb\n \t \t \n"}, "train.txt", 2, "none of them empty"),
            ({"train.txt": "a\tr\t5\tinteger\n"}, "train.txt", 1, "(4 fields here)"),
            ({"train.txt": ""}, "train.txt", None, "at least one triple"),
            ({"train.txt": "a\tr\tb\n", "valid.txt": "\n"}, "valid.txt", None, "at least one triple"),
            ({"train.txt": b"a\tr\tb\nCura\xe7ao\tr\tb\n"}, "train.txt", 2, "UTF-8"),
            ({"train.txt": b"\xef\xbb\xbfa\tr\tb\nCura\xe7ao\tr\tb\n"}, "train.txt", 2, "UTF-8"),
            ({"train.txt": "a\tr\tb\n", "entity2text.txt": "a\tA\nb B\n"}, "entity2text.txt", 2, "one tab"),
            ({"train.txt": "a\tr\tb\n", "types.json": '{\n"a": '}, "types.json", 2, "JSON"),
            ({"train.txt": "a\tr\tb\n", "types.json": "[]"}, "types.json", None, "JSON object"),
            ({"train.txt": "a\tr\tb\n", "types.json": '{"a": "b"}'}, "types.json", None, '"label"'),
            ({"train.txt": "a\tr\tb\n", "entity2types.json": '{"a": "b"}'}, "entity2types.json", None, "list of type"),
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
        ],
    )
    def test_the_error_names_file_line_and_expectation(
        self, write: WriteFiles, files: dict[str, str | bytes], name: str, line: int | None, expected: str
    ) -> None:
        with pytest.raises(DataError) as caught:
            load_path(write(files), "g")
        assert Path(caught.value.path).name == name
        assert caught.value.line == line
        assert expected in str(caught.value)

    @pytest.mark.parametrize(
        ("name", "content", "line", "expected"),
        [
            ("g.csv", 'a,r,b\n"two\nlines",r\n', 2, "separated by commas (2 fields here)"),
            ("g.csv", 'a,r,b\n"a"x,r,b\n', 2, "separated by commas"),
            ("g.csv", "head,relation,tail\n", None, "at least one triple"),
            ("g.tsv", "a,r,b\n", 1, "separated by tabs"),
            ("g.txt", "a r b\n", 1, "'|' or tabs"),
            ("g.rdf", "<a> <r> <b> .\n", None, ".tsv, .csv, .txt, .jsonl, .nt, .ttl"),
        ],
    )
    def test_so_does_that_of_a_single_file(
        self, write: WriteFiles, name: str, content: str, line: int | None, expected: str
    ) -> None:
        with pytest.raises(DataError) as caught:
            load_path(write({name: content}) / name, "g")
        assert caught.value.line == line
        assert expected in str(caught.value)

    def test_a_folder_of_no_known_form_says_what_is_known_and_what_was_found(self, write: WriteFiles) -> None:
        with pytest.raises(DataError, match=r"train\.txt.*id2ent\.tsv.*kb\.txt.*found 'graph\.bin, notes\.md'"):
            load_path(write({"notes.md": "", "graph.bin": ""}), "g")


class TestForms:
    @pytest.mark.parametrize(
        ("files", "form"),
        [
            (["train.txt"], "labelled"),
            (["train.txt", "id2ent.tsv", "id2rel.tsv"], "integer"),
            (["kb.txt"], "metaqa"),
            (["kb_partial.txt", "test.txt"], "metaqa"),
            (["test.txt"], None),
            ([], None),
        ],
    )
    def test_a_folder_is_known_by_its_files(self, write: WriteFiles, files: list[str], form: str | None) -> None:
        assert form_of(write(dict.fromkeys(files, ""))) == form

    def test_a_pickle_is_never_among_the_files_read(self, write: WriteFiles) -> None:
        folder = write(
            {"train.txt": "0\t0\t1\n", "id2ent.pkl": b"cos\nsystem\n(S'false'\ntR.", "train-queries.pkl": b""}
        )
        assert [path.name for path in files_read(folder)] == ["train.txt"]
        assert links(load_path(folder, "g"), "train") == {("0", "0", "1")}


class TestPublishedFolders:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("name", "entities", "relations", "triples"),
        [
            ("fb15k-237-q2b", 14_505, 237, {"train": 272_115, "valid": 17_526, "test": 20_438}),
            ("wn18rr/text", 41_105, 11, {"train": 86_835, "valid": 3_034, "test": 3_134}),
            ("codex-s", 2_034, 42, {"train": 32_888, "valid": 1_827, "test": 1_828}),
            ("umls", 135, 46, {"train": 5_216, "valid": 652, "test": 661}),
            ("metaqa", 42_796, 9, {"graph": 129_411}),
        ],
    )
    def test_counts_are_the_published_ones(
        self, data_root: Path, name: str, entities: int, relations: int, triples: dict[str, int]
    ) -> None:
        graph = load_path(data_root / "kg" / name, name)
        assert len(graph.entity_ids) == entities
        assert len(graph.relation_ids) == relations
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

    def test_every_entity_and_relation_of_fb15k_237_has_a_name(self, data_root: Path) -> None:
        graph = load_path(data_root / "kg" / "fb15k-237", "fb15k-237")
        assert not any(label.startswith("/m/") for label in graph.entity_labels)
        assert dict(zip(graph.entity_ids, graph.entity_labels, strict=True))["/m/0c94fn"] == "Gary Rydstrom"
        assert not any(label.startswith("/") for label in graph.relation_labels)

    @pytest.mark.slow
    def test_every_entity_of_codex_s_has_a_type(self, data_root: Path) -> None:
        graph = load_path(data_root / "kg" / "codex-s", "codex-s")
        assert {index for index, _ in graph.types} == set(range(len(graph.entity_ids)))
        assert sum(a != b for a, b in zip(graph.entity_ids, graph.entity_labels, strict=True)) >= 1_085
