#!/bin/sh
# Resolve the dependencies of pyproject.toml and lock them with hashes, naming no index.
set -eu
cd "$(dirname "$0")/.."

compile() {
    output=$1
    shift
    .venv/bin/python -m piptools compile --quiet --strip-extras --generate-hashes --allow-unsafe \
        --no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
        --output-file "requirements/$output.txt" "$@"
}

compile runtime --extra server --extra agent --extra cli --extra demo pyproject.toml requirements/build.in
compile dev --extra server --extra agent --extra cli --extra demo --extra dev pyproject.toml requirements/build.in
compile awscli requirements/awscli.in
