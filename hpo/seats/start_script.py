"""How SLURM's jobs start, in words for a shell: a batch script that never changes, what it reads.

The batch script is copied by SLURM when a job is asked for, hours before it starts. So it only
reads `jobs/start.sh`, which the manager writes anew at each of its starts: settings that are edited
reach the jobs that wait. A start that fails is written down for the node in `jobs/starts/`, and the
job holds its place and tries again, so that a bad node or an environment that is away does not eat
the queue. Needs bash 4.2 and coreutils. Pure: builds words, runs nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from hpo.seats import environment
from hpo.seats.wall_time import LEAVE_AT, TRY

END = "# whole"  # the last line: what is read without it is torn, or not there yet
PATIENCE_S = 600  # a start that fails is tried again for so long
FIRST_PAUSE_S, LAST_PAUSE_S = 5, 15  # between two tries

MARK = "HPO_START_MARK"
"""The variable that names the mark of a start that is under way; see `hpo/job/start.py`."""


def batch_command(jobs: str) -> str:
    """What a batch script runs: `start.sh` of the folder `jobs`, whole or not at all."""
    return f"""\
hpo_jobs={shlex.quote(jobs)}
while hpo_text=$(cat -- "$hpo_jobs/start.sh" 2>/dev/null); \
[ "${{hpo_text##*$'\\n'}}" != '{END}' ] || [ ! -O "$hpo_jobs/start.sh" ]; do
    if [ "$SECONDS" -ge {PATIENCE_S} ]; then
        echo "this job ends: $hpo_jobs/start.sh cannot be read, or is somebody else's" >&2
        exit 1
    fi
    sleep {FIRST_PAUSE_S}
done
eval "$hpo_text\""""


@dataclass(frozen=True, slots=True)
class Start:
    """How the jobs of a campaign start.

    Attributes:
        root: the campaign's folder.
        program: the file that Python runs; it knows `seat ROOT` and `check ROOT`.
        env_setup: the user's lines.
        python: the words of the Python that is set; None: the one that `env_setup` chooses, or
            `default`.
        default: the manager's own.
        home: where the package is imported from.
        strict: whether a line of `env_setup` that fails ends the start.
        gpus: how many each job asks for.
    """

    root: str
    program: str
    env_setup: tuple[str, ...]
    python: tuple[str, ...] | None
    default: str
    home: str
    strict: bool = True
    gpus: int = 0

    def text(self) -> str:
        """The contents of `start.sh`."""
        lines = [line for entry in self.env_setup for line in entry.splitlines()]
        chooses = self.python is None and bool(lines)
        setup = environment.lines(lines, self.default) if chooses else lines
        before, after = (setup[:1], setup[1 + len(lines) :]) if chooses else ([], [])
        words = f'"${environment.PYTHON}"' if chooses else _words(self.python or [self.default])
        return "\n".join(
            [
                _HEAD % self._names(lines),
                *before,
                *(_watched(lines, strict=self.strict) if lines else []),
                *after,
                f"hpo_words=({words})",
                f'export PYTHONPATH={shlex.quote(self.home)}"${{PYTHONPATH:+:$PYTHONPATH}}"',
                _TAIL,
                END,
                "",
            ]
        )

    def _names(self, lines: Sequence[str]) -> dict[str, object]:
        return {
            "root": shlex.quote(self.root),
            "program": shlex.quote(self.program),
            "lines": _words(lines),
            "gpus": self.gpus,
            "patience_s": PATIENCE_S,
            "first_s": FIRST_PAUSE_S,
            "last_s": LAST_PAUSE_S,
            "leave_at": LEAVE_AT,
            "try": TRY,
        }


def _words(words: Sequence[str]) -> str:
    return " ".join(shlex.quote(word) for word in words)


def _watched(lines: Sequence[str], *, strict: bool) -> list[str]:
    """The lines, with traps that tell which of them fails.

    What fails within a sourced file or a function is their business; how they end counts.
    """
    failed = "hpo_failed env_setup" if strict else "hpo_note"
    told = '"$(hpo_where "$hpo_line" "$BASH_COMMAND"): exit code $hpo_code"'
    ended = '"$(hpo_where "$hpo_at" exit): the shell ended, exit code $hpo_code"'
    return [
        "hpo_depth=${#BASH_SOURCE[@]} hpo_at=0 hpo_base=999999",
        "trap 'hpo_code=$? hpo_line=$((LINENO - hpo_base)); "
        f'[ "${{#BASH_SOURCE[@]}}" -gt "$hpo_depth" ] || {failed} {told}\' ERR',
        f"trap 'hpo_code=$?; hpo_failed env_setup {ended}' EXIT",
        'trap \'[ "$LINENO" -le "$hpo_base" ] || hpo_at=$((LINENO - hpo_base))\' DEBUG',
        "hpo_base=$LINENO",
        *lines,
        "trap - DEBUG ERR EXIT",
    ]


_HEAD = """\
# How the jobs of this campaign start. Each reads it when it starts, and again before each new try;
# the manager writes it anew whenever it starts.
hpo_root=%(root)s
hpo_program=%(program)s
hpo_gpus=%(gpus)d
hpo_lines=(%(lines)s)
hpo_path=$PATH hpo_pwd=$PWD hpo_failures=
hpo_node=${SLURMD_NODENAME:-$(uname -n)}
hpo_job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
hpo_job=${hpo_job:-$SLURM_JOB_ID}
hpo_starts=$hpo_root/jobs/starts
hpo_mine=$hpo_starts/$hpo_node.$hpo_job
hpo_try=${%(try)s:-1}
printf -v hpo_now '%%(%%s)T' -1
hpo_since=${HPO_START_SINCE:-$hpo_now}
unset %(try)s HPO_START_SINCE

# The line of env_setup with the number $1; where that is none, the command $2.
hpo_where() {
    if [ "$1" -ge 1 ] && [ "$1" -le "${#hpo_lines[@]}" ]; then
        printf '%%s' "line $1 of env_setup, ${hpo_lines[$(($1 - 1))]}"
    else
        printf '%%s' "env_setup, $2"
    fi
}

# A line failed, and the start goes on.
hpo_note() {
    echo "$1" >&2
    hpo_failures="$hpo_failures${hpo_failures:+; }$1"
}

# The node is to be left: another start of this job, elsewhere.
hpo_leave() {
    echo "no more jobs start on $hpo_node for now: this job goes back into the queue" >&2
    rm -f -- "$hpo_mine"
    timeout 60 scontrol requeue "$SLURM_JOB_ID" && sleep 60
    exit 1
}

# The start failed, of the kind $1, because $2: written down, tried again, given up at last.
hpo_failed() {
    trap - DEBUG ERR EXIT
    set +eufx
    IFS=$' \\t\\n' PATH=$hpo_path
    unset LD_LIBRARY_PATH LD_PRELOAD
    cd -- "$hpo_pwd" || :
    local now pause said entry saved=() log=$hpo_root/jobs/${hpo_job}_0_log.out
    printf -v now '%%(%%s)T' -1
    said=$(tail -n 1 -- "$log" 2>/dev/null)
    case $said in "start "*) said= ;; esac
    echo "start $hpo_try on $hpo_node failed: $2" >&2
    mkdir -p -- "$hpo_starts"
    printf '%%s\\n' "kind $1" "node $hpo_node" "job $hpo_job" "since $hpo_since" "last $now" \\
        "tries $hpo_try" "why ${2//$'\\n'/ }" "said ${said//$'\\r'/ }" >"$hpo_mine.tmp" &&
        mv -f -- "$hpo_mine.tmp" "$hpo_mine"
    if [ $((now - hpo_since)) -ge %(patience_s)d ]; then
        echo "this job ends: it could not start for $((now - hpo_since)) s" >&2
        exit 1
    fi
    pause=$((%(first_s)d * hpo_try / 3 + %(first_s)d))
    sleep $((pause < %(last_s)d ? pause : %(last_s)d))
    if [ -e "$hpo_root/leave" ] || [ -e "$hpo_root/stop.json" ]; then
        echo "the campaign stops or is over: this job ends" >&2
        rm -f -- "$hpo_mine"
        exit 0
    fi
    while IFS= read -r entry; do
        [ "$entry" != "$hpo_node" ] || hpo_leave
    done 2>/dev/null <"$hpo_starts/leave"
    while IFS= read -r -d '' entry; do
        saved+=("$entry")
    done </proc/$$/environ  # as it was before env_setup
    exec env -i "${saved[@]}" %(try)s=$((hpo_try + 1)) HPO_START_SINCE="$hpo_since" \\
        %(leave_at)s="$%(leave_at)s" "$BASH" "$0"
}
"""

_TAIL = """\
set +euf
if ! command -v -- "${hpo_words[0]}" >/dev/null 2>&1; then
    hpo_failed python "the Python of the jobs is not there: ${hpo_words[0]}"
fi
[ -r "$hpo_program" ] || hpo_failed python "hpo is not there: $hpo_program"
# A mark for those that start here next; Python takes it away when it is up.
[ -d "$hpo_starts" ] || PATH=$hpo_path mkdir -p -- "$hpo_starts"
printf 'at %(%s)T\\n' -1 >"$hpo_mine"
for hpo_other in "$hpo_starts/$hpo_node".*; do
    case $hpo_other in *.up | *.tmp | "$hpo_mine") continue ;; esac
    "${hpo_words[@]}" -c '' || hpo_failed python "${hpo_words[*]} ended with exit code $?"
    break
done
# The first job looks whether all that is needed is there.
if [ ! -e "$hpo_root/jobs/ground.json" ] &&
    PATH=$hpo_path mkdir -- "$hpo_starts/ground" 2>/dev/null; then
    if ! hpo_said=$(HPO_FAILURES=$hpo_failures HPO_GPUS=$hpo_gpus \\
        "${hpo_words[@]}" -u "$hpo_program" check "$hpo_root"); then
        PATH=$hpo_path rmdir -- "$hpo_starts/ground"
        hpo_failed imports "${hpo_said:-the check of the first job did not end}"
    fi
fi
export HPO_START_MARK=$hpo_mine
shopt -s execfail
exec "${hpo_words[@]}" -u "$hpo_program" seat "$hpo_root"
hpo_failed python "${hpo_words[*]} cannot be run"
"""
