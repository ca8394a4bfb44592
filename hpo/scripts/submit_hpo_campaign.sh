#!/bin/bash
# The manager of a campaign as a small SLURM job of its own:
#
#     sbatch hpo/scripts/submit_hpo_campaign.sh --config mlp_example
#
# Everything behind the script's name goes to main_hpo.py. It runs from the folder where sbatch was
# called; its log is hpo_manager_<job>.out there. Options given to sbatch before the script's name
# win over the lines below: sbatch --partition=nonpre --time=1-00:00:00 hpo/scripts/…
#
#SBATCH --job-name=hpo_manager
#SBATCH --output=hpo_manager_%j.out
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=3-00:00:00
# Back into the queue when preempted, with one log for all lives of the job.
#SBATCH --requeue
#SBATCH --open-mode=append
# Five minutes before the time limit this shell gets USR1, and the manager starts anew.
#SBATCH --signal=B:USR1@300
# On Amarel `nonpre` is not preempted; without the line, the cluster's default partition is used.
##SBATCH --partition=nonpre
##SBATCH --mail-user=netid@rutgers.edu
##SBATCH --mail-type=END,FAIL
#
# The interpreter: $HPO_PYTHON if set, else that of an activated environment, else .venv, else
# python3. An environment that only modules or conda provide is activated here:
# module use /projects/community/modulefiles; module load …
# source activate tfa-predictor

set -u
cd "${SLURM_SUBMIT_DIR:-$PWD}" || exit 2

if [ -n "${HPO_PYTHON:-}" ]; then
    python=$HPO_PYTHON
elif [ -n "${VIRTUAL_ENV:-}" ]; then
    python=$VIRTUAL_ENV/bin/python
elif [ -n "${CONDA_PREFIX:-}" ]; then
    python=$CONDA_PREFIX/bin/python
elif [ -x .venv/bin/python ]; then
    python=$PWD/.venv/bin/python
else
    python=$(command -v python3)
fi
if [ -f main_hpo.py ]; then
    manager=("$python" -u main_hpo.py)
else
    # Not with -m, which would take a file or folder named hpo in this folder for the package.
    start='import sys; sys.path = [p for p in sys.path if p]; import hpo.cli; sys.exit(hpo.cli.main())'
    manager=("$python" -u -c "$start" run)
fi

out_of_time=no
child=
ask_to_leave() { # SIGNAL
    [ -n "$child" ] && kill -s "$1" "$child" 2>/dev/null
}
trap 'out_of_time=yes; ask_to_leave USR1' USR1
trap 'ask_to_leave TERM' TERM

# In the background, because bash runs traps only between commands or in `wait`.
run_manager() {
    "${manager[@]}" "$@" &
    child=$!
    wait "$child"
    code=$?
    while kill -0 "$child" 2>/dev/null; do # a trap ended the wait early
        wait "$child"
        code=$?
    done
}

crashes=0
while :; do
    run_manager "$@"
    # Killed (137) or crashed (134, 139) without having been asked: on a node that still lives the
    # manager goes on from its journal, but not for ever.
    case $code in
        134 | 137 | 139)
            crashes=$((crashes + 1))
            if [ "$out_of_time" = no ] && [ "$crashes" -le 5 ]; then
                echo "manager ended with code $code; starting it again in 10 s"
                export HPO_RESTARTED=1 # a stop that was asked for stays in force
                sleep 10
                continue
            fi
            ;;
    esac
    break
done

# 75: interrupted and resumable.
if [ "$out_of_time" = yes ] && [ "$code" -eq 75 ]; then
    echo "time limit is near: job ${SLURM_JOB_ID} goes back into the queue"
    if ! scontrol requeue "$SLURM_JOB_ID"; then
        echo "requeue was refused; resume with: sbatch $0 $*"
    fi
fi
exit "$code"
