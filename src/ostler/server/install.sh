#!/bin/sh
# Makes this machine a node of an Ostler server:  sh install.sh SERVER REGION
#
# `ostler activations create` prints the whole command. On standard input the script reads one
# line, the id and the code of an activation; an agent that is registered already needs none and
# is brought to the server's version. The same again is harmless.
#
#   sh install.sh SERVER REGION [--name NAME]     SERVER is https://HOST:PORT
#   sh install.sh --uninstall                     remove the agent and what it keeps
#
# With OSTLER_PREFIX everything is put under that folder instead, for images and for tests.
#
# Beside the script lies ca.pem, if the server has an authority of its own: no other is trusted.
set -eu

PREFIX=${OSTLER_PREFIX:-}
ROOT=$PREFIX/opt/ostler-agent
DATA=$PREFIX/var/lib/ostler-agent
UNIT=$PREFIX/etc/systemd/system/ostler-agent.service
COMMAND=$PREFIX/usr/local/bin/ostler-agent

fail() { echo "install: $*" >&2; exit 1; }
has_systemd() { [ -d "$PREFIX/run/systemd/system" ]; }

uninstall() {
    if has_systemd && [ -e "$UNIT" ]; then
        systemctl disable --now ostler-agent.service
        rm -f "$UNIT"
        systemctl daemon-reload
    fi
    rm -f "$COMMAND"
    rm -rf "$ROOT" "$DATA"
    echo "The agent is removed. The server keeps the node until somebody deregisters it."
}

find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "the agent needs Python 3.11 or newer; install one first (apt install python3," \
        "dnf install python3.11, zypper install python311, apk add python3)."
}

download() {
    if command -v curl >/dev/null 2>&1; then
        if [ -e ca.pem ]; then curl -fsS --cacert ca.pem -o "$2" "$1"; else curl -fsS -o "$2" "$1"; fi
    elif command -v wget >/dev/null 2>&1; then
        if [ -e ca.pem ]; then wget -q --ca-certificate=ca.pem -O "$2" "$1"; else wget -q -O "$2" "$1"; fi
    else
        fail "curl or wget is needed."
    fi
}

[ "$(id -u)" = 0 ] || [ -n "$PREFIX" ] || fail "this must be run as root."
[ "$(uname -s)" = Linux ] || fail "only Linux can be installed so."
if [ "${1:-}" = --uninstall ]; then
    uninstall
    exit 0
fi
[ $# -ge 2 ] || fail "usage: sh install.sh SERVER REGION [--name NAME]"
SERVER=$1
REGION=$2
shift 2
cd "$(dirname "$0")"
PYTHON=$(find_python)

KIND=$("$PYTHON" -I -c 'import platform, sys
library = "glibc" if platform.libc_ver()[0] == "glibc" else "musl"
print(f"cp{sys.version_info[0]}{sys.version_info[1]}-{platform.machine()}-{library}")')
BUNDLE=$(mktemp)
trap 'rm -f "$BUNDLE"' EXIT
download "$SERVER/v1/agent/$KIND.zip" "$BUNDLE" || fail "the server has no agent for $KIND, or did not" \
    "answer. On the server, ostler-server bundle --help says how one is made."
"$PYTHON" -I "$BUNDLE" install --root "$ROOT"
mkdir -p "$(dirname "$COMMAND")"
ln -sf "$ROOT/bin/ostler-agent" "$COMMAND"

if [ ! -e "$DATA/registration.json" ]; then
    read -r OSTLER_ACTIVATION_ID OSTLER_ACTIVATION_CODE ||
        fail "an activation is needed: its id and its code, in one line on standard input."
    export OSTLER_ACTIVATION_ID OSTLER_ACTIVATION_CODE
    if [ -e ca.pem ]; then set -- --ca-file "$PWD/ca.pem" "$@"; fi
    "$COMMAND" register --data "$DATA" --server "$SERVER" --region "$REGION" "$@"
    unset OSTLER_ACTIVATION_ID OSTLER_ACTIVATION_CODE
else
    echo "This machine is registered already."
fi

if has_systemd; then
    mkdir -p "$(dirname "$UNIT")"
    "$COMMAND" unit > "$UNIT"
    systemctl daemon-reload
    systemctl enable --quiet ostler-agent.service
    systemctl restart ostler-agent.service
    echo "The agent runs: systemctl status ostler-agent. If something is wrong: ostler-agent doctor"
else
    echo "There is no systemd here. Have whatever supervises this machine's services run, as root,"
    echo "and start again whenever it ends:"
    echo "    $COMMAND run --data $DATA"
fi
