#!/bin/sh
# Runs a PostgreSQL for one test program in a temporary folder, which also has its socket. Stops it and deletes the folder
# when standard input closes, so also when the test program is killed.
# When it is ready, it prints the folder of the socket.
# The argument `durable`, for benchmarks, keeps PostgreSQL's default settings, which sync to the disk.
set -eu

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || { echo "no PostgreSQL: apt-get install postgresql" >&2; exit 1; }

# PostgreSQL does not run as root.
if [ "$(id -u)" = 0 ]; then
    # The user postgres may be unable to read this script and this folder, so they are left before switching to it.
    text=$(cat "$0")
    cd /
    exec setpriv --reuid=postgres --regid=postgres --init-groups sh -c "$text" sh "$@"
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/hrm-postgres.XXXXXX")
trap 'kill -INT "$server" 2>/dev/null && wait "$server" || true; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
cd "$folder"
"$bin/initdb" --pgdata="$folder/data" --username=hrm --auth=trust --encoding=UTF8 --no-locale --no-sync >"$folder/log" 2>&1
# Test data need not survive a power cut.
fast="-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
[ "${1:-}" != durable ] || fast=
# shellcheck disable=SC2086 # several words, or none
"$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= $fast -c max_connections=400 >>"$folder/log" 2>&1 &
server=$!
tries=0
until "$bin/pg_isready" --quiet --host="$folder" --username=hrm; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || { cat "$folder/log" >&2; exit 1; }
    sleep 0.1
done
echo "$folder"
cat >/dev/null
