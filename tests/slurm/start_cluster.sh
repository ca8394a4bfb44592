#!/usr/bin/env bash
# Starts a private SLURM for the tests: start_cluster.sh [DIR]  (root, Debian or Ubuntu)
#
# Four nodes gpu1..gpu4 with two fake GPUs each, all on this machine, with accounting and with
# two partition tiers that preempt for real. Everything but munge lives under DIR. The last line
# of stdout is `export SLURM_CONF=...`; all other talk goes to stderr.
#
# Safe to call at any time: returns at once when the cluster is up, restarts only the daemons that
# are missing (state and jobs are kept), and builds a fresh cluster when nothing usable is left.
set -euo pipefail
umask 022
export LC_ALL=C

dir=$(realpath -m -- "${1:-/tmp/hpo-slurm-test}")
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
conf=$dir/etc/slurm.conf
nodes=(gpu1 gpu2 gpu3 gpu4)
# Far from 6817-6819 and 3306, so that a SLURM or a database of the machine is left alone.
port_base=${HPO_TEST_SLURM_PORT_BASE:-16810}
# SLURM holds a requeued job back for the lifetime of its credential: 120 s by default, too long
# for tests.
requeue_delay_s=${HPO_TEST_SLURM_REQUEUE_DELAY_S:-10}

say() { printf 'start_cluster: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

[[ $dir =~ ^/[A-Za-z0-9._/-]+$ ]] || die "slurm.conf cannot express this folder: $dir"
[[ $EUID -eq 0 ]] || die "needs root"
[[ -e /etc/debian_version ]] || die "needs Debian or Ubuntu"

# The lock lies beside DIR because DIR is wiped under it.
exec 9>"$dir.lock"
flock -w 900 9 || die "another start_cluster.sh holds $dir.lock"

# ---------------------------------------------------------------------------------- packages
install_packages() {
    local package missing=()
    for package in slurm-wlm slurmdbd munge mariadb-server; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            missing+=("$package")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    say "installing ${missing[*]}"
    # apt waits for dpkg's lock by itself, but not for the lock on the package lists.
    local attempt
    for attempt in {1..30}; do
        apt-get update -q >&2 9>&- && break
        say "apt-get update failed (attempt $attempt)"
        sleep 5
    done
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -yq \
        --no-install-recommends "${missing[@]}" >&2 9>&- </dev/null
}

# ---------------------------------------------------------------------------------- daemons
alive() { # alive NAME: the process in NAME's pid file runs and was started for this DIR
    local pid
    pid=$(cat "$dir/run/$1.pid" 2>/dev/null) || return 1
    # A pid may have been given to somebody else since.
    grep -qsz "^HPO_TEST_SLURM_DIR=$dir\$" "/proc/$pid/environ"
}

spawn() { # spawn NAME COMMAND...: starts a daemon that keeps nothing of the caller's
    local name=$1
    shift
    (
        cd /
        # An inherited pipe would make `start_cluster.sh | cat` wait for the daemon's end.
        for fd in /proc/"$BASHPID"/fd/*; do
            fd=${fd##*/}
            [[ $fd -le 2 ]] || eval "exec $fd>&-"
        done
        # A clean environment, for the caller may itself be a job of another SLURM.
        exec setsid env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            LC_ALL=C HPO_TEST_SLURM_DIR="$dir" SLURM_CONF="$conf" "$@" \
            </dev/null >>"$dir/log/$name.out" 2>&1
    ) &
    echo $! >"$dir/run/$name.pid"
}

wait_for() { # wait_for SECONDS WHAT COMMAND...
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= deadline)); then
            say "$what did not come up; see $dir/log"
            return 1
        fi
        sleep 0.1
    done
}

sql() { mariadb --no-defaults --socket="$dir/run/mariadb.sock" --user=root "$@"; }

munge_works() { timeout 5 munge -n; }
port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

usable_nodes() {
    timeout 10 sinfo -h -N -p main -o '%T' 2>/dev/null |
        grep -cxE 'idle|mixed|allocated|completing|planned|reserved|maint' || true
}
nodes_ready() { [[ $(usable_nodes) -eq ${#nodes[@]} ]]; }

daemons=(mariadbd slurmdbd slurmctld "${nodes[@]/#/slurmd.}")

any_alive() {
    local name
    for name in "${daemons[@]}"; do
        ! alive "$name" || return 0
    done
    return 1
}
all_alive() {
    local name
    for name in "${daemons[@]}"; do
        alive "$name" || return 1
    done
}

start_munge() {
    ! munge_works >/dev/null 2>&1 || return 0
    [[ -s /etc/munge/munge.key ]] || mungekey --create --keyfile /etc/munge/munge.key
    chown munge: /etc/munge/munge.key
    # slurmdbd's persistent connections know only the default socket.
    install -d -o munge -g munge -m 755 /run/munge
    spawn munged setpriv --reuid=munge --regid=munge --clear-groups munged --foreground --force
    wait_for 10 munged munge_works
}

start_missing() {
    start_munge || return 1
    if ! alive mariadbd; then
        spawn mariadbd mariadbd --no-defaults --user=root --datadir="$dir/db" \
            --socket="$dir/run/mariadb.sock" --pid-file="$dir/run/own/mariadbd.pid" \
            --port=$((port_base + 6)) --bind-address=127.0.0.1 --skip-name-resolve \
            --innodb-buffer-pool-size=64M --innodb-lock-wait-timeout=900 \
            --innodb-flush-log-at-trx-commit=0
        wait_for 30 mariadbd sql -e 'SELECT 1' || return 1
        sql -e "CREATE DATABASE IF NOT EXISTS slurm_acct_db;
            GRANT ALL ON slurm_acct_db.* TO 'slurm'@'127.0.0.1' IDENTIFIED BY 'hpotest'" || return 1
    fi
    if ! alive slurmdbd; then
        spawn slurmdbd slurmdbd -D
        wait_for 30 slurmdbd port_open $((port_base + 9)) || return 1
    fi
    if [[ ! -e $dir/accounts-made ]]; then
        wait_for 30 'accounting' sacctmgr -n show cluster || return 1
        # slurmctld refuses jobs of users without an association.
        {
            sacctmgr -iQ add cluster hpotest &&
                sacctmgr -iQ add account hpo Cluster=hpotest Description=tests Organization=tests &&
                sacctmgr -iQ add user root Account=hpo Cluster=hpotest DefaultAccount=hpo
        } >"$dir/log/sacctmgr.out" 2>&1 || return 1
        touch "$dir/accounts-made"
    fi
    if ! alive slurmctld; then
        spawn slurmctld slurmctld -D -f "$conf"
        wait_for 30 slurmctld timeout 5 scontrol ping || return 1
    fi
    local node
    for node in "${nodes[@]}"; do
        alive "slurmd.$node" || spawn "slurmd.$node" slurmd -D -f "$conf" -N "$node"
    done
}

# ---------------------------------------------------------------------------------- configuration
write_config() {
    mkdir -p "$dir"/{etc,log,run/own,state,spool,dev,db}
    touch "$dir/.hpo-test-slurm"
    # SLURM wants a character device per GPU, and reads CUDA_VISIBLE_DEVICES from its name.
    ln -s /dev/null "$dir/dev/nvidia0"
    ln -s /dev/zero "$dir/dev/nvidia1"

    cat >"$conf" <<END
ClusterName=hpotest
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=cred_expire=$requeue_delay_s
SlurmctldPort=$((port_base + 7))
SlurmctldPidFile=$dir/run/own/slurmctld.pid
SlurmctldLogFile=$dir/log/slurmctld.log
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
SlurmdPidFile=$dir/run/own/slurmd.%n.pid
SlurmdLogFile=$dir/log/slurmd.%n.log
MailProg=/bin/true
MpiDefault=none

# No cgroups: they need a privileged host.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill

SlurmctldDebug=info
SlurmdDebug=info
SlurmdTimeout=30
KillWait=5
InactiveLimit=0
MinJobAge=300
ReturnToService=2
JobRequeue=1

SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_min_interval=0,default_queue_depth=1000
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PriorityType=priority/multifactor
PriorityWeightAge=1000
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE

AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$((port_base + 9))
AccountingStorageEnforce=associations,limits,qos
AccountingStorageTRES=gres/gpu

# More than the machine has, so that GPUs are what runs out.
SlurmdParameters=config_overrides
GresTypes=gpu
DefMemPerCPU=1000
NodeName=gpu[1-4] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[$((port_base + 11))-$((port_base + 14))] Sockets=1 CoresPerSocket=64 ThreadsPerCore=1 RealMemory=256000 Gres=gpu:2 State=UNKNOWN

# The condominium: owners push the jobs of everybody else off the same nodes.
PartitionName=DEFAULT Nodes=gpu[1-4] MaxTime=3-00:00:00 DefaultTime=1:00:00 State=UP
PartitionName=main Default=YES PriorityTier=1 PreemptMode=REQUEUE
PartitionName=gpu PriorityTier=1 PreemptMode=REQUEUE
PartitionName=owner PriorityTier=10 PreemptMode=OFF
END
    echo "Name=gpu File=$dir/dev/nvidia[0-1]" >"$dir/etc/gres.conf"
    # Without this SLURM probes the host's cgroup tree and may refuse to start.
    echo 'CgroupPlugin=cgroup/v1' >"$dir/etc/cgroup.conf"

    install -m 600 /dev/null "$dir/etc/slurmdbd.conf"
    cat >"$dir/etc/slurmdbd.conf" <<END
AuthType=auth/munge
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$((port_base + 9))
SlurmUser=root
LogFile=$dir/log/slurmdbd.log
PidFile=$dir/run/own/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$((port_base + 6))
StorageUser=slurm
StoragePass=hpotest
StorageLoc=slurm_acct_db
END
}

start_afresh() {
    if [[ -e $dir ]]; then
        # Wipe nothing that this script did not make.
        [[ -e $dir/.hpo-test-slurm || -z $(ls -A "$dir") ]] || die "$dir is not a test cluster's"
        HPO_TEST_SLURM_LOCKED=1 "$here/stop_cluster.sh" "$dir" 9>&-
        rm -rf -- "$dir"
    fi
    say "building a cluster in $dir"
    write_config
    mariadb-install-db --no-defaults --user=root --datadir="$dir/db" --skip-test-db \
        --auth-root-authentication-method=socket --auth-root-socket-user=root \
        >"$dir/log/mariadb-install.out" 2>&1 || die "see $dir/log/mariadb-install.out"
    start_missing && wait_for 60 'the four nodes' nodes_ready
}

repair() {
    say "starting what is missing in $dir"
    start_missing || return 1
    wait_for 10 'the four nodes' nodes_ready && return
    # A node drained or set down by hand does not come back by itself.
    scontrol update "nodename=gpu[1-4]" state=resume >/dev/null 2>&1 || true
    wait_for 20 'the four nodes' nodes_ready
}

# ---------------------------------------------------------------------------------- main
unset "${!SLURM_@}" "${!SACCTMGR_@}" "${!SINFO_@}"
export SLURM_CONF=$conf

install_packages
if ! { munge_works >/dev/null 2>&1 && all_alive && nodes_ready; }; then
    { any_alive && repair; } || start_afresh || die "the cluster did not start; see $dir/log"
fi
say "$(usable_nodes) nodes are up"
echo "export SLURM_CONF=$conf"
