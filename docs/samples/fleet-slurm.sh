#!/bin/sh
#SBATCH --job-name=vbr-audit-fleet
#SBATCH --ntasks=9
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu=2G
#SBATCH --time=04:00:00
# One scheduler and eight workers under Slurm. The history is on a file system that all nodes share.
set -eu

CERTS="/etc/vbr-audit/tls"
SCHEDULER="tls://$(hostname -f):8786"
TLS="--tls-ca-file $CERTS/ca.pem --tls-cert $CERTS/cert.pem --tls-key $CERTS/key.pem"

# shellcheck disable=SC2086
dask scheduler --protocol tls --port 8786 --no-dashboard $TLS &
# shellcheck disable=SC2086
srun --ntasks=8 dask worker "$SCHEDULER" --nworkers 1 --nthreads 1 --no-dashboard $TLS &

vbr-audit fleet audit --servers servers.toml --history /shared/vbr-audit/history --out "fleet-$(date +%Y-%m)" \
    --month "$(date -d 'last month' +%Y-%m)" --timezone Europe/Berlin --deadline 30m --min-coverage 95% \
    --scheduler "$SCHEDULER" --scheduler-ca "$CERTS/ca.pem" --scheduler-cert "$CERTS/cert.pem" \
    --scheduler-key "$CERTS/key.pem"
