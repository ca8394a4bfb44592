#!/bin/bash

# Parameters
#SBATCH --array=0-1%1
#SBATCH --cpus-per-task=1
#SBATCH --job-name=trial.digits_example-a03942
#SBATCH --mem=2048M
#SBATCH --nodes=1
#SBATCH --open-mode=append
#SBATCH --output=@HERE@/results/jobs/%A_%a_0_log.out
#SBATCH --requeue
#SBATCH --signal=B:USR2@60
#SBATCH --time=10

# setup
export HPO_SEAT_MIN=10
export PYTHONPATH=@HPO@"${PYTHONPATH:+:$PYTHONPATH}"
export HPO_LIMIT_MIN=10
export HPO_LEAVE_AT=$(( ${SLURM_JOB_END_TIME:-$(( $(date +%s) + 600 ))} - 60 ))

# command
export SUBMITIT_EXECUTOR=slurm
exec @PYTHON@ -u -m hpo.slurm_seat @HERE@/results -u -m submitit.core._submit @HERE@/results/jobs
