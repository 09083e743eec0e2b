#!/usr/bin/env bash
# Everything a fresh machine needs: .venv with the package and its test extras; QGIS, Xvfb and Chromium on Debian
# as root.
# Called by make when setup.cfg, pyproject.toml or this file changed (stamp file .venv/.stamp); safe to repeat.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf '\033[1m== %s\033[0m\n' "$*"; }

# The tests run inside QGIS need QGIS's own Python version, so that one goes first.
python=${PYTHON:-}
for candidate in /usr/bin/python3 python3.11 python3.12 python3.13 python3; do
    [ -n "$python" ] && break
    if command -v "$candidate" >/dev/null && "$candidate" -c '
import sys, ensurepip, venv
raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
    fi
done
if [ -z "$python" ]; then
    echo "Python 3.11 or newer with venv is needed. Install it, or name it: make test PYTHON=/path/to/python" >&2
    exit 1
fi

if [ ! -x .venv/bin/python ]; then
    say "Making .venv with $("$python" --version)"
    "$python" -m venv .venv
fi
say "Installing geolivelihood and its test extras into .venv (several GB the first time: torch brings CUDA)"
log=.venv/pip.log
if ! .venv/bin/python -m pip install --disable-pip-version-check --editable '.[dev,bench]' >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    echo "Installing failed; the whole log is in $log" >&2
    exit 1
fi
.venv/bin/python -c 'import geolivelihood.cli'

wanted="qgis python3-qgis qttools5-dev-tools xvfb xauth chromium"
missing=""
if command -v dpkg-query >/dev/null; then
    for package in $wanted; do
        dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
fi
if [ -z "$missing" ] && command -v dpkg-query >/dev/null; then
    :
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "Installing QGIS, Xvfb and a browser for the report's test:$missing"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends $missing >/dev/null
else
    say "Tests in QGIS and in a browser are skipped until these are here. To install them:"
    echo "   sudo apt-get install --no-install-recommends $wanted      (or see https://qgis.org)"
fi
.venv/bin/python qgis_plugin/link_qgis.py
touch .venv/.stamp
