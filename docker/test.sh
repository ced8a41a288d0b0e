#!/bin/sh
# Builds the images and runs every service of docker-compose.yml once, on small jobs.
set -eu
cd "$(dirname "$0")/.."

if command -v docker-compose >/dev/null; then
    compose=docker-compose
else
    compose="docker compose"
fi
run="test_docker_$$"
tiny="--n-demo-episodes 2 --total-bc-epochs 1 --total-rl-timesteps 2000 --n-envs 2"

finish() {
    $compose down >/dev/null 2>&1
    rm -rf outputs/"$run"_*
}
trap finish EXIT

$compose build pidog_rl
$compose build test

$compose run --rm pidog_rl python train_pretrain_finetune.py $tiny --experiment-name "${run}_pidog"
$compose run --rm humanoid_rl sb3-mimic train --env humanoid $tiny --experiment-name "${run}_humanoid"
for robot in pidog humanoid; do
    model="outputs/${run}_$robot/model.zip"
    [ "$(stat -c %u "$model")" = "$(stat -c %u outputs)" ] || {
        echo "$model does not belong to the owner of outputs" >&2
        exit 1
    }
done

$compose run --rm test

$compose up -d tensorboard
for attempt in $(seq 30); do
    if $compose exec -T tensorboard python -c \
        "import urllib.request as r; r.urlopen('http://localhost:6006/data/runs')" 2>/dev/null; then
        echo "containers: all services ran"
        exit 0
    fi
    sleep 1
done
echo "tensorboard did not answer within 30 s" >&2
exit 1
