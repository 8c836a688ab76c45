"""The worker process: reads messages for a server, one batch after another.

Run as ``python -m plugins.nlu_local.worker``. It ends when the server ends, for whatever reason:
then its standard input closes.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import BinaryIO

from .protocol import (
    EncoderUnavailable,
    EncodeTexts,
    LoadIntents,
    ReadMessages,
    UnusableModel,
    UsePhrases,
    WorkerReply,
    WorkerRequest,
    encode_frame,
    read_request,
)
from .reader import MessageReader


class ReaderWorker:
    """Answers the requests of the protocol."""

    def __init__(self) -> None:
        self._reader: MessageReader | None = None

    def serve(self, source: BinaryIO, sink: BinaryIO) -> None:
        """Answer requests until ``source`` ends."""
        while (request := read_request(source)) is not None:
            sink.write(encode_frame(self._answer(request)))
            sink.flush()

    def _answer(self, request: WorkerRequest) -> WorkerReply:
        try:
            return self._handle(request)
        except UnusableModel as error:
            return WorkerReply(id=request.id, error=str(error), unusable_model=True)
        except EncoderUnavailable as error:
            return WorkerReply(id=request.id, error=str(error))
        except Exception as error:  # noqa: BLE001  (the server logs it)
            # The text of the error may quote the message.
            return WorkerReply(id=request.id, error=type(error).__name__)

    def _handle(self, request: WorkerRequest) -> WorkerReply:
        if isinstance(request, LoadIntents | UsePhrases | ReadMessages | EncodeTexts):
            if self._reader is None:
                raise RuntimeError("the worker was asked to read before it was set up")
            if isinstance(request, ReadMessages):
                insights = self._reader.read_all(request.messages)
                return WorkerReply(id=request.id, insights=tuple(insights))
            if isinstance(request, EncodeTexts):
                embeddings = self._reader.encode(request.texts)
                return WorkerReply(id=request.id, embeddings=tuple(embeddings))
            if isinstance(request, UsePhrases):
                self._reader.use_phrases(request.custom_phrases)
            else:
                self._reader.load_intents(request.model)
        else:
            self._reader = MessageReader.load(request)
        return WorkerReply(id=request.id)


def main() -> None:
    # The server handles Ctrl-C: it finishes its work and then closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _yield_to_server()
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the frames
    try:
        ReaderWorker().serve(sys.stdin.buffer, sink)
    except BrokenPipeError:  # the server has ended, as when it could not start
        os.dup2(os.open(os.devnull, os.O_WRONLY), sink.fileno())  # for the rest of the buffer


def _yield_to_server() -> None:
    """Keep this process from preempting the server, which has other requests to accept. A batch
    takes milliseconds. (sched(7), "SCHED_BATCH"; Linux only.)"""
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):  # a sandbox may forbid it; then nothing changes
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


if __name__ == "__main__":
    main()
