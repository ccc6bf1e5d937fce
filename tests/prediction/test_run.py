"""Messages about many images."""

from pipeline.prediction.run import SHOWN, RepeatedMessages


def test_a_message_about_many_files_is_shown_a_few_times_and_counted():
    lines = []
    messages = RepeatedMessages(lines.append)
    for number in range(SHOWN + 7):
        messages.add(f"{number}.png", f"{number}.png: too dark")
        if number < SHOWN:
            messages.add(f"{number}.png", f"{number}.png: no colour")
    messages.close()
    assert lines[:2] == ["0.png: too dark", "0.png: no colour"]
    assert len(lines) == 2 * SHOWN + 1 and lines[-1] == "... and 7 more: too dark"
