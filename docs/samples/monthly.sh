#!/bin/sh
# Audits the month before this one into a folder of its own. The password comes from standard input.
# Usage: monthly.sh FOLDER [OPTIONS OF vbr-audit audit]
set -eu
folder=$1
shift
month=$(date -d "$(date +%Y-%m-01) -1 day" +%Y-%m) # GNU date; on a Mac: date -v1d -v-1d +%Y-%m
exec vbr-audit audit --month "$month" --out "$folder/$month" --password-stdin --quiet "$@"
