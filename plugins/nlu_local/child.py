"""``python -m plugins.nlu_local.child``: reads messages for a server, one batch after the other.

It ends when the server does, however that ends: then there is nothing more to read.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from .encoder import Encoder
from .failures import BadModel, NoEncoder
from .intent import IntentModel
from .readers import Readers
from .wire import Asked, Learn, Setup, Told, asked, frame


class Child:
    """Does what it is asked, and tells."""

    def __init__(self) -> None:
        self._readers: Readers | None = None
        self._intents: IntentModel | None = None

    def serve(self, source: BinaryIO, sink: BinaryIO) -> None:
        """Until ``source`` ends."""
        while (what := asked(source)) is not None:
            sink.write(frame(self._answer(what)))
            sink.flush()

    def _answer(self, what: Asked) -> Told:
        try:
            return self._do(what)
        except BadModel as error:
            return Told(id=what.id, error=str(error), unusable=True)
        except NoEncoder as error:
            return Told(id=what.id, error=str(error))
        except Exception as error:  # noqa: BLE001  (told to the server, which logs it)
            # Its own words may quote the message.
            return Told(id=what.id, error=type(error).__name__)

    def _do(self, what: Asked) -> Told:
        if isinstance(what, Setup):
            encoder = Encoder(what.semantic) if what.semantic else None
            self._readers = Readers(
                what.languages,
                closed=what.closed,
                encoder=encoder,
                services=what.services,
                folder=what.folder,
            )
            return Told(id=what.id)
        if isinstance(what, Learn):
            encoder = self._readers.encoder if self._readers else None
            self._intents = IntentModel.load(Path(what.model), encoder) if what.model else None
            return Told(id=what.id)
        if self._readers is None:
            raise RuntimeError("asked to read before there are readers")
        return Told(id=what.id, insights=tuple(self._readers.read_all(what.said, self._intents)))


def main() -> None:
    # Ctrl-C is for the server, which finishes what it has begun and then closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _give_way()
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the frames
    try:
        Child().serve(sys.stdin.buffer, sink)
    except BrokenPipeError:  # the server has gone, as when it could not start: nobody is waiting
        os.dup2(os.open(os.devnull, os.O_WRONLY), sink.fileno())  # for what is still to be flushed


def _give_way() -> None:
    """Being asked must not push the server off its processor: it has others to hear, and what
    this process does takes milliseconds (sched(7), "SCHED_BATCH"; Linux alone)."""
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):  # a sandbox may not let us; then all is as it was
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


if __name__ == "__main__":
    main()
