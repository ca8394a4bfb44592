"""What some campaign will ask for."""

from hpo.doctor.wish import Wish
from hpo.units.sizes import Size

WISH = Wish(
    at_once=8,
    queued=100,
    says_queued=True,
    size=Size(4096, 120),
    cpus=1,
    gpus=1,
    gpus_elsewhere=False,
    gpu_type=None,
    trials=100,
    legs=100,
    kept=9,
    checkpoint_interval=1,
)
