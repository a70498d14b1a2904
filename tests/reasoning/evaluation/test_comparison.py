"""Two results files compared, how they are read back, and pictures of them."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from scipy.stats import binomtest, permutation_test  # type: ignore[import-untyped]

from reasoning.cli import main
from reasoning.errors import EvaluationError
from reasoning.evaluation.comparison import Comparison, compare
from reasoning.evaluation.metrics import LARK_METRICS, SET_METRICS, p_value
from reasoning.evaluation.plot import COLOURS, plot, save_plot
from reasoning.evaluation.results import Results, labels_of, read_results, summary_path
from reasoning.evaluation.runs import QueryEvaluation, QuestionEvaluation
from reasoning.query.records import STRUCTURES
from skylark.errors import DataError, ResultsError
from skylark.files import Line
from tests.reasoning.evaluation.conftest import ranked, write

Captured = pytest.CaptureFixture[str]


def compared(folder: Path, a: list[Line], b: list[Line], worst: int = 0) -> Comparison:
    first, second = write(folder / "a.jsonl", a), write(folder / "b.jsonl", b)
    return compare(read_results(first), read_results(second), ["mrr"], worst)


class TestThePairedTest:
    @given(st.lists(st.sampled_from([-1.0, -0.5, -0.25, 0.0, 0.25, 0.75]), min_size=2, max_size=12))
    def test_of_few_pairs_it_is_exact(self, differences: list[float]) -> None:
        expected = permutation_test(
            (np.array(differences),),
            lambda x, axis: np.sum(x, axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=np.inf,
        )
        assert p_value(differences, "2p") == pytest.approx(expected.pvalue)

    def test_of_right_and_wrong_it_is_the_exact_form_of_mcnemars_test(self) -> None:
        assert p_value([1.0] * 9 + [-1.0] * 2 + [0.0] * 40, "2p") == pytest.approx(binomtest(2, 11).pvalue)
        many = [1.0] * 40 + [-1.0] * 25  # signs are flipped at random
        assert p_value(many, "2p") == pytest.approx(binomtest(25, 65).pvalue, abs=0.01)
        assert p_value(many, "2p") == p_value(many, "2p")
        assert p_value([0.3] * 500, "2p") == 1 / 10_000
        assert p_value([0.0, 1e-15], "2p") == 1.0


class TestTwoFiles:
    def test_queries_are_matched_by_their_ids(self, tmp_path: Path) -> None:
        a, b = ranked("2p", [0.1, 0.2, 0.3, 0.4]), ranked("2p", [0.6, 0.2, 0.9])
        found = compared(tmp_path, a, [*b[1:], *ranked("3p", [1.0])])
        assert (found.count, found.only_a, found.only_b) == (2, 2, 1)
        row = found.metrics["mrr"]["2p"]
        assert (row.a, row.b, row.difference) == pytest.approx((0.25, 0.55, 0.3))
        assert (row.won, row.lost, row.tied) == (1, 0, 1)
        assert "3p" not in found.metrics["mrr"]

    def test_a_small_difference_is_certain_where_the_pairs_agree_and_one_by_chance_is_not(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        values, others = rng.random(100), rng.random(100)
        found = compared(tmp_path, ranked("2p", values.tolist()), ranked("2p", (values + 0.01).tolist()))
        row = found.metrics["mrr"]["2p"]
        assert row.interval == pytest.approx([0.01, 0.01]) and row.p == 1 / 10_000
        found = compared(tmp_path, ranked("2p", values.tolist()), ranked("2p", others.tolist()))
        row = found.metrics["mrr"]["2p"]
        assert row.interval is not None and row.interval[0] < 0 < row.interval[1] and row.p > 0.05

    def test_averages_weigh_types_alike_and_one_query_has_no_interval(self, tmp_path: Path) -> None:
        a = [*ranked("1p", [0.0] * 10), *ranked("2p", [0.0] * 2), *ranked("2in", [0.5, 0.5])]
        b = [*ranked("1p", [1.0] * 10), *ranked("2p", [0.0] * 2), *ranked("2in", [0.25, 0.25])]
        rows = compared(tmp_path, a, b).metrics["mrr"]
        assert rows["avg_p"].difference == 0.5 and rows["avg_n"].difference == -0.25
        assert (rows["avg_p"].won, rows["avg_p"].tied) == (10, 2)
        row = compared(tmp_path, ranked("2p", [0.1]), ranked("2p", [0.2])).metrics["mrr"]["2p"]
        assert row.interval is None and row.p == 1.0

    def test_the_largest_changes_stand_first_and_losses_before_gains(self, tmp_path: Path) -> None:
        found = compared(tmp_path, ranked("2p", [0.5, 0.5, 0.5, 0.5]), ranked("2p", [0.6, 1.0, 0.0, 0.5]), worst=9)
        assert [change.id for change in found.changes] == ["test-2p:2", "test-2p:1", "test-2p:0"]

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"split": "valid"}, 'cannot be compared: split "test" and "valid"'),
            ({"queries_digest": "2"}, r'queries files \(by their content\) "1" and "2"'),
            ({"protocol": "reading"}, 'protocol "hard" and "reading"'),
        ],
    )
    def test_answers_to_others_are_refused(self, tmp_path: Path, changed: dict[str, Any], message: str) -> None:
        lines = ranked("2p", [0.1])
        names = ("exact_match", "precision", "recall", "f1", "lark_mrr", "lark_hits@1", "lark_hits@3", "lark_hits@10")
        both = [line | dict.fromkeys(names, 0.5) for line in lines]
        a, b = write(tmp_path / "a.jsonl", both), write(tmp_path / "b.jsonl", both, **changed)
        with pytest.raises(EvaluationError, match=message):
            compare(read_results(a), read_results(b))

    def test_files_without_a_common_query_or_metric_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(EvaluationError, match="no query in common"):
            compared(tmp_path, ranked("1p", [0.1]), ranked("2p", [0.1]))
        results = read_results(tmp_path / "b.jsonl")
        with pytest.raises(EvaluationError, match=r"no metric 'f1'; it has mrr, hits@1, hits@3, hits@10"):
            compare(results, results, ["f1"])

    def test_settings_that_differ_are_listed_but_not_what_follows_from_the_method(self, tmp_path: Path) -> None:
        a, b = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
        write(a, ranked("2p", [0.1]))
        write(b, ranked("2p", [0.1]), method="lark", llm="copy", prompting="step", limit=5, queries="/moved")
        differing = {"method": ("exact", "lark"), "llm": (None, "copy"), "limit": (None, 5)}
        assert compare(read_results(a), read_results(b)).settings == differing


class TestReadingBack:
    def test_a_line_cut_short_is_left_out(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", ranked("2p", [0.1, 0.2]), complete=False)
        path.write_bytes(path.read_bytes()[:-4])
        results = read_results(path)
        assert len(results.lines) == 1 and not results.complete

    def test_a_file_without_its_summary_is_none(self, tmp_path: Path) -> None:
        path = write(tmp_path / "a.jsonl", ranked("2p", [0.1]))
        for content in (None, "{}", '{"settings": {"protocol": "other"}, "complete": true}'):
            summary_path(path).unlink()
            if content is not None:
                summary_path(path).write_text(content)
            with pytest.raises(EvaluationError, match="is no results file of `evaluate --out`"):
                read_results(path)
            summary_path(path).touch()

    def test_an_edited_line_and_a_query_that_is_there_twice_are_named(self, tmp_path: Path) -> None:
        edits: tuple[dict[str, Any], ...] = ({"mrr": "high"}, {"mrr": None}, {"mrr": math.nan}, {"type": "9p"})
        for edit in (*edits, {"type": ["2p"]}, {"id": {}}):
            path = write(tmp_path / "a.jsonl", [ranked("2p", [0.1])[0] | edit])
            with pytest.raises(DataError, match=r"a\.jsonl, line 1: expected a line with id, type and numbers for mrr"):
                read_results(path)
        path = write(tmp_path / "a.jsonl", ranked("2p", [0.1, 0.2]) + ranked("2p", [0.3]))
        with pytest.raises(DataError, match=r"a\.jsonl, line 3: expected each query once, found 'test-2p:0'"):
            read_results(path)

    def test_labels_tell_the_files_apart(self, tmp_path: Path) -> None:
        def labels(*names: str) -> list[str]:
            settings: dict[str, dict[str, Any]] = {
                name: {"method": "lark", "llm": "copy", "prompting": name} for name in ("step", "whole")
            }
            files = [write(tmp_path / f"{name}.jsonl", ranked("2p", [0.1]), **settings.get(name, {})) for name in names]
            return labels_of([read_results(path) for path in files])

        assert labels("step") == ["lark, copy"]
        assert labels("exact", "step") == ["exact", "lark, copy"]
        assert labels("step", "whole") == ["prompting step", "prompting whole"]
        assert labels("exact", "again") == ["exact", "again"]


class TestTheCommand:
    @pytest.fixture
    def files(self, dataset: Path, tmp_path: Path) -> tuple[str, str]:
        exact, copy = tmp_path / "exact.jsonl", tmp_path / "copy.jsonl"
        queries = dataset / "queries/test-2i.jsonl"
        QueryEvaluation(dataset, queries, "reading").run(exact)
        QueryEvaluation(dataset, queries, "reading", method="lark", llm="copy").run(copy)
        return str(exact), str(copy)

    def test_it_prints_a_table_for_each_metric_or_one_object(self, files: tuple[str, str], capsys: Captured) -> None:
        assert main(["compare", *files, "--metric", "f1", "--metric", "lark_mrr", "--worst", "1"]) == 0
        out, err = capsys.readouterr()
        assert err == "" and f"B: {files[1]} (lark, copy)" in out and "6 queries in both" in out
        assert "LARK's own released metrics" in out and "\nlark_mrr*  queries" in out
        assert "largest changes in f1" in out and "the relation 1 of entity 25" in out
        assert main(["compare", *files, "--json", "--worst", "2"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["count"] == 6 and found["metrics"].keys() == {"f1", "exact_match"}
        row = found["metrics"]["f1"]["2i"]
        assert row.keys() == {"a", "b", "difference", "interval", "p", "won", "lost", "tied"}
        assert row["difference"] < 0 and row["lost"] > 0
        assert all(change["text"] for change in found["changes"])

    def test_a_stopped_run_is_compared_with_a_warning_and_another_split_refused(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: Captured
    ) -> None:
        a = write(tmp_path / "a.jsonl", ranked("2p", [0.1, 0.2]))
        b = write(tmp_path / "b.jsonl", ranked("2p", [0.1]), complete=False, kg_digest="other")
        assert main(["compare", str(a), str(b)]) == 0
        assert f"{b} is of a run that has not come to its end" in caplog.text
        assert "different graphs" in caplog.text
        a = write(tmp_path / "a.jsonl", ranked("2p", [0.1]))
        b = write(tmp_path / "b.jsonl", ranked("2p", [0.1]), split="valid")
        assert main(["compare", str(a), str(b)]) == 2
        assert "cannot be compared" in capsys.readouterr().err

    def test_questions_are_compared_overall(self, tmp_path: Path, capsys: Captured) -> None:
        graph, asked, out = (tmp_path / name for name in ("family.tsv", "questions.txt", "out.jsonl"))
        graph.write_text("Ann\tparent\tBob\nAnn\tparent\tCleo\n")
        asked.write_text("parent of Ann\tBob|Cleo\nnonsense ???\tBob\n")
        QuestionEvaluation(graph, asked).run(out)
        assert main(["compare", str(out), str(out)]) == 0
        assert "2 questions in both" in capsys.readouterr().out


EACH = [0.0, 0.25, 0.5, 1.0]


@pytest.fixture
def every_type(tmp_path: Path) -> Results:
    lines = [line for kind in STRUCTURES for line in ranked(kind, EACH)]
    return read_results(write(tmp_path / "every.jsonl", lines, kg="/data/nell995-betae"))


def parts(figure: Figure) -> tuple[Axes, list[BarContainer]]:
    axes = figure.axes[0]
    return axes, [bars for bars in axes.containers if isinstance(bars, BarContainer)]


def ticks(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_xticklabels()]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.slow
def test_bars_are_the_means_and_whiskers_the_intervals(every_type: Results) -> None:
    axes, (bars,) = parts(plot([every_type], "mrr"))
    assert ticks(axes) == [*STRUCTURES, "avg_p", "avg_n"]
    assert [bar.get_height() for bar in bars.patches] == pytest.approx([0.4375] * 16)
    assert bars.errorbar is not None
    whiskers = [segment[:, 1].tolist() for segment in bars.errorbar.lines[2][0].get_segments()]
    bounds = every_type.tally.intervals()
    expected = [bounds["per_type"][kind]["mrr"] for kind in STRUCTURES]
    expected += [bounds["avg_p"]["mrr"], bounds["avg_n"]["mrr"]]
    assert [end for whisker in whiskers for end in whisker] == pytest.approx([end for pair in expected for end in pair])


@pytest.mark.slow
def test_it_is_labelled_from_the_settings_and_larks_metrics_are_explained(every_type: Results, tmp_path: Path) -> None:
    other = read_results(write(tmp_path / "o.jsonl", ranked("2p", EACH), method="lark", llm="openai:gpt-$5_x$"))
    figure = plot([every_type, other])
    axes, bars = parts(figure)
    assert legend(figure) == ["exact", "lark, openai:gpt-$5_x$"]
    assert legend(plot([every_type, other], labels=["one", "_two"])) == ["one", " _two"]
    assert figure.legends[0].get_title().get_text() == "nell995-betae: protocol hard, test queries"
    assert axes.get_ylabel() == "mrr, 95% interval"
    assert [len(container.patches) for container in bars] == [16, 2]
    values = dict.fromkeys((*SET_METRICS, *LARK_METRICS), 0.5)
    lines = [line | values for line in ranked("2p", EACH)]
    axes, _ = parts(plot([read_results(write(tmp_path / "l.jsonl", lines, protocol="reading"))], "lark_hits@3"))
    assert axes.get_ylabel() == "lark_hits@3*, 95% interval"
    assert "LARK's own released metrics" in axes.get_xlabel()


@pytest.mark.slow
def test_six_files_with_long_names_stay_inside_the_picture(tmp_path: Path) -> None:
    names = [f"_{number}:{'long-name-' * 9}" for number in range(len(COLOURS))]
    made = [write(tmp_path / f"{name[:2]}.jsonl", ranked("2p", EACH), method="lark", llm=name) for name in names]
    files = [read_results(path) for path in made]
    figure = plot(files)
    figure.canvas.draw()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width
    assert len(legend(figure)) == len(files)
    axes, bars = parts(figure)
    assert len({container.patches[0].get_facecolor() for container in bars}) == len(files)
    assert axes.get_window_extent().height > 0.4 * figure.bbox.height


@pytest.mark.slow
def test_a_type_that_one_file_lacks_has_no_bar_there(tmp_path: Path) -> None:
    a = read_results(write(tmp_path / "a.jsonl", [*ranked("1p", EACH), *ranked("2in", [0.5])]))
    b = read_results(write(tmp_path / "b.jsonl", ranked("1p", EACH)))
    axes, (first, second) = parts(plot([a, b]))
    assert ticks(axes) == ["1p", "2in", "avg_p", "avg_n"]
    assert (len(first.patches), len(second.patches)) == (4, 2)


@pytest.mark.slow
@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_same_results_give_the_same_file(every_type: Results, tmp_path: Path, ending: str, start: bytes) -> None:
    pictures = [tmp_path / f"{name}.{ending}" for name in "ab"]
    for picture in pictures:
        save_plot([every_type], picture)
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    assert pictures[0].read_bytes().startswith(start)


@pytest.mark.slow
def test_what_cannot_be_drawn_is_refused(every_type: Results, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"p\.jpeg is no picture that can be drawn; .* \.png, \.svg, \.pdf"):
        save_plot([every_type], tmp_path / "p.jpeg")
    with pytest.raises(EvaluationError, match="no metric 'f1'; it has mrr"):
        save_plot([every_type], tmp_path / "p.png", "f1")
    assert not (tmp_path / "p.jpeg").exists() and not (tmp_path / "p.png").exists()
    with pytest.raises(EvaluationError, match="1 to 6 results files, not 7"):
        plot([every_type] * 7)
    other = read_results(write(tmp_path / "o.jsonl", ranked("2p", EACH), split="valid"))
    with pytest.raises(EvaluationError, match='split "test" and "valid"'):
        plot([every_type, other])
    with pytest.raises(ResultsError, match=r"cannot write .*missing/p\.png: No such file"):
        save_plot([every_type], tmp_path / "missing/p.png")


@pytest.mark.slow
def test_the_command_draws_and_says_where(
    every_type: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "p.png"
    assert main(["plot", str(every_type.path), "--metric", "hits@10", "--out", str(picture)]) == 0
    assert capsys.readouterr().out == f"{picture}\n" and picture.stat().st_size > 5000
