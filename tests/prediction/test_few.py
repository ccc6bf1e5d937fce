"""Lines about many images."""

from pipeline.prediction.few import SHOWN, Few


def test_what_is_said_of_many_is_said_a_few_times_and_counted():
    lines = []
    few = Few(lines.append)
    for number in range(SHOWN + 7):
        few.add(f"{number}.png", f"{number}.png: too dark")
        if number < SHOWN:
            few.add(f"{number}.png", f"{number}.png: no colour {number % 2}")
    few.close()
    assert lines[:2] == ["0.png: too dark", "0.png: no colour 0"]
    assert len(lines) == 2 * SHOWN + 1 and lines[-1] == "... and 7 more: too dark"
