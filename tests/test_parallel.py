"""Work on all cores: in order, and quiet when it is interrupted."""

import os
import signal
import subprocess
import sys
import threading
import time

from threadpoolctl import threadpool_info

from pipeline.parallel import on_all_cores, on_all_threads
from tests.ctrl_c import hears_ctrl_c

SLOW = """
import time
from pipeline.errors import plain_errors
from pipeline.parallel import on_all_cores
if __name__ == "__main__":
    with plain_errors(), on_all_cores() as several:
        print("started", flush=True)
        list(several(time.sleep, [0.1] * 1000))
"""


def test_results_come_in_order():
    for worthwhile in (False, True):
        with on_all_cores(worthwhile) as several:
            assert list(several(abs, range(-20, 0))) == list(range(20, 0, -1))


def test_threads_give_results_in_order_and_keep_linear_algebra_to_themselves():
    def blas():
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    before = blas()
    with on_all_threads(3) as several:
        assert list(several(abs, range(-20, 0))) == list(range(20, 0, -1))
        assert set(blas()) == {1}
    assert blas() == before


def test_only_the_cores_that_the_process_may_use_are_used(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0}, raising=False)
    with on_all_threads() as several:
        assert len(set(several(lambda _: time.sleep(0.05) or threading.get_ident(), range(4)))) == 1


def test_ctrl_c_prints_one_word(tmp_path):
    script = tmp_path / "slow.py"
    script.write_text(SLOW)
    for seconds in (0.2, 2.5):  # while the processes start, and once they work
        process = subprocess.Popen(
            [sys.executable, script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=hears_ctrl_c,
            env=os.environ | {"PYTHONPATH": "."},
        )
        assert process.stdout.readline() == b"started\n"
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (1, b"interrupted\n")
