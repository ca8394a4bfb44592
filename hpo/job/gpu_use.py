"""How much a leg uses its GPUs, over all looks at them; and when it is clear that it uses none.

Owns the sums, and how far the looks are apart. Pure: the time is given.
"""

from __future__ import annotations

from hpo.job.gpus import Reader

FIRST_S = 2.0  # from the start to the first look; then twice as long each time, up to
LAST_S, LAST_COSTLY_S = 30.0, 120.0
UNUSED_S = 300.0  # before it is said of a trial that it has used no GPU


class GpuUse:
    """The looks at the GPUs of one leg; `now` is in s, of any clock that only goes on."""

    def __init__(self, read: Reader, now: float, *, cheap: bool) -> None:
        self._read = read
        self._last_pause = LAST_S if cheap else LAST_COSTLY_S
        self._pause = FIRST_S
        self._started = self._looked = now
        self._weighted = self._weight = 0.0
        self._most_mb: int | None = None
        self._had_mb: int | None = None
        self._seems_unused = True
        self._knows = False

    @property
    def due(self) -> float:
        """When to look next."""
        return self._looked + self._pause

    def look(self, now: float) -> None:
        """Take a sample; it stands for the time since the one before."""
        samples = self._read()
        share, self._looked = now - self._looked, now
        self._pause = min(2 * self._pause, self._last_pause)
        uses = [sample.use for sample in samples if sample.use is not None]
        if uses:
            self._weighted += share * sum(uses) / len(uses)
            self._weight += share
        for sample in samples:
            if sample.mem_mb is not None and sample.mem_mb >= (self._most_mb or 0):
                self._most_mb, self._had_mb = sample.mem_mb, sample.mem_had_mb
        told = [s for s in samples if s.ours is not None or s.use is not None]
        self._knows = self._knows or bool(told)
        if len(told) < len(samples) or any(s.ours or s.use for s in told):
            self._seems_unused = False

    def unused_since_s(self, now: float) -> float | None:
        """For how long no GPU has been used, where that is long enough to be sure; else None."""
        for_s = now - self._started
        return for_s if self._knows and self._seems_unused and for_s >= UNUSED_S else None

    def told(self) -> tuple[float | None, int | None, int | None]:
        """Mean use (%), the most memory of one GPU and what that GPU has (MB); None: unknown."""
        mean = round(self._weighted / self._weight, 1) if self._weight > 0 else None
        return mean, self._most_mb, self._had_mb
