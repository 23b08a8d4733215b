#!/bin/sh
# A Dask cluster by SSH for `vbr-audit fleet audit`: one scheduler here, two worker processes on each host.
# Every host has the same version of vbr-audit[fleet], the certificates below, the history under the same path, and the
# passwords that servers.toml names.
set -eu

HOSTS="audit1.example audit2.example"
CERTS="/etc/vbr-audit/tls"          # ca.pem, cert.pem, key.pem, on every host
SCHEDULER="tls://$(hostname -f):8786"
TLS="--tls-ca-file $CERTS/ca.pem --tls-cert $CERTS/cert.pem --tls-key $CERTS/key.pem"

# shellcheck disable=SC2086
dask scheduler --protocol tls --port 8786 --no-dashboard $TLS &
trap 'kill %1' EXIT

for HOST in $HOSTS; do
    # shellcheck disable=SC2086
    ssh "$HOST" "dask worker $SCHEDULER --nworkers 2 --nthreads 1 --no-dashboard $TLS" &
done

vbr-audit fleet audit --servers servers.toml --history /srv/vbr-audit/history --out "fleet-$(date +%Y-%m)" \
    --month "$(date -d 'last month' +%Y-%m)" --timezone Europe/Berlin --deadline 30m --min-coverage 95% \
    --scheduler "$SCHEDULER" --scheduler-ca "$CERTS/ca.pem" --scheduler-cert "$CERTS/cert.pem" \
    --scheduler-key "$CERTS/key.pem"
