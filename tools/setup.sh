#!/bin/sh
# Set up one part of the workshop: runtime | dev | awscli | postgresql | nats | rpm | curl.
# Installs Debian's or Ubuntu's packages where it may; otherwise names the one command that does.
set -eu

python=${PYTHON:-python3}
venv=.venv
part=$1

say() { printf '%s\n' "$*" >&2; }

# install_packages WHY PACKAGE...: as root, with passwordless sudo, or not at all
install_packages() {
    why=$1
    shift
    if ! command -v apt-get >/dev/null 2>&1; then
        say "$why Please install the equivalent of: $*"
        exit 1
    fi
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root=sudo
    else
        say "$why This command does it:"
        say "    sudo apt-get update && sudo apt-get install -y $*"
        exit 1
    fi
    say "$why Installing: $*"
    $as_root apt-get update -qq
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

need_python() {
    if ! command -v "$python" >/dev/null 2>&1; then
        install_packages "Python 3.11 or newer is missing." python3 python3-venv
    fi
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        say "Ostler needs Python 3.11 or newer; $python is $("$python" --version 2>&1)."
        say "Name another one with: make PYTHON=/path/to/python3 …"
        exit 1
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        install_packages "Python's venv module is missing." "python$version-venv"
    fi
}

# fill FOLDER LOCK: a virtual environment with exactly what the lock says
fill() {
    [ -x "$1/bin/python" ] || "$python" -m venv "$1"
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$2"
}

case $part in
runtime | dev)
    need_python
    say "Setting up $venv ($part)"
    fill "$venv" "requirements/$part.txt"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --no-deps --no-index --no-build-isolation --editable .
    touch "$venv/$part"
    [ "$part" = runtime ] || touch "$venv/runtime"
    ;;
awscli)
    # The aws CLI pins a botocore of its own, so it lives in its own environment.
    need_python
    say "Setting up $venv/aws (the aws CLI that the tests drive)"
    fill "$venv/aws" requirements/awscli.txt
    touch "$venv/awscli"
    ;;
postgresql)
    for folder in /usr/lib/postgresql/*/bin $(echo "$PATH" | tr ':' ' '); do
        if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then exit 0; fi
    done
    install_packages "The tests need PostgreSQL's programs." postgresql
    ;;
nats)
    if command -v nats-server >/dev/null 2>&1; then exit 0; fi
    install_packages "The tests need NATS's server." nats-server
    ;;
rpm)
    if command -v rpm >/dev/null 2>&1; then exit 0; fi
    install_packages "The tests compare versions with rpm." rpm
    ;;
curl)
    if command -v curl >/dev/null 2>&1; then exit 0; fi
    install_packages "The tests install an agent with the line that uses curl." curl
    ;;
*)
    say "setup.sh: runtime, dev, awscli, postgresql, nats, rpm or curl, not $part"
    exit 2
    ;;
esac
