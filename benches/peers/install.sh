#!/bin/sh
# Installs what `ratios` and `socketmap` compare with, at the versions written beside this script:
#   npm   package.json, package-lock.json   mailauth
#   PyPI  requirements.txt                  postfix-mta-sts-resolver, with what it imports, and uvloop
# Nothing is installed outside FOLDER, and packages run no install scripts of their own.
# A second run does nothing unless a version has changed.
#
# usage: install.sh [FOLDER]     FOLDER: target/peers of the workspace
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
folder=${1:-$here/../../target/peers}

need() {
    command -v "$1" >/dev/null && return
    echo "install.sh: '$1' is missing; install $2, or leave the peers out with 'ratios --no-peers'" >&2
    exit 1
}
need node "Node.js"
need npm "npm"
need python3 "Python 3 with its venv module"

wanted=$(cat "$here/package-lock.json" "$here/requirements.txt" | cksum)
mkdir -p "$folder"
if [ "$(cat "$folder/installed" 2>/dev/null)" = "$wanted" ]; then
    echo "install.sh: up to date in $folder"
    exit 0
fi
rm -rf "$folder/npm" "$folder/venv" "$folder/installed"

mkdir "$folder/npm"
cp "$here/package.json" "$here/package-lock.json" "$folder/npm/"
npm --prefix "$folder/npm" ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2

python3 -m venv "$folder/venv" || {
    echo "install.sh: python3 cannot make a virtual environment; install its venv module" >&2
    exit 1
}
# All that is needed stands there: the same versions each time.
"$folder/venv/bin/python" -m pip --quiet --disable-pip-version-check install \
    --no-deps --only-binary :all: -r "$here/requirements.txt" >&2

echo "$wanted" >"$folder/installed"
echo "install.sh: installed in $folder"
