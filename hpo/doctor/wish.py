"""What a campaign will ask of a cluster and of its folder, in the units of the checks. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hpo.units.sizes import Size

BLOCK_BYTES = 4096  # that a small file takes at least
FILES_A_CAMPAIGN = 40
FILES_A_TRIAL = 5  # folders, configuration, standing result
FILES_A_LEG = 5  # attempt, reports, result, log and a link to it
FILES_A_CHECKPOINT = 5
CHECKPOINTS_A_TRIAL = 2  # the newest, and one to fall back on


@dataclass(frozen=True, slots=True)
class Wish:
    """What one campaign will ask for.

    Attributes:
        at_once: jobs that are to run at once.
        queued: jobs that it keeps in SLURM at most.
        says_queued: whether the user set that, so that other jobs of theirs do not count.
        size: memory (MB) and time (min) of a job, None where nothing is asked for.
        cpus: of a job; None: asked for in another way.
        gpus: of a job.
        gpus_elsewhere: whether `extra` asks for GPUs in a way of its own.
        gpu_type: as the cluster names it; None: any.
        trials: of the campaign.
        legs: that they are expected to take.
        kept: trials whose checkpoints lie there at once, at most.
        checkpoint_interval: epochs between two checkpoints; 0: only when asked to leave.
    """

    at_once: int
    queued: int
    says_queued: bool
    size: Size
    cpus: int | None
    gpus: int
    gpus_elsewhere: bool
    gpu_type: str | None
    trials: int
    legs: int
    kept: int
    checkpoint_interval: int

    @property
    def files(self) -> int:
        """Files and folders that the campaign will make, about."""
        checkpoints = self.kept * CHECKPOINTS_A_TRIAL * FILES_A_CHECKPOINT
        trials = self.trials * FILES_A_TRIAL + self.legs * FILES_A_LEG
        return FILES_A_CAMPAIGN + trials + checkpoints

    def bytes(self, checkpoint_bytes: int | None) -> int:
        """What they take, about; `checkpoint_bytes` is the size of one checkpoint, if known."""
        checkpoints = self.kept * CHECKPOINTS_A_TRIAL * (checkpoint_bytes or 0)
        return self.files * BLOCK_BYTES + checkpoints
