#!/usr/bin/env bash
# Stops the cluster of start_cluster.sh: stop_cluster.sh [DIR]  (root)
#
# Ends the daemons of DIR and their jobs, nothing else. The logs stay in DIR until the next start.
set -euo pipefail
export LC_ALL=C

dir=$(realpath -m -- "${1:-/tmp/hpo-slurm-test}")
[[ -d $dir/run ]] || exit 0

# start_cluster.sh calls this script while it holds the lock.
if [[ ${HPO_TEST_SLURM_LOCKED:-} != 1 ]]; then
    exec 9>"$dir.lock"
    flock -w 900 9
fi

ours() { grep -qsz "^HPO_TEST_SLURM_DIR=$dir\$" "/proc/$1/environ"; }

end() { # end NAME: asks the daemon of NAME's pid file to end, and insists after 10 s
    local pid
    pid=$(cat "$dir/run/$1.pid" 2>/dev/null) || return 0
    if ours "$pid"; then
        kill -TERM "$pid" 2>/dev/null || true
        # A daemon stopped by a test would not hear the first signal.
        kill -CONT "$pid" 2>/dev/null || true
        for _ in {1..100}; do
            ours "$pid" || break
            sleep 0.1
        done
        ! ours "$pid" || kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -f "$dir/run/$1.pid"
}

kill_tree() {
    local child children
    children=$(pgrep -P "$1" || true)
    kill -KILL "$1" 2>/dev/null || true
    for child in $children; do
        kill_tree "$child"
    done
}

for file in "$dir"/run/slurmd.*.pid; do
    [[ -e $file ]] || continue
    file=${file##*/}
    end "${file%.pid}" &
done
wait
end slurmctld
# Jobs outlive slurmd. Their steps hide their environment, but hold the log of their slurmd open.
for step in $(pgrep -x slurmstepd || true); do
    logs=$(find "/proc/$step/fd" -lname "$dir/log/*" 2>/dev/null || true)
    [[ -z $logs ]] || kill_tree "$step"
done
end slurmdbd
end mariadbd
end munged # has a pid file only if start_cluster.sh had to start it
