# The life of a cluster, with the commands that docs/cluster.md gives and the cluster.yaml of the repository:
# ray up, ray submit with arguments, ray rsync-down, ray down. Called by test_ray_submit.py as
#
#     unshare --net --pid --mount --uts --fork --mount-proc --kill-child \
#         bash cycle.sh PYTHON REPOSITORY WORK SCRIPT ARGUMENT...
#
# `ray down` runs `ray stop` over SSH, which kills every Ray process it can see. In namespaces of our own it sees ours
# only, port 22 is free, nothing is open to the network, and nothing outlives this script (PID 1: bash, since it reaps).
set -euo pipefail
PYTHON=$1 REPOSITORY=$2 WORK=$3 SCRIPT=$4
shift 4
HERE=$(dirname "$(readlink -f "$0")")
ray() { "$PYTHON" -m ray.scripts.scripts "$@"; }
step() { printf '\n=== %s (%s s)\n' "$*" "$SECONDS"; }

mount --make-rprivate /
ip link set lo up

mkdir -p "$WORK/client/tmp" "$WORK/head" "$WORK/worker" "$WORK/shared" # shared: both hosts see it, like NFS
export HOME="$WORK/client" TMPDIR="$WORK/client/tmp" RAY_TMPDIR="$WORK/client/tmp" RAY_USAGE_STATS_ENABLED=0
export AUTOSCALER_NODE_START_WAIT_S=60 # a host whose SSH server fails shall not cost the default 15 minutes

step two hosts, each with an SSH server, a home and processes of its own
ssh-keygen -q -t ed25519 -N '' -f "$HOME/key"
for host in head:127.0.0.1 worker:127.0.0.2; do
    unshare --pid --mount --uts --fork --mount-proc --kill-child \
        bash "$HERE/host.sh" "$PYTHON" "$WORK" "${host%:*}" "${host#*:}" "$HOME/key.pub" &
done

step a token and a cluster file
ray get-auth-token --generate >/dev/null
chmod 600 "$HOME/.ray/auth_token"
"$PYTHON" "$HERE/cluster_file.py" "$REPOSITORY/cluster.yaml" "$WORK/cluster.yaml" "$HOME/key"

cd "$REPOSITORY" # the file mounts start here
step ray up
ray up --yes --no-config-cache "$WORK/cluster.yaml"

step ray exec: what arrived on the head, and both hosts in the cluster
ray exec "$WORK/cluster.yaml" \
    "python -c 'import dalbt_ray; print(\"code:\", dalbt_ray.__file__)'; stat -c 'token: %a' ~/.ray/auth_token"
# A sweep packs its trials onto the nodes that it finds when it starts, and `ray up` does not wait for the workers.
ray exec "$WORK/cluster.yaml" \
    'timeout 180 bash -c "until ray status | grep -q 2.local.cluster.node; do sleep 2; done"'

step ray submit
ray submit "$WORK/cluster.yaml" "$SCRIPT" -- "$@" --results "$WORK/shared/results"

step ray submit with a wrong argument: the failure has to arrive here
if ray submit "$WORK/cluster.yaml" "$SCRIPT" -- --preset nonsense; then exit 1; fi

step ray rsync-down
ray rsync-down "$WORK/cluster.yaml" "$WORK/shared/results/" "$WORK/fetched/"

step ray down
ray down --yes "$WORK/cluster.yaml"
if pgrep --list-full gcs_server; then exit 1; fi
step the worker leaves by itself once its head is gone
timeout 60 bash -c 'while pgrep raylet; do sleep 1; done'
step end
