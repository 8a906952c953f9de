"""Debug records of the events of a run."""

from __future__ import annotations

from dashget.common.log import Log
from dashget.events import Event, FileStarted, Observer, Progressed


class LoggingObserver:
    """Records each event, and passes it on; ``transfer`` records starts and progress itself."""

    def __init__(self, observer: Observer, log: Log) -> None:
        self._observer = observer
        self._log = log

    def __call__(self, event: Event, /) -> None:
        if not isinstance(event, Progressed | FileStarted):
            self._log.debug(repr(event))
        self._observer(event)
