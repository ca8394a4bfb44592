"""What `scontrol show`, `sacctmgr show`, `sinfo` and `squeue` tell of a cluster and its limits."""

from __future__ import annotations

from hpo.cluster.slurm.site import (
    Association,
    Limit,
    Nodes,
    Use,
    read_association,
    read_nodes,
    read_qos,
    read_rules,
    read_site,
    read_use,
)

CONFIG = """\
Configuration data as of 2026-11-29T14:44:34
AccountingStorageEnforce = associations,limits,qos
AccountingStorageType   = accounting_storage/slurmdbd
ClusterName             = amarel
KillWait                = 30 sec
MaxArraySize            = 1001
PreemptMode             = GANG,REQUEUE
PreemptParameters       = send_user_signal
PreemptType             = preempt/partition_prio
SlurmctldParameters     = (null)
SLURM_VERSION           = 22.05.8
"""
PARTITIONS = """\
PartitionName=main AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL Default=YES QoS=N/A GraceTime=0 \
State=UP PreemptMode=REQUEUE
PartitionName=lab AllowAccounts=lab,guest DenyAccounts=odd AllowQos=own Default=NO QoS=part_lab \
GraceTime=120 State=DRAIN PreemptMode=OFF
No partitions in the system
"""
# Of the columns in ASSOCIATION_FIELDS.
ASSOCIATIONS = """\
general|general||normal,long|normal|8|500|1-00:00:00|gres/gpu=2|||
general|general|gpu|normal||||||100|1000|gres/gpu=16
general|lab||own|||||||20|
a row of another shape
"""
QOS = """\
normal|16|500|3-00:00:00|gres/gpu=4|cpu=64,gres/gpu=8||1000|gres/gpu=100
long||||||||
another shape
"""


def test_the_settings_of_a_cluster() -> None:
    site = read_site(CONFIG)
    assert (site.name, site.version, site.max_array_size) == ("amarel", "22.05.8", 1001)
    assert (site.preempts, site.preempt_mode, site.kill_wait_s) == (True, "GANG", 30)
    assert (site.warns, site.accounts) == (True, True)
    assert site.enforced == {"associations", "limits", "qos"}


def test_a_cluster_that_tells_nothing_has_nothing() -> None:
    site = read_site("")
    assert (site.max_array_size, site.preempts, site.accounts) == (None, False, False)
    assert not read_site("PreemptType = preempt/none").preempts
    assert not read_site("AccountingStorageType = accounting_storage/none").accounts


def test_the_rules_of_partitions() -> None:
    main, lab = read_rules(PARTITIONS)
    assert (main.name, main.is_default, main.state, main.accounts) == (
        "main",
        True,
        "UP",
        frozenset(),
    )
    assert main.own_qos is None
    assert lab.accounts == {"lab", "guest"}
    assert (lab.denied, lab.qos) == (frozenset({"odd"}), frozenset({"own"}))
    assert (lab.own_qos, lab.grace_s, lab.preempt_mode) == ("part_lab", 120, "OFF")


def test_the_association_of_the_account_and_the_partition_that_are_used() -> None:
    default = read_association(ASSOCIATIONS, None, "main")
    assert default == Association(
        "general",
        ("general", "lab"),
        "normal",
        (Limit("account general", 8, 500, 1440, None, 2),),
    )
    gpu = read_association(ASSOCIATIONS, "general", "gpu")
    assert gpu.qos == "normal"
    assert gpu.limits == (Limit("account general", 100, 1000, gpus=16, shared=True),)
    lab = read_association(ASSOCIATIONS, "lab", None)
    assert (lab.qos, lab.limits) == ("own", (Limit("account lab", submitted=20, shared=True),))
    assert read_association(ASSOCIATIONS, "nope", None) == Association("nope", ("general", "lab"))
    assert read_association("", None, None) == Association(None)


def test_the_limits_of_a_qos() -> None:
    assert read_qos(QOS, {"normal", "long"}) == [
        Limit("QOS normal", 16, 500, 4320, 8, 4),
        Limit("QOS normal", None, 1000, gpus=100, shared=True),
    ]


def test_what_a_user_has_in_the_queue() -> None:
    rows = """\
RUNNING|gres:gpu:2|mine
RUNNING|gres/gpu:a100:1|trial_3.search-1234
RUNNING|N/A|a|b
PENDING|gres:gpu:4|trial.search-1234

COMPLETING|gres:gpu|x
"""
    assert read_use(rows) == Use(running=4, waiting=1, gpus=4)
    assert read_use(rows, "search-1234") == Use(running=3, waiting=0, gpus=3)


def test_what_nodes_have() -> None:
    rows = """\
main*|64|256000|gpu:a100:2(S:0),gpu:v100:1|ampere,ib
main*|32+|128000+|(null)|(null)
lab|8|8000|gpu:4|(null)
another shape
"""
    assert read_nodes(rows, {"main"}) == [
        Nodes(64, 256_000, {"a100": 2, "v100": 1}, frozenset({"ampere", "ib"})),
        Nodes(32, 128_000, {}, frozenset()),
    ]
    assert read_nodes(rows, {"lab"})[0].gpus == {"": 4}
