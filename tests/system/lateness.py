"""How late a busy machine is: what a bound on time has to leave out of account."""
import threading
import time

NAP = 0.001
WAKE_UPS = 3  # one behind the other, of the processes that a measured time passes


class Lateness:
    """Sleeps again and again while it is watched (`with Lateness() as late`), as the processes do that are measured.
    `late.allowance`: seconds that they may have waited for a processor; next to none on a quiet machine."""

    def __init__(self):
        self.worst = 0.0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ended.is_set():
            start = time.monotonic()
            time.sleep(NAP)
            self.worst = max(self.worst, time.monotonic() - start - NAP)

    @property
    def allowance(self):
        return WAKE_UPS * self.worst

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
