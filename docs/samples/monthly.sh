#!/bin/sh
# Audits the month before this one into a folder of its own, and delivers what it says. The password comes from
# standard input. Usage: monthly.sh FOLDER [OPTIONS OF vbr-audit audit]; DELIVER_TO names the file of channels, if any.
set -eu
folder=$1
shift
month=$(date -d "$(date +%Y-%m-01) -1 day" +%Y-%m) # GNU date; on a Mac: date -v1d -v-1d +%Y-%m
run=$folder/$month
code=0 delivered=0
vbr-audit audit --month "$month" --out "$run" --password-stdin --quiet "$@" || code=$?
if [ -n "${DELIVER_TO:-}" ]; then
    vbr-audit deliver "$run" --to "$DELIVER_TO" --quiet || delivered=$?
fi
# Findings that fail (1) are a result: a delivery that failed is told before them, and after all that is worse.
if [ "$code" -le 1 ] && [ "$delivered" -ne 0 ]; then code=$delivered; fi
exit "$code"
