"""Percentiles, spreads, ratios and the line that scripts read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.report import percentile, ratio, result, rounded, spread

numbers = st.floats(min_value=-1e6, max_value=1e6)


def test_percentiles_are_interpolated_between_neighbours():
    assert percentile([10.0, 20.0, 30.0, 40.0], 0.5) == 25.0
    assert percentile([40.0, 10.0, 30.0, 20.0], 0.95) == pytest.approx(38.5)


def test_one_value_is_every_percentile():
    assert percentile([7.0], 0.0) == percentile([7.0], 0.5) == percentile([7.0], 1.0) == 7.0


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], -0.1), ([1.0], 1.1)])
def test_what_has_no_percentile_is_refused(values, share):
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, share)


@given(st.lists(numbers, min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_percentiles_rise_with_their_share_and_stay_within_the_values(values, one, other):
    low, high = sorted((one, other))
    # Interpolation between equal neighbours may differ from them in the last bit.
    slack = 1e-9 * max(1.0, *(abs(value) for value in values))
    assert percentile(values, low) <= percentile(values, high) + slack
    assert min(values) - slack <= percentile(values, low) <= max(values) + slack


def test_the_spread_of_rounds():
    assert spread([90.0, 100.0, 120.0]) == {"min": 90.0, "median": 100.0, "max": 120.0, "width": 0.3}


def test_rounds_that_did_nothing_have_no_width():
    assert spread([0.0, 0.0])["width"] == 0.0


def test_a_ratio_needs_a_peer_that_did_something():
    assert ratio(15.0, 30.0) == 0.5
    with pytest.raises(ValueError, match="peer"):
        ratio(15.0, 0.0)


@pytest.mark.parametrize(
    ("value", "shown"), [(1234.5678, 1234.57), (0.123456, 0.123), (-0.0123456, -0.0123), (0, 0)]
)
def test_noise_is_not_printed_as_news(value, shown):
    assert rounded(value) == shown


def test_json_is_one_line(capsys):
    result({"a": {"b": [1, 2]}, "c": "line\nbreak"}, as_json=True)
    written = capsys.readouterr()
    assert written.err == ""
    assert written.out.count("\n") == 1
    assert json.loads(written.out) == {"a": {"b": [1, 2]}, "c": "line\nbreak"}


def test_for_people_each_figure_has_a_line(capsys):
    result({"p50_ms": 1.5, "cores": 2}, as_json=False)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["p50_ms", "1.5"],
        ["cores", "2"],
    ]
