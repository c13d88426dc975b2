#!/usr/bin/env bash
# Runs the whole pipeline over the gateway: ingestion, training (with evaluation and registration), and a page to see
# that prediction works. Waits for each; stops with a sentence and status 1 where one fails.
#
# Example: INKREAD_USER=ada INKREAD_PASSWORD_FILE=/run/secrets/ada scripts/run_mlops_pipeline.sh
# Cron:    0 3 1 * * INKREAD_USER=ada INKREAD_PASSWORD_FILE=/etc/inkread/ada /opt/inkread/scripts/run_mlops_pipeline.sh
#
# INKREAD_GATEWAY_URL    http://127.0.0.1:8000
# INKREAD_INGEST         request for POST /ingest as JSON, {} renders pages
# INKREAD_TRAIN          body for POST /train as JSON
# INKREAD_PAGE           a page for the smoke test, examples/letter.png beside this script's folder
# INKREAD_PROMOTE        yes: promote the new version where the gate does not object
# INKREAD_WAIT_SECONDS   longest wait for one job, 86400
set -euo pipefail

url=${INKREAD_GATEWAY_URL:-http://127.0.0.1:8000}
user=${INKREAD_USER:-admin1}
page=${INKREAD_PAGE:-$(dirname "$0")/../examples/letter.png}
wait_seconds=${INKREAD_WAIT_SECONDS:-86400}
if [ -n "${INKREAD_PASSWORD_FILE:-}" ]; then
    password=$(cat "$INKREAD_PASSWORD_FILE")
else
    password=${INKREAD_PASSWORD:-1nimda} # the demo user of a developer's machine
fi

fail() {
    echo "run_mlops_pipeline: $*" >&2
    exit 1
}

# The credentials go to curl by a file that only this process has open, so that no list of processes shows them.
call() {
    curl --silent --show-error --max-time 600 --config <(printf 'user = "%s:%s"\n' "$user" "$password") "$@"
}

# field NAME < JSON: a text field of a flat JSON object
field() {
    sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1
}

run() {
    local name=$1
    shift
    local answer id state before=""
    answer=$(call "$@") || fail "$name: the gateway at $url does not answer"
    id=$(field id <<<"$answer")
    [ -n "$id" ] || fail "$name was refused: $(field detail <<<"$answer")"
    echo "$name: job $id"
    local deadline=$((SECONDS + wait_seconds))
    while :; do
        # a service that is being restarted answers 503 or not at all: ask again
        answer=$(call "$url/jobs/$id" || true)
        state=$(field state <<<"$answer")
        stage=$(field stage <<<"$answer")
        if [ "$state $stage" != "$before" ]; then
            echo "$name: ${state:-waiting for the service} $stage"
            before="$state $stage"
        fi
        case $state in
            succeeded) return ;;
            failed | cancelled) fail "$name $state: $(field message <<<"$answer")" ;;
        esac
        [ "$SECONDS" -lt "$deadline" ] || fail "$name took longer than $wait_seconds seconds; job $id goes on"
        sleep 2
    done
}

run ingestion --form "request=${INKREAD_INGEST:-{\}}" "$url/ingest"
run training --header 'Content-Type: application/json' --data "${INKREAD_TRAIN:-{\}}" "$url/train"
if [ "${INKREAD_PROMOTE:-no}" = yes ]; then
    answer=$(call --header 'Content-Type: application/json' --data '{"why":"run_mlops_pipeline"}' \
        "$url/models/challenger/promote")
    grep -q '"served"' <<<"$answer" || fail "promotion was refused: $(field detail <<<"$answer")"
    echo "promotion: $answer"
fi
text=$(call --form "file=@$page" "$url/predict?format=txt") || fail "prediction does not answer"
case $text in
    '{"type"'*) fail "prediction: $(field detail <<<"$text")" ;;
    '') fail "prediction read nothing on $page" ;;
esac
echo "prediction: read $(wc -l <<<"$text") lines, the first is: $(head -n 1 <<<"$text")"
