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
    assert len(lines) == 2 * SHOWN + 1 and lines[-1] == "... and 7 more such as the last: too dark"


def test_messages_that_differ_in_their_numbers_say_the_same():
    lines = []
    messages = RepeatedMessages(lines.append)
    for number in range(SHOWN + 3):
        messages.add("a.tif", f"a.tif: 75% of the pixels lie below 0.{number:02d}, in training below 0.6")
    messages.close()
    assert lines[-1] == "... and 3 more such as the last: 75% of the pixels lie below 0.07, in training below 0.6"
    assert len(lines) == SHOWN + 1
