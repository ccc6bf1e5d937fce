from hypothesis import given
from hypothesis import strategies as st

from pipeline.datasets.sources.listing import entries, natural


def test_entries_hide_what_desktops_leave_behind(tmp_path):
    assert entries(tmp_path) == []
    for name in ("b.png", ".DS_Store", "Thumbs.db", "desktop.ini", "a.png"):
        (tmp_path / name).touch()
    assert [path.name for path in entries(tmp_path)] == ["a.png", "b.png"]


@given(st.lists(st.integers(0, 10**6)), st.text(max_size=5))
def test_natural_order_is_the_order_of_the_numbers(numbers, prefix):
    names = [f"{prefix}-{number}.png" for number in numbers]
    assert sorted(names, key=natural) == [f"{prefix}-{number}.png" for number in sorted(numbers)]


@given(st.lists(st.text()))
def test_natural_order_sorts_any_names(names):
    assert sorted(sorted(names, key=natural, reverse=True), key=natural) == sorted(names, key=natural)
