# Run "$@" beside a Ray head at $ADDRESS with authentication mode $HEAD_MODE; call inside namespaces of its own.
set -eu
mount --make-rprivate /
export RAY_TMPDIR=/tmp          # Ray finds running clusters by files in /tmp/ray; the checkout may lie in /tmp too
mkdir -p /tmp/ray
mount -t tmpfs none /tmp/ray
ip link set lo up
ip address add "${ADDRESS%:*}/32" dev lo   # an address that is not loopback, yet leads nowhere
RAY_AUTH_MODE=$HEAD_MODE "$RAY" start --head --num-cpus=1 --object-store-memory=100000000 --include-dashboard=false \
    --disable-usage-stats --node-ip-address="${ADDRESS%:*}" --port="${ADDRESS##*:}" >&2
"$@"
