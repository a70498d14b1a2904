from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision.video.actions.features import Labels, Run, measured, runs_of

PUBLISHED = {
    ("50salads-mid", "SVM"): (53.7, 21.1, 27.1, 21.0, 13.9),
    ("50salads-mid", "ED-TCN"): (64.4, 60.5, 67.7, 63.5, 52.4),
    ("50salads-eval", "ED-TCN"): (74.0, 73.2, 77.6, 75.6, 66.1),
    ("gtea", "DilatedTCN"): (60.7, 51.9, 59.3, 52.1, 38.5),
    ("jigsaws-suturing", "video-ED-TCN"): (80.3, 84.5, 88.8, 87.0, 79.3),
}
"""The measured rows of the shared data's own table."""


def labels(text: str) -> Labels:
    return np.array([int(digit) for digit in text])


def test_runs_are_all_frames_in_order() -> None:
    assert runs_of(labels("0011102")) == [Run(0, 0, 2), Run(1, 2, 5), Run(0, 5, 6), Run(2, 6, 7)]
    assert runs_of(labels("")) == []


def test_what_is_right_measures_100() -> None:
    truth = [labels("0011122"), labels("33300")]
    figures = measured(truth, truth, background=0)
    assert (figures.accuracy, figures.edit, figures.f1) == (100, 100, (100, 100, 100))


def test_the_edit_score_counts_segments_and_no_frames() -> None:
    truth, predicted = [labels("1111222233")], [labels("1122222233")]
    assert measured(truth, predicted, None).edit == 100
    assert measured(truth, predicted, None).accuracy == 80
    # 1 2 1 2 3 for 1 2 3: two of five have to go.
    assert measured(truth, [labels("1121222233")], None).edit == pytest.approx(60)


def test_the_edit_score_is_a_mean_over_videos_and_f1_is_pooled() -> None:
    truth = [labels("1111"), labels("1212")]
    predicted = [labels("1111"), labels("3333")]
    figures = measured(truth, predicted, None)
    assert figures.edit == 50
    assert figures.f1[0] == pytest.approx(100 * 2 * 1 / (2 * 1 + 1 + 4))


@pytest.mark.parametrize(
    ("predicted", "f1"),
    [
        ("1111000000", (100, 100, 100)),  # IoU 4/8
        ("1110000000", (100, 100, 0)),  # 3/8
        ("1000000000", (100, 0, 0)),  # 1/8
        ("0000000011", (0, 0, 0)),
    ],
)
def test_a_segment_is_found_from_an_iou_on(predicted: str, f1: tuple[float, ...]) -> None:
    assert measured([labels("1111111100")], [labels(predicted)], background=0).f1 == f1


def test_one_true_segment_is_found_once() -> None:
    figures = measured([labels("1111111111")], [labels("1111101111")], background=0)
    assert figures.f1[0] == pytest.approx(100 * 2 / (2 + 1))


def test_background_counts_for_frames_alone() -> None:
    truth, predicted = [labels("0011000")], [labels("0211020")]
    with_background = measured(truth, predicted, None)
    without = measured(truth, predicted, background=0)
    assert with_background.accuracy == without.accuracy == pytest.approx(100 * 5 / 7)
    assert without.edit == pytest.approx(100 / 3)
    assert with_background.edit == 50


def test_figures_bear_the_names_of_the_field() -> None:
    assert list(measured([], [], None).to_dict()) == ["acc", "edit", "F1@10", "F1@25", "F1@50"]


@pytest.mark.parametrize(("data_set", "baseline"), PUBLISHED)
def test_published_predictions_measure_what_they_did(data_root: Path, data_set: str, baseline: str) -> None:
    truth: list[Labels] = []
    predicted: list[Labels] = []
    paths = sorted((data_root / "actions" / data_set).glob("split_*.npz"))
    if not paths:
        pytest.skip("the data folder has no actions/")
    for path in paths:
        with np.load(path) as arrays:
            bounds = np.cumsum(arrays[f"{baseline}/lengths"])[:-1]
            truth += np.split(arrays[f"{baseline}/Y"], bounds)
            predicted += np.split(arrays[f"{baseline}/P"], bounds)
    figures = measured(truth, predicted, None if data_set.startswith("jigsaws") else 0).to_dict()
    assert tuple(round(value, 1) for value in figures.values()) == PUBLISHED[data_set, baseline]
