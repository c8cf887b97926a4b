#!/bin/sh
# Runs all schemathesis checks against a new demo, from the OpenAPI document alone.
#   run.sh --short    a few hundred cases        run.sh --long    more than 2,000
# Needs python3 with venv, and the built program. Installs schemathesis under the target folder.
set -eu

VERSION=4.32.5
case "${1:-}" in
    --short) examples=10 ;;
    --long) examples=250 ;;
    *) echo "run.sh --short | --long" >&2; exit 2 ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../../target}
venv=$target/tools/schemathesis-$VERSION
[ -x "$venv/bin/schemathesis" ] || {
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$VERSION"
}

folder=$(mktemp -d)
"$target/debug/hrm-backend" demo --listen 127.0.0.1:0 --data-dir "$folder/data" >"$folder/out" 2>"$folder/log" &
demo=$!
trap 'kill "$demo" 2>/dev/null; wait "$demo" 2>/dev/null || true; rm -rf "$folder"' EXIT
tries=0
until grep -q "listening on" "$folder/out"; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] && kill -0 "$demo" || { cat "$folder/log" >&2; exit 1; }
    sleep 0.1
done
HRM_URL=$(sed -n 's/^listening on //p' "$folder/out")
export HRM_URL SCHEMATHESIS_HOOKS=hooks PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1

# Schemathesis would wait for the end of the event stream, which has none. contract.rs reads it.
cd "$folder"
"$venv/bin/schemathesis" --config-file "$here/schemathesis.toml" run "$HRM_URL/openapi.json" \
    --checks all --max-examples "$examples" --seed 7 --exclude-path /v1/me/visma-connect/events \
    --request-timeout 20 --warnings off --continue-on-failure --no-color
