#!/bin/sh
# Does an archive that `make dist` built install in a fresh environment, and do the tests of
# the source archive beside it pass there, far from this folder?
#
#     tests/try_archive.sh dist/sklabelcraft-VERSION-py3-none-any.whl
set -eu
archive=$(realpath "$1")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
tar --extract --strip-components 1 --file "$(dirname "$archive")"/*.tar.gz
rm -rf sklabelcraft *.egg-info # what is installed is tested, not what lies here
"${PYTHON:-python3}" -m venv environment
environment/bin/python -m pip install --quiet --constraint constraints.txt "$archive[plots,tests]"
environment/bin/python -m pytest -n 2 --quiet --pyargs sklabelcraft tests docs
