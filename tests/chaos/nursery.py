"""Brings nodes into the world in no time: a process that has imported everything forks one for each line it reads.

Run as `python -m tests.chaos.nursery`. It tells, as lines of JSON, who was born and who died of what; nodes add when
they are ready. When its standard input ends, all of them do.
"""

import os
import selectors
import signal
import sys

from tests.chaos.node import NodeSettings, serve, tell, warm_up


def main() -> None:
    """Fork until standard input ends."""
    warm_up()
    lifeline, held = os.pipe()
    awake, waker = os.pipe()
    for end in (awake, waker):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker)
    waiting = selectors.DefaultSelector()
    waiting.register(sys.stdin.fileno(), selectors.EVENT_READ)
    waiting.register(awake, selectors.EVENT_READ)
    text = b""
    while True:
        for key, _ in waiting.select():
            if key.fd == awake:
                os.read(awake, 4096)
                _bury()
                continue
            chunk = os.read(sys.stdin.fileno(), 65_536)
            if not chunk:
                return
            *lines, text = (text + chunk).split(b"\n")
            for line in lines:
                if os.fork() == 0:
                    _live(line, lifeline, (held, awake, waker))
                    return


def _live(line: bytes, lifeline: int, others: tuple[int, ...]) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for end in others:
        os.close(end)
    settings = NodeSettings.from_line(line)
    tell(born=settings.port)
    serve(settings, lifeline)


def _bury() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        tell(died=pid, code=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
