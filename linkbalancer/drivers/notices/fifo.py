"""A named pipe with Keepalived's lines, for programs that were written for those.

The writing end is opened only while somebody reads: what nobody has read is still ours, in order and merged, and a
reader that comes late gets how things are, not how they were. One write is one line (PIPE_BUF), or none of it.
"""

import errno
import os
import stat
from contextlib import suppress

from linkbalancer.drivers.notices.outcome import Outcome
from linkbalancer.engine.news import News

LONGEST = 4096
"""Bytes of a line: what a pipe takes as a whole (PIPE_BUF)."""


class Fifo:
    """One pipe.

    Args:
        path: where it is; it is made there if nothing is.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd: int | None = None

    def tell(self, line: str) -> Outcome:
        """Write one line."""
        try:
            data = line.encode(errors="replace")
            if len(data) > LONGEST:
                return Outcome(good=False, text=f"a line of {len(data)} bytes is too long for a pipe")
            if self._fd is None:
                self._fd = self._open()
            os.write(self._fd, data)
        except BlockingIOError:
            return Outcome(good=False, text="its reader does not read", away=True)
        except BrokenPipeError:
            self.close()
            return Outcome(good=False, text="its reader is gone", away=True)
        except OSError as error:
            self.close()
            if error.errno == errno.ENXIO:
                return Outcome(good=False, text="nobody reads it", away=True)
            return Outcome(good=False, text=f"{self._path}: {error.strerror or error}")
        return Outcome(good=True, text="written")

    def close(self) -> None:
        """Close the writing end."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self) -> int:
        """Open the writing end; raises OSError, ENXIO while nobody reads."""
        with suppress(FileExistsError):
            os.mkfifo(self._path, 0o600)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is no named pipe; remove it, or name another place", self._path)
        return descriptor


def keepalived_line(news: News, name: str | None = None) -> str:
    """Return a line as Keepalived writes it; `name` in place of the subject's own."""
    kind, subject, state, priority = news.of_keepalived()
    return f'{kind} "{name or subject}" {state} {priority}\n'
