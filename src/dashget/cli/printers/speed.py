"""How fast a number grows, over the last seconds."""

from __future__ import annotations

from collections import deque

_WINDOW_SECONDS = 5.0


class Speed:
    """The growth of a number per second. Give it readings, each with its time."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, int]] = deque()

    def add(self, now: float, value: int) -> None:
        """Add a reading; those of more than five seconds ago are forgotten."""
        readings = self._readings
        readings.append((now, value))
        while readings[0][0] < now - _WINDOW_SECONDS and len(readings) > 2:
            readings.popleft()

    @property
    def per_second(self) -> float:
        """The growth per second; 0 before the second reading."""
        if len(self._readings) < 2:
            return 0.0
        (first_time, first), (last_time, last) = self._readings[0], self._readings[-1]
        return (last - first) / (last_time - first_time) if last_time > first_time else 0.0
