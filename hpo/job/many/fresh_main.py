"""A fresh interpreter for one trial of a seat, where a fork of the seat would not be safe.

Started by `many.seat`, with the claim that it is to run and what the seat knows of itself. Owns
nothing: what it does is `serving`'s, and how it tells the seat is `process`'s. A file of its
own, because it is the entry of a process.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from hpo.folder import offers
from hpo.folder.files import Layout
from hpo.folder.full_disk_output import log_to_standard_output
from hpo.folder.patience import Patience
from hpo.job.leave_flag import SIGNALS, LeaveFlag
from hpo.job.many.process import TRAINED, Note, work_and_exit
from hpo.job.orders import await_settings
from hpo.job.serving import Objective, Place, serve_leg
from hpo.seats.job_identity import JobIdentity
from hpo.seats.stay import Stay
from hpo.seats.wall_time import JobTime
from hpo.trial.stack_signal import show_stack_on_signal


def main(root: str, name: str, stay: str, job: str, parent: str, writing: str) -> None:
    """Run the claimed leg `name` of the campaign in `root` for the process `parent`, and exit."""
    log_to_standard_output()
    told = json.loads(job)
    this_job = JobIdentity(**told | {"time": JobTime(*told["time"])})
    flag = LeaveFlag(this_job.time.leave_at, early_s=this_job.time.early_s)
    flag.listen()
    show_stack_on_signal()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    layout = Layout(Path(root))

    def work(note: Note) -> None:
        claim = offers.parse(name)
        assert claim is not None, f"not the name of a claim: {name}"
        patience = Patience(leaving=flag.is_set)
        offer = patience.insist("the offer", lambda: offers.read_claim(layout, claim))
        settings = await_settings(layout, patience)
        place = Place(layout, settings, this_job, flag, patience)
        load = Objective(place.settings, list(offer["config"]))
        served = serve_leg(
            place, (claim, offer), load, Stay(**json.loads(stay)), lambda: note(TRAINED)
        )
        note(served._asdict())

    work_and_exit(work, int(writing), int(parent))


if __name__ == "__main__":
    main(*sys.argv[1:])
